"""A bare Playwright loop: what a person writes who needs nothing else.

`--fresh` gives each page a context of its own, as Playwright's documentation shows it, and loads all that is on it;
without, each worker has one page and goes on to the next address in it, and what is unwanted is blocked through a
session of the DevTools protocol. Both wait and read in one evaluate. There is no memory check. A page that fails is
given up and its page or context replaced; a loop whose browser is gone ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

from playwright.async_api import Browser, Error, Page, async_playwright

from bench.task import Address, Record, Task, Telling, given

Todo = Iterator[Address]


async def main() -> None:
    """Read all pages."""
    task, telling = given()
    worker = fresh if "--fresh" in sys.argv else reusing
    todo = iter(task.addresses)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=task.executable)
        await asyncio.gather(*(worker(task, telling, browser, todo) for _ in range(task.workers)))
        await browser.close()


async def reusing(task: Task, telling: Telling, browser: Browser, todo: Todo) -> None:
    """One page for all addresses, until it fails."""
    page = await _sparing(task, browser)
    for address in todo:
        posts = await _read(task, page, address)
        telling.tell(address, posts)
        if posts is None:
            await page.context.close()
            page = await _sparing(task, browser)


async def fresh(task: Task, telling: Telling, browser: Browser, todo: Todo) -> None:
    """A context for each address."""
    for address in todo:
        page = await _page(browser)
        telling.tell(address, await _read(task, page, address))
        await page.context.close()


async def _sparing(task: Task, browser: Browser) -> Page:
    page = await _page(browser)
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setBlockedURLs", {"urls": list(task.unwanted)})
    return page


async def _page(browser: Browser) -> Page:
    return await (await browser.new_context()).new_page()


async def _read(task: Task, page: Page, address: Address) -> list[Record] | None:
    try:
        async with asyncio.timeout(task.page_seconds):
            await page.goto(address.url, wait_until="commit")
            posts: list[Record] | None = await page.evaluate(task.wait_and_read, task.argument(address))
            return posts
    except (Error, TimeoutError) as error:
        print(f"{address.url}: {type(error).__name__}: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    asyncio.run(main())
