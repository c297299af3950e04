"""A line to one target of Chromium, whoever carries it: a pipe of ours, or Playwright's driver.

What is said over it is the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/tot/.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Protocol

PICTURE_QUALITY = 50
"""Of WebP, up to 100. Small print can still be read."""

Listener = Callable[[dict[str, Any]], None]


class CommandFailed(Exception):
    """Chromium refused a command; the words are its own."""


class Line(Protocol):
    """A page, a frame in a process of its own, a worker, or the browser."""

    is_flat: bool
    """Whether the lines of its children are asked for with "flatten"."""

    refusals: tuple[type[Exception], ...]
    """What `send` raises where Chromium refuses a command."""

    async def send(self, method: str, **parameters: Any) -> Any:
        """Give a command and return its answer. Raises `CommandFailed`, and `BrowserGone` when the target is gone."""

    def tell(self, method: str, **parameters: Any) -> None:
        """Give a command whose answer nobody needs. Commands arrive in their order. One to the dead is dropped."""

    def on(self, method: str, listener: Listener) -> Callable[[], None]:
        """Have `listener` called for each event of that name; returns what takes it off again."""

    def child(self, session_id: str) -> Line:
        """The line to a target that this one has announced."""


async def picture(page: Line) -> bytes:
    """What a page shows in its window, as WebP. Raises as `Line.send` does."""
    answer = await page.send("Page.captureScreenshot", format="webp", quality=PICTURE_QUALITY)
    return base64.b64decode(answer["data"])


async def renderers(browser: Line) -> dict[int, float]:
    """By pid, how much processor time each renderer of `browser` has used. Raises as `Line.send` does."""
    answer = await browser.send("SystemInfo.getProcessInfo")
    return {one["id"]: float(one["cpuTime"]) for one in answer["processInfo"] if one["type"] == "renderer"}


async def processor_seconds(line: Line) -> float:
    """How much processor time the process of a page says it has used. Raises `BrowserGone` and `CommandFailed`."""
    await line.send("Performance.enable")
    answer = await line.send("Performance.getMetrics")
    await line.send("Performance.disable")
    metrics = {one["name"]: one["value"] for one in answer["metrics"]}
    if "ProcessTime" not in metrics:
        raise CommandFailed("Performance.getMetrics: it tells no ProcessTime")
    return float(metrics["ProcessTime"])
