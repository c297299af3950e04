"""Pages/s over the demo site's heavy post pages, in interleaved rounds: Tidegate and bare loops.

All use the same Chromium, the same pages, the same two workers, and read the same label. The loops do nothing else:
no memory gate, no outcomes, no blocking.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from browser_pool import Lease, LeaseRecalled, PoolSettings, UnifiedBrowserPool, find_chromium
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
PAGES = 100
PAGES_A_LEASE = 20
MOST_LEASES = 10
TIDEGATE, BARE_CDP, REUSING = "tidegate", "bare CDP, page reused", "bare Playwright, page reused"
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
"""Reads all pages and returns how many it got."""


def entrants() -> dict[str, Entrant]:
    """Who runs, by name."""
    definition = definitions_for(load_settings(), FOLDER).by_name("demo")
    return {
        TIDEGATE: lambda work: _tidegate(work, definition),
        BARE_CDP: _bare_cdp,
        REUSING: lambda work: _bare(work, _reusing),
        "bare Playwright, a context a page": lambda work: _bare(work, _fresh),
    }


def work_of(site: DemoSite, pages: int) -> Work:
    """So many pages: the posts of the site, over and over."""
    posts = site.world.posts
    return [(site.post_url(post), post.id) for post, _ in zip(itertools.cycle(posts), range(pages), strict=False)]


async def report(rounds: int) -> None:
    """Print median pages/s, spread, ratio to the reusing loop in the same round, and peak memory."""
    running = entrants()
    speeds: dict[str, list[float]] = {name: [] for name in running}
    lost: dict[str, int] = dict.fromkeys(running, 0)
    peaks: dict[str, int] = dict.fromkeys(running, 0)
    async with DemoSite(seed=7, posts=100) as site:
        work = work_of(site, PAGES)
        for _ in range(rounds):
            for name, entrant in running.items():
                async with MemoryMonitor() as monitor:
                    started = time.perf_counter()
                    done = await entrant(work)
                    speeds[name].append(done / (time.perf_counter() - started))
                    lost[name] += len(work) - done
                    peaks[name] = max(peaks[name], total_bytes(monitor.peak_tree))
    print(f"{'pages of the demo site':<36}{'pages/s':>9}{'spread':>16}{'ratio':>8}{'lost':>6}{'peak (PSS)':>12}")
    base = speeds[REUSING]
    for name, measured in speeds.items():
        ratio = statistics.median(one / other for one, other in zip(measured, base, strict=True))
        spread = f"{min(measured):.1f} to {max(measured):.1f}"
        print(
            f"{name:<36}{statistics.median(measured):>9.1f}{spread:>16}{ratio:>8.2f}{lost[name]:>6}"
            f"{mib(peaks[name]):>12}"
        )


async def _tidegate(work: Work, definition: Definition) -> int:
    async with UnifiedBrowserPool(PoolSettings(max_contexts=WORKERS, needs_page=False)) as pool:
        return await read_all(pool, work, definition)


async def read_all(
    pool: UnifiedBrowserPool, work: Work, definition: Definition, tell: Callable[[], None] = lambda: None
) -> int:
    """Read `work` with a lease for each few pages, as the jobs do. `tell` is called after each page."""
    todo = iter(work)

    async def worker() -> int:
        done = 0
        while left := list(itertools.islice(todo, PAGES_A_LEASE)):
            for _ in range(MOST_LEASES):
                # Taken back for its memory, or the renderer died: what is left is asked for again.
                with contextlib.suppress(LeaseRecalled):
                    async with pool.lease(site="demo", deadline=300) as lease:
                        done += await read_some(lease, left)
                if not left:
                    break
        return done

    async def read_some(lease: Lease, left: Work) -> int:
        done = 0
        while left:
            url, post_id = left[0]
            page = await open_page(lease, url, definition, timeout_seconds=PAGE_SECONDS, expected_id=post_id)
            if page.outcome is Outcome.CRASHED:
                break
            done += page.outcome is Outcome.OK
            left.pop(0)
            tell()
        return done

    return sum(await asyncio.gather(*(worker() for _ in range(WORKERS))))


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
