"""Crawlee for Python: its `PlaywrightCrawler`, as it scales itself, or with `--fixed` as many pages as the task says.

What was chosen where its documentation leaves a choice, each because it took less CPU a page here:

- `block_requests` in a pre-navigation hook, with its own patterns and the site's tracker
  (https://crawlee.dev/python/docs/examples/playwright-crawler-with-block-requests).
- `goto_options`: navigation ends at "commit", since the handler waits for what it reads
  (https://crawlee.dev/python/api/class/PlaywrightCrawler).
- One `page.evaluate` that waits and reads, in place of `wait_for_selector` and a second round trip.
- No fingerprints (https://crawlee.dev/python/docs/guides/avoid-blocking): nobody here asks for one.
- One browser context for all pages, the default, so that its HTTP cache serves all of them. The other way,
  `use_incognito_pages`, gives each page a context of its own.
- Requests are kept in memory (https://crawlee.dev/python/docs/guides/storage-clients).
- Scaling is `ConcurrencySettings` (https://crawlee.dev/python/docs/guides/scaling-crawlers): left alone, or fixed.

Retries, sessions and the test for blocking pages are on, as by default.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from datetime import timedelta

from crawlee import ConcurrencySettings, Request
from crawlee.crawlers import (
    BasicCrawlingContext,
    PlaywrightCrawler,
    PlaywrightCrawlingContext,
    PlaywrightPreNavCrawlingContext,
)
from crawlee.storage_clients import MemoryStorageClient

from bench.task import Task, Telling, given


async def crawl(task: Task, telling: Telling, *, fixed: bool) -> None:
    addresses = {str(address.index): address for address in task.addresses}
    crawler = PlaywrightCrawler(
        storage_client=MemoryStorageClient(),
        headless=True,
        # As with the other entrants, and Playwright's own default: as root, Chromium starts without its sandbox only.
        browser_launch_options={"executable_path": task.executable, "chromium_sandbox": False},
        fingerprint_generator=None,
        goto_options={"wait_until": "commit"},
        navigation_timeout=timedelta(seconds=task.page_seconds),
        request_handler_timeout=timedelta(seconds=task.page_seconds),
        concurrency_settings=_as_many_as(task.workers) if fixed else None,
        configure_logging=False,
    )

    @crawler.pre_navigation_hook
    async def block(context: PlaywrightPreNavCrawlingContext) -> None:
        await context.block_requests(extra_url_patterns=["/tracker/"])

    @crawler.router.default_handler
    async def read(context: PlaywrightCrawlingContext) -> None:
        address = addresses[context.request.unique_key]
        telling.tell(address, await context.page.evaluate(task.wait_and_read, task.argument(address)))

    @crawler.failed_request_handler
    async def give_up(context: BasicCrawlingContext, _error: Exception) -> None:
        telling.tell(addresses[context.request.unique_key], None)

    # A key for each address: else it would drop those that it has seen.
    await crawler.run([Request.from_url(address.url, unique_key=key) for key, address in addresses.items()])


def _as_many_as(workers: int) -> ConcurrencySettings:
    return ConcurrencySettings(min_concurrency=workers, desired_concurrency=workers, max_concurrency=workers)


def main() -> None:
    task, telling = given()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # The profile of a browser that dies is left behind by Crawlee.
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-crawlee-", ignore_cleanup_errors=True) as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        asyncio.run(crawl(task, telling, fixed="--fixed" in sys.argv[2:]))


if __name__ == "__main__":
    main()
