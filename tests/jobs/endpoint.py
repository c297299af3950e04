"""An endpoint for chat completions on loopback, which answers as a test has written down beforehand."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self


def said(text: Any, *, tokens: int | None = 42, finish: str = "stop") -> bytes:
    """A completion."""
    answer: dict[str, Any] = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}]
    }
    if tokens is not None:
        answer["usage"] = {"prompt_tokens": 1, "completion_tokens": tokens - 1, "total_tokens": tokens}
    return json.dumps(answer).encode()


@dataclass
class Answer:
    """What one request gets. `hangs`: nothing, ever; `drips`: a byte now and then, for ever."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drips: bool = False
    cuts: bool = False


class Endpoint:
    """Answers requests in their order; the last answer stands for all later ones."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its base address."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.paths.append(head[0].split()[1])
        self.headers.append(headers)
        self.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.hangs:
            await asyncio.Event().wait()
        lines = [f"HTTP/1.1 {answer.status} Said", "connection: close"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        length = len(answer.body) + (1000 if answer.drips or answer.cuts else 0)
        writer.write("\r\n".join([*lines, f"content-length: {length}", "", ""]).encode() + answer.body)
        await writer.drain()
        while answer.drips:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)
