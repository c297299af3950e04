"""Reading and writing where the other end may keep us waiting: pipes, terminals, files.

Waiting for a pipe or a terminal leaves the event loop free, so that a signal ends a command whose reader has fallen
asleep. How long somebody takes to read or to write is theirs to say, so there is no deadline.
"""

from __future__ import annotations

import asyncio
import os
import select
import stat

PIECE_BYTES = select.PIPE_BUF
"""A pipe that is ready takes as much at once, and does not block."""
READ_BYTES = 1 << 16


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`. Raises OSError, BrokenPipeError where nobody reads any more."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        await asyncio.to_thread(_write, descriptor, data)
        return
    rest = memoryview(data)
    while rest:
        if not select.select([], [descriptor], [], 0)[1]:
            await _until_writable(descriptor)
        rest = rest[os.write(descriptor, rest[:PIECE_BYTES]) :]


async def read_some(descriptor: int) -> bytes:
    """What there is to read, up to 64 KiB; empty at the end. Raises OSError."""
    if not select.select([descriptor], [], [], 0)[0]:
        await _until_readable(descriptor)
    return os.read(descriptor, READ_BYTES)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


async def _until_writable(descriptor: int) -> None:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)


async def _until_readable(descriptor: int) -> None:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
