"""A window on this machine, and the person at it: whether there can be one, and when they are done."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from browser_pool import find_chromium

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def why_no_display(environment: Mapping[str, str], platform: str) -> str | None:
    """Why no window can be seen here; None where one can. Pure."""
    if platform != "linux" or any(environment.get(name) for name in DISPLAYS):
        return None
    return f"there is no screen ({' and '.join(DISPLAYS)} are not set)"


def full_chromium(setting: Path | None) -> Path:
    """A Chromium that has windows: the user's, unless that is a headless shell. Raises `ChromiumNotFound`."""
    named = setting if setting is not None and "headless" not in setting.name else None
    return find_chromium(named, headed=True).executable


async def until_done(context: BrowserContext, enter: asyncio.Event) -> None:
    """Wait until Enter is pressed, or the last window of `context` is closed, or its browser is gone."""
    closed = asyncio.Event()

    def look(_: object = None) -> None:
        if not context.pages:
            closed.set()

    def watch(page: Any) -> None:
        page.on("close", look)

    for page in context.pages:
        watch(page)
    context.on("page", watch)
    context.on("close", lambda _: closed.set())
    look()
    waits = [asyncio.ensure_future(event.wait()) for event in (enter, closed)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()


@contextmanager
def hearing_enter(keyboard: int | None) -> Iterator[asyncio.Event]:
    """An event that is set when a line comes from `keyboard`. Where nobody can press a key it never is."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()
    if keyboard is None:
        yield pressed
        return

    def on_input() -> None:
        said = os.read(keyboard, 4096)
        if b"\n" in said:
            pressed.set()
        if not said:
            # Its end: nobody is there, and the window is left to be closed.
            loop.remove_reader(keyboard)

    try:
        loop.add_reader(keyboard, on_input)
    except (OSError, ValueError):
        # A file, or nothing at all.
        yield pressed
        return
    try:
        yield pressed
    finally:
        loop.remove_reader(keyboard)


def keyboard() -> int | None:
    """The file descriptor on which Enter is pressed; None where there is none."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return None
