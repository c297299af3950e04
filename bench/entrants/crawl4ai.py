"""Crawl4AI: `AsyncWebCrawler.arun_many`, with its `MemoryAdaptiveDispatcher`.

What was chosen where its documentation leaves a choice:

- `MemoryAdaptiveDispatcher` with its own thresholds, `stream=True`, and no rate limiter, which would hold up a crawl
  of one host (https://docs.crawl4ai.com/advanced/multi-url-crawling). Its example permits 10 sessions; the task's
  number of workers takes as much CPU a page on two cores, with fewer pages open.
- `use_persistent_context`, with a profile that is thrown away afterwards: a page took two thirds of the CPU
  (https://docs.crawl4ai.com/advanced/identity-based-crawling). Now and then a page is closed that has just been
  handed out again, hence:
- `max_retries=3` (https://docs.crawl4ai.com/api/parameters): without, one page in some hundred was lost.
- `js_code` that waits and reads, and whose result is what was read, in place of `wait_for` and a second script
  (https://docs.crawl4ai.com/core/page-interaction). `delay_before_return_html`, a tenth of a second, is off.
- `wait_until="commit"`, since it waits for what it reads (https://docs.crawl4ai.com/api/parameters).
- `text_mode`, `light_mode`, `avoid_css` and `avoid_ads` are off, as by default: they made no difference to the CPU
  that a page takes. Blocking is a route, which also switches the browser's HTTP cache off.
- No `session_id`: "not suitable for parallel operations" (https://docs.crawl4ai.com/advanced/session-management).
- `CacheMode.BYPASS`: each address is opened (https://docs.crawl4ai.com/core/cache-modes).

It has no setting for the browser's executable. So Playwright is shown a folder of browsers (PLAYWRIGHT_BROWSERS_PATH)
in which the headless shell of its revision is a link to the task's executable; nothing of Crawl4AI is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import playwright

from bench.task import Record, Task, Telling, given

SHELL_FOLDERS = {
    ("Linux", "x86_64"): "chrome-headless-shell-linux64",
    ("Linux", "aarch64"): "chrome-headless-shell-linux-arm64",
    ("Darwin", "x86_64"): "chrome-headless-shell-mac-x64",
    ("Darwin", "arm64"): "chrome-headless-shell-mac-arm64",
}
"""Where Playwright looks within a headless shell's folder, by system and machine."""


async def crawl(task: Task, telling: Telling, profile: str) -> None:
    # Imported late: on import it makes its folder where the environment says.
    from crawl4ai import (  # noqa: PLC0415
        AsyncWebCrawler,
        BrowserConfig,
        CacheMode,
        CrawlerRunConfig,
        MemoryAdaptiveDispatcher,
    )

    config = CrawlerRunConfig(
        cache_mode=CacheMode.BYPASS,
        stream=True,
        verbose=False,
        max_retries=3,
        page_timeout=round(task.page_seconds * 1000),
        wait_until="commit",
        delay_before_return_html=0,
        js_code=script(task),
    )
    dispatcher = MemoryAdaptiveDispatcher(max_session_permit=task.workers)
    # A result names its URL only, and the same URL may have been asked for more than once.
    untold = {address.url: [a for a in task.addresses if a.url == address.url] for address in task.addresses}
    browser = BrowserConfig(headless=True, verbose=False, use_persistent_context=True, user_data_dir=profile)
    async with AsyncWebCrawler(config=browser) as crawler:
        urls = [address.url for address in task.addresses]
        async for result in await crawler.arun_many(urls, config=config, dispatcher=dispatcher):
            if not result.success:
                print(f"{result.url}: {result.error_message}", file=sys.stderr)
            telling.tell(untold[result.url].pop(0), posts_of(result))


def script(task: Task) -> str:
    """The code that reads a page; one for all pages, so it looks its argument up by where it is."""
    arguments = {address.url: task.argument(address) for address in task.addresses}
    return f"return await ({task.wait_and_read})(({json.dumps(arguments)})[location.href]);"


def posts_of(result: Any) -> list[Record] | None:
    """What the code returned; None where the page was not opened, or the code failed."""
    if not result.success:
        return None
    returned = ((result.js_execution_result or {}).get("results") or [None])[0]
    return returned if isinstance(returned, list) else None


def show_browser(executable: str, folder: Path) -> None:
    """Make `folder` one in which Playwright finds `executable` as the headless shell that it expects."""
    known = json.loads((Path(playwright.__file__).parent / "driver" / "package" / "browsers.json").read_text())
    revision = next(b["revision"] for b in known["browsers"] if b["name"] == "chromium-headless-shell")
    shell = folder / f"chromium_headless_shell-{revision}"
    link = shell / SHELL_FOLDERS[platform.system(), platform.machine()] / "chrome-headless-shell"
    link.parent.mkdir(parents=True)
    link.symlink_to(executable)
    for marker in ("INSTALLATION_COMPLETE", "DEPENDENCIES_VALIDATED"):
        (shell / marker).touch()


def main() -> None:
    task, telling = given()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-crawl4ai-", ignore_cleanup_errors=True) as scratch:
        show_browser(task.executable, Path(scratch) / "browsers")
        os.environ["PLAYWRIGHT_BROWSERS_PATH"] = f"{scratch}/browsers"
        os.environ["CRAWL4_AI_BASE_DIRECTORY"] = scratch
        os.environ["CRAWL4AI_NO_CLOUD_NOTICE"] = "1"
        asyncio.run(crawl(task, telling, f"{scratch}/profile"))


if __name__ == "__main__":
    main()
