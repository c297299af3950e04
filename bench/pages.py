"""Pages/s over the demo site's heavy post pages, in interleaved rounds: Tidegate and two bare Playwright loops.

All three use the same Chromium, the same pages, the same two workers, and read the same label. The loops do nothing
else: no memory gate, no outcomes, no blocking.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from browser_pool import PoolSettings, UnifiedBrowserPool, find_chromium
from browser_pool.cdp.connection import Connection
from browser_pool.cdp.transport import PipeTransport
from browser_pool.chromium import sandbox_is_possible, switches
from browser_pool.line import CommandFailed
from memory import MemoryMonitor, mib, total_bytes
from scraper.definition import Definition
from scraper.outcome import Outcome
from scraper.page import open_page
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.program import definitions_for
from tidegate.settings import load_settings

WORKERS = 2
PAGE_SECONDS = 20.0
WAIT_AND_READ = """id => new Promise(resolve => {
    const look = () => {
        const group = document.querySelector(`article[data-post-id="${id}"] [role=group]`);
        if (group) { watch.disconnect(); resolve(group.getAttribute("aria-label")); }
    };
    const watch = new MutationObserver(look);
    watch.observe(document, {childList: true, subtree: true});
    look();
})"""

Work = list[tuple[str, str]]
"""Address and post id of each page."""

Entrant = Callable[[Work], Awaitable[int]]


async def report(rounds: int) -> None:
    """Print median pages/s, spread, ratio to the reusing loop in the same round, and peak memory."""
    definition = definitions_for(load_settings(), FOLDER).by_name("demo")
    entrants: dict[str, Entrant] = {
        "tidegate": lambda work: _tidegate(work, definition),
        "bare CDP, page reused": _bare_cdp,
        "bare Playwright, page reused": lambda work: _bare(work, _reusing),
        "bare Playwright, a context a page": lambda work: _bare(work, _fresh),
    }
    speeds: dict[str, list[float]] = {name: [] for name in entrants}
    lost: dict[str, int] = dict.fromkeys(entrants, 0)
    peaks: dict[str, int] = dict.fromkeys(entrants, 0)
    async with DemoSite(seed=7, posts=100) as site:
        work = [(site.post_url(post), post.id) for post in site.world.posts]
        for _ in range(rounds):
            for name, entrant in entrants.items():
                async with MemoryMonitor() as monitor:
                    started = time.perf_counter()
                    done = await entrant(work)
                    speeds[name].append(done / (time.perf_counter() - started))
                    lost[name] += len(work) - done
                    peaks[name] = max(peaks[name], total_bytes(monitor.peak_tree))
    print(f"{'pages of the demo site':<36}{'pages/s':>9}{'spread':>16}{'ratio':>8}{'lost':>6}{'peak (PSS)':>12}")
    base = speeds["bare Playwright, page reused"]
    for name, measured in speeds.items():
        ratio = statistics.median(one / other for one, other in zip(measured, base, strict=True))
        spread = f"{min(measured):.1f} to {max(measured):.1f}"
        print(
            f"{name:<36}{statistics.median(measured):>9.1f}{spread:>16}{ratio:>8.2f}{lost[name]:>6}"
            f"{mib(peaks[name]):>12}"
        )


async def _tidegate(work: Work, definition: Definition) -> int:
    todo = iter(work)

    async def worker(pool: UnifiedBrowserPool) -> int:
        done = 0
        async with pool.lease(site="demo", deadline=300) as lease:
            for url, post_id in todo:
                page = await open_page(lease, url, definition, timeout_seconds=PAGE_SECONDS, expected_id=post_id)
                done += page.outcome is Outcome.OK
        return done

    async with UnifiedBrowserPool(PoolSettings(max_contexts=WORKERS, needs_page=False)) as pool:
        return sum(await asyncio.gather(*(worker(pool) for _ in range(WORKERS))))


async def _bare_cdp(work: Work) -> int:
    """The same loop without Playwright: navigate, wait and read in one evaluate, and nothing else."""
    todo = iter(work)
    with tempfile.TemporaryDirectory() as folder:
        arguments = switches(
            headed=False, sandbox=sandbox_is_possible(), profile=Path(folder) / "profile", limit_bytes=None
        )
        line = await PipeTransport.start(find_chromium().executable, arguments, dict(os.environ))
        connection = Connection(line)
        try:
            return sum(await asyncio.gather(*(_over_cdp(connection, todo) for _ in range(WORKERS))))
        finally:
            await connection.close()
            await line.ended.wait()


async def _over_cdp(connection: Connection, todo: Iterator[tuple[str, str]]) -> int:
    send, done = connection.browser.send, 0
    context = (await send("Target.createBrowserContext"))["browserContextId"]
    target = (await send("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
    page = connection.session((await send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])
    for url, post_id in todo:
        async with asyncio.timeout(PAGE_SECONDS):
            await page.send("Page.navigate", url=url)
            read = f"({WAIT_AND_READ})({json.dumps(post_id)})"
            try:
                answer = await page.send("Runtime.evaluate", expression=read, awaitPromise=True, returnByValue=True)
            except CommandFailed:
                # The document was only just on its way.
                answer = await page.send("Runtime.evaluate", expression=read, awaitPromise=True, returnByValue=True)
        done += bool(answer["result"].get("value"))
    return done


async def _bare(work: Work, worker: Callable[[Browser, Iterator[tuple[str, str]]], Awaitable[int]]) -> int:
    todo = iter(work)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().executable)
        try:
            return sum(await asyncio.gather(*(worker(browser, todo) for _ in range(WORKERS))))
        finally:
            await browser.close()


async def _reusing(browser: Browser, todo: Iterator[tuple[str, str]]) -> int:
    page = await (await browser.new_context()).new_page()
    return sum([await _read(page, url, post_id) for url, post_id in todo])


async def _fresh(browser: Browser, todo: Iterator[tuple[str, str]]) -> int:
    done = 0
    for url, post_id in todo:
        context = await browser.new_context()
        done += await _read(await context.new_page(), url, post_id)
        await context.close()
    return done


async def _read(page: Page, url: str, post_id: str) -> bool:
    async with asyncio.timeout(PAGE_SECONDS):
        await page.goto(url, wait_until="commit")
        return bool(await page.evaluate(WAIT_AND_READ, post_id))
