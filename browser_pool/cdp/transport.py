"""The line to a Chromium: messages go out, messages come in, and once, at the end, it is lost.

A Chromium that we started is spoken to through a pipe: no port is open for others to find, and when this process
dies, be it by SIGKILL, the pipe breaks and Chromium ends by itself. One that runs elsewhere is reached by WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from browser_pool.errors import BrowserGone

ON_PIPES = ("/bin/sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "tidegate")
"""Chromium reads commands from descriptor 3 and answers on 4, and asyncio hands out 0 and 1. The shell replaces
itself by Chromium."""

LAST_WORDS_BYTES = 8192

COLLECT_SECONDS = 1.0

MOST_BYTES = 32 << 20
"""Of one message. A page decides how much it gives back, and to parse it takes many times its size, on our side."""
BEGINNING_BYTES = 512


class Transport(Protocol):
    """A line. `on_message` gets each message as it comes, `on_lost` is called once when no more can come.

    Of a message above `MOST_BYTES` only the beginning is kept, and given to `on_oversized`.
    """

    on_message: Callable[[bytes], None]
    on_oversized: Callable[[bytes], None]
    on_lost: Callable[[], None]

    def send(self, message: bytes) -> None:
        """Hand a message over. Never waits. Raises `BrowserGone` when the line is lost."""

    async def close(self) -> None:
        """Hang up. Twice is harmless."""


class PipeTransport(asyncio.SubprocessProtocol):
    """The line to a Chromium that was started here. `last_words` is the end of what it wrote to its stderr."""

    on_message: Callable[[bytes], None]
    on_oversized: Callable[[bytes], None]
    on_lost: Callable[[], None]

    def __init__(self) -> None:
        self.on_message = lambda _: None
        self.on_oversized = lambda _: None
        self.on_lost = lambda: None
        self.ended = asyncio.Event()
        self._process: asyncio.SubprocessTransport | None = None
        self._to: asyncio.WriteTransport | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._said = bytearray()

    @classmethod
    async def start(cls, executable: Path, arguments: list[str], environment: dict[str, str]) -> PipeTransport:
        """Start it as the leader of a session of its own, so that a Ctrl-C in our terminal is for us alone."""
        loop = asyncio.get_running_loop()
        process, line = await loop.subprocess_exec(
            cls, *ON_PIPES, str(executable), *arguments, env=environment, start_new_session=True
        )
        line.be_connected(process)
        return line

    def be_connected(self, process: asyncio.SubprocessTransport) -> None:
        """Take hold of the process and of the way to it."""
        to = process.get_pipe_transport(0)
        assert isinstance(to, asyncio.WriteTransport)  # noqa: S101 it was asked for by default
        self._process, self._to = process, to

    @property
    def pid(self) -> int:
        """Of Chromium's first process."""
        assert self._process is not None  # noqa: S101 `start` is the only way to make one
        return self._process.get_pid()

    @property
    def last_words(self) -> str:
        """The end of its stderr."""
        return self._said.decode(errors="replace")

    def send(self, message: bytes) -> None:
        """See `Transport.send`."""
        if self._to is None or self._to.is_closing():
            raise BrowserGone("the pipe to Chromium is closed")
        self._to.write(message + b"\0")

    async def close(self) -> None:
        """See `Transport.close`. Chromium ends when nobody is on the line any more."""
        if self._to is not None:
            self._to.close()
        if self._process is not None:
            # Left a moment to be collected where it is waited for; to close collects it, too, and both can't.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COLLECT_SECONDS):
                    await self.ended.wait()
            self._process.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take what Chromium wrote: messages end with a zero byte, and may come in pieces."""
        if fd == 2:
            self._said += data
            del self._said[:-LAST_WORDS_BYTES]
            return
        first, *rest = data.split(b"\0")
        self._add(first)
        for piece in rest:
            message, size = b"".join(self._parts), self._size
            self._parts, self._size = [], 0
            self._add(piece)
            if size > MOST_BYTES:
                self.on_oversized(message[:BEGINNING_BYTES])
            else:
                self.on_message(message)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._parts.append(piece)
        if self._size > MOST_BYTES:
            self._parts = [b"".join(self._parts)[:BEGINNING_BYTES]]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's
        """Chromium hung up."""
        if fd == 1:
            self.on_lost()

    def process_exited(self) -> None:
        """Chromium's first process has ended."""
        self.ended.set()
        self.on_lost()
