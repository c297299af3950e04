"""What the memory gate costs: a reading, an admission among many reservations, and watching in the background.

And how near the learned cost of a context comes to what contexts really take.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from browser_pool import LeaseRequest, PoolSettings, UnifiedBrowserPool
from memory import Component, MemoryBudget, MemoryGuard, MemoryMonitor, MemorySource, Role, WatchPolicy, mib
from memory.processes import own_bytes
from scraper.page import open_page
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.program import definitions_for
from tidegate.settings import load_settings

TIMES = 2000
RESERVATIONS = 50
WATCHED_SECONDS = 20.0
PAGES = 50
PAGE_SECONDS = 20.0


def report_micro() -> None:
    """Print median and 99th percentile of a reading and of an admission, in microseconds."""
    source = MemorySource()
    budget = MemoryBudget()
    for number in range(RESERVATIONS):
        budget.debit(1, owner=f"lease {number}", component=Component.BROWSER)

    def admit() -> None:
        reservation, _ = budget.reserve(source.read(), 1, owner="bench", component=Component.BROWSER)
        if reservation is not None:
            budget.release(reservation)

    print(f"{'memory gate':<44}{'median':>10}{'p99':>10}")
    for name, work in (("a reading", source.read), (f"an admission, {RESERVATIONS} reservations held", admit)):
        median, high = _microseconds(work)
        print(f"{name:<44}{median:>7.0f} µs{high:>7.0f} µs")


async def report_watching() -> None:
    """Print what watching takes of one core, and for how long it keeps the event loop, beside an open browser."""
    async with (
        MemoryGuard() as guard,
        UnifiedBrowserPool(PoolSettings(max_contexts=2), guard=guard) as pool,
        pool.lease(site="bench"),
        pool.lease(site="bench"),
    ):
        cpu = time.process_time()
        await asyncio.sleep(WATCHED_SECONDS)
        share = (time.process_time() - cpu) / WATCHED_SECONDS
        stops = await _stops(WATCHED_SECONDS)
        processes = len(guard.monitor.tree)
    without = await _stops(WATCHED_SECONDS)
    print(f"watching {processes} processes and serving nobody: {share:.2%} of one core;", end=" ")
    print(f"stops of the event loop, p99.9 and longest: {stops} ({without} without)")


async def _stops(seconds: float) -> str:
    """By how much sleeps of 1 ms overrun, in milliseconds."""
    overran, started = [], time.monotonic()
    while (before := time.monotonic()) < started + seconds:
        await asyncio.sleep(0.001)
        overran.append((time.monotonic() - before) * 1e3 - 1)
    return f"{statistics.quantiles(overran, n=1000)[998]:.1f} and {max(overran):.1f} ms"


async def report_learned_cost() -> None:
    """Print what a context of the demo site is expected to cost after 50 pages, beside what its renderer took."""
    definition = definitions_for(load_settings(), FOLDER).by_name("demo")
    watch = WatchPolicy(look_every_seconds=0.01, tree_every_seconds=0.05, tree_share=1.0)
    async with (
        DemoSite(seed=7, posts=PAGES) as site,
        MemoryGuard() as guard,
        MemoryGuard(MemoryMonitor(watch=watch)) as close,
        UnifiedBrowserPool(PoolSettings(max_contexts=1), guard=guard) as pool,
    ):
        seen: list[int] = []

        def note(_: object) -> None:
            held = [own_bytes(row.pid) or 0 for row in close.monitor.tree if row.role is Role.RENDERER]
            if held:
                seen.append(max(held))

        async with pool.lease(site="demo", job="bench", deadline=300) as lease:
            close.monitor.on_look(note)
            for post in site.world.posts:
                await open_page(
                    lease, site.post_url(post), definition, timeout_seconds=PAGE_SECONDS, expected_id=post.id
                )
        request = LeaseRequest("demo", job="bench")
        learned = guard.costs.expected_bytes(request.cost_class, prior_bytes=pool.settings.context_cost_bytes)
        observations = len(guard.costs.observations().get(request.cost_class, ()))
    truth = max(seen)
    print(f"learned cost after {PAGES} pages: {mib(learned)} from {observations} observations;", end=" ")
    print(f"at its fullest the renderer held {mib(truth)}: {learned / truth - 1:+.0%}")


def _microseconds(work: Callable[[], object]) -> tuple[float, float]:
    taken: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]
