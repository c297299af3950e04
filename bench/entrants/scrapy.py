"""scrapy-playwright: one chain of requests for each page that may be open.

What was chosen where its documentation (https://github.com/scrapy-plugins/scrapy-playwright#readme) leaves a choice,
each because it took less CPU a page here:

- "playwright_page" with "playwright_include_page": a request goes on with the page of the one before. A page for
  each request, the default, took twice the CPU.
- `PLAYWRIGHT_ABORT_REQUEST`: images, styles, fonts and the site's tracker are not loaded. All requests are routed
  through Python with or without it.
- "playwright_page_goto_kwargs": navigation ends at "commit". It waits for the load event after each page method, so
  what is read is awaited by the page methods.
- One page method waits and reads; its result is the answer. It waits for the load event after each page method.

After an error the page is closed, as the documentation asks, and the chain goes on with a new one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

import scrapy
from playwright.async_api import Page
from playwright.async_api import Request as PageRequest
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from scrapy_playwright.page import PageMethod
from twisted.python.failure import Failure

from bench.task import Address, Task, Telling, given

UNREAD = frozenset({"image", "stylesheet", "font", "media"})


def is_not_needed(request: PageRequest) -> bool:
    return request.resource_type in UNREAD or "/tracker/" in request.url


class Posts(scrapy.Spider):
    """Reads the addresses of a task."""

    name = "posts"

    def __init__(self, task: Task, telling: Telling) -> None:
        super().__init__()
        self.task = task
        self.telling = telling
        self.waiting = iter(task.addresses)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """As many chains as there are workers."""
        for address in islice(self.waiting, self.task.workers):
            yield self.request(address)

    def request(self, address: Address, page: Page | None = None) -> scrapy.Request:
        """A request in the page of the one before, or in a new one."""
        return scrapy.Request(
            address.url,
            callback=self.parse,
            errback=self.give_up,
            cb_kwargs={"address": address},
            dont_filter=True,
            meta={
                "playwright": True,
                "playwright_include_page": True,
                "playwright_page": page,
                "playwright_page_goto_kwargs": {"wait_until": "commit"},
                "playwright_page_methods": [
                    PageMethod("evaluate", self.task.wait_and_read, self.task.argument(address))
                ],
            },
        )

    async def parse(self, response: Response, address: Address) -> AsyncIterator[scrapy.Request]:
        """Tell what the last page method read, and go on."""
        self.telling.tell(address, response.meta["playwright_page_methods"][-1].result)
        page = response.meta["playwright_page"]
        if following := next(self.waiting, None):
            yield self.request(following, page)
        else:
            await page.close()

    async def give_up(self, failure: Failure) -> AsyncIterator[scrapy.Request]:
        """Tell that there is nothing, and go on in a new page."""
        self.telling.tell(failure.request.cb_kwargs["address"], None)
        if page := failure.request.meta["playwright_page"]:
            await page.close()
        if following := next(self.waiting, None):
            yield self.request(following)


def settings(task: Task) -> dict[str, Any]:
    return {
        "DOWNLOAD_HANDLERS": {"http": "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"},
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "PLAYWRIGHT_LAUNCH_OPTIONS": {"executable_path": task.executable},
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": task.workers,
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": task.page_seconds * 1000,
        "PLAYWRIGHT_ABORT_REQUEST": is_not_needed,
        "CONCURRENT_REQUESTS": task.workers,
        "CONCURRENT_REQUESTS_PER_DOMAIN": task.workers,
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "HTTPCACHE_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }


def main() -> None:
    task, telling = given()
    process = CrawlerProcess(settings(task))
    process.crawl(Posts, task=task, telling=telling)
    process.start()


if __name__ == "__main__":
    main()
