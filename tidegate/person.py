"""A person at a window: when are they done?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.async_api import Page


async def until_done(page: Page) -> str:
    """Wait for Enter in the terminal ("enter"), or for the window to be closed ("closed").

    Where input has ended, or is a file, only the window counts.
    """
    closed, entered = asyncio.Event(), asyncio.Event()

    def on_close(_: Page) -> None:
        closed.set()

    page.on("close", on_close)
    if page.is_closed():
        closed.set()
    try:
        with _reading(entered):
            waiting = [asyncio.create_task(event.wait()) for event in (closed, entered)]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
    finally:
        page.remove_listener("close", on_close)
    return "closed" if closed.is_set() else "enter"


@contextmanager
def _reading(entered: asyncio.Event) -> Iterator[None]:
    """Set `entered` when a line comes on standard input."""
    loop = asyncio.get_running_loop()
    try:
        number = sys.stdin.fileno()
        loop.add_reader(number, lambda: _read(loop, number, entered))
    except (AttributeError, ValueError, OSError):
        # There is none, or it is a file, which never has to be waited for.
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(number)


def _read(loop: asyncio.AbstractEventLoop, number: int, entered: asyncio.Event) -> None:
    data = os.read(number, 4096)
    if b"\n" in data:
        entered.set()
    if not data:
        loop.remove_reader(number)
