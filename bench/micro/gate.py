"""What the memory gate costs: a reading, an admission among many reservations, and watching in the background.

And how near the learned cost of a context comes to what contexts really take.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from bench.micro.figures import Figure, NotMeasurable, spread
from browser_pool import LeaseRequest, PoolSettings, UnifiedBrowserPool
from memory import Component, MemoryBudget, MemoryGuard, MemoryMonitor, MemorySource, Role, WatchPolicy
from memory.processes import own_bytes
from scraper.page import open_page
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.program import definitions_for
from tidegate.settings import load_settings

TIMES = 2000
RESERVATIONS = 50
WATCHED_SECONDS = 8.0
PAGES = 50
PAGE_SECONDS = 20.0
LEASE_SECONDS = 120.0
MIB = 1 << 20


async def admission(*, times: int = TIMES) -> list[Figure]:
    """What a reading takes, and an admission with many reservations held. Needs no browser."""
    source = MemorySource()
    budget = MemoryBudget()
    for number in range(RESERVATIONS):
        budget.debit(1, owner=f"lease {number}", component=Component.BROWSER)

    def admit() -> None:
        reservation, _ = budget.reserve(source.read(), 1, owner="bench", component=Component.BROWSER)
        if reservation is not None:
            budget.release(reservation)

    held = f"{RESERVATIONS} reservations held"
    return [
        spread("gate.reading", "one reading of memory", "µs", _microseconds(source.read, times)),
        spread("gate.admission", "one admission, its reading included", "µs", _microseconds(admit, times), note=held),
    ]


async def watching(*, seconds: float = WATCHED_SECONDS) -> list[Figure]:
    """What watching takes of one core, and for how long it keeps the event loop, beside an open browser."""
    async with (
        MemoryGuard() as guard,
        UnifiedBrowserPool(PoolSettings(max_contexts=2), guard=guard) as pool,
        pool.lease(site="bench", deadline=LEASE_SECONDS),
        pool.lease(site="bench", deadline=LEASE_SECONDS),
    ):
        cpu = time.process_time()
        await asyncio.sleep(seconds)
        share = (time.process_time() - cpu) / seconds
        stops = await _stops(seconds)
        processes = len(guard.monitor.tree)
    without = await _stops(seconds)
    note = "p99.9, and the longest; by how much sleeps of 1 ms overrun"
    return [
        Figure(
            "gate.watching",
            "watching in the background, of one core",
            "%",
            share * 100,
            note=f"{processes} processes, two leases, nobody served",
        ),
        Figure("gate.loop_stops", "stops of the event loop while watching", "ms", *_high(stops), note=note),
        Figure("gate.loop_stops_without", "stops of the event loop, not watching", "ms", *_high(without), note=note),
    ]


async def learned_cost(*, pages: int = PAGES) -> list[Figure]:
    """What a context of the demo site is expected to cost after so many pages, beside what its renderer took."""
    definition = definitions_for(load_settings(), FOLDER).by_name("demo")
    watch = WatchPolicy(look_every_seconds=0.01, tree_every_seconds=0.05, tree_share=1.0)
    async with (
        DemoSite(seed=7, posts=pages) as site,
        MemoryGuard() as guard,
        MemoryGuard(MemoryMonitor(watch=watch)) as close,
        UnifiedBrowserPool(PoolSettings(max_contexts=1), guard=guard) as pool,
    ):
        seen: list[int] = []

        def note(_: object) -> None:
            held = [own_bytes(row.pid) or 0 for row in close.monitor.tree if row.role is Role.RENDERER]
            if held:
                seen.append(max(held))

        async with pool.lease(site="demo", job="bench", deadline=LEASE_SECONDS) as lease:
            close.monitor.on_look(note)
            for post in site.world.posts:
                await open_page(
                    lease, site.post_url(post), definition, timeout_seconds=PAGE_SECONDS, expected_id=post.id
                )
        request = LeaseRequest("demo", job="bench")
        learned = guard.costs.expected_bytes(request.cost_class, prior_bytes=pool.settings.context_cost_bytes)
        observations = len(guard.costs.observations().get(request.cost_class, ()))
    if not seen:
        raise NotMeasurable("this system does not tell what a renderer holds")
    fullest = max(seen)
    return [
        Figure(
            "gate.learned_cost",
            f"what a context is expected to cost after {pages} pages",
            "MiB",
            learned / MIB,
            note=f"{observations} observations",
        ),
        Figure("gate.renderer_peak", "what its renderer held at its fullest", "MiB", fullest / MIB),
        Figure("gate.learned_error", "learned over held", "%", (learned / fullest - 1) * 100),
    ]


async def _stops(seconds: float) -> list[float]:
    """By how much sleeps of 1 ms overrun, in milliseconds."""
    overran, started = [], time.monotonic()
    while (before := time.monotonic()) < started + seconds:
        await asyncio.sleep(0.001)
        overran.append((time.monotonic() - before) * 1e3 - 1)
    return overran


def _high(overran: list[float]) -> tuple[float, float]:
    return statistics.quantiles(overran, n=1000)[998], max(overran)


def _microseconds(work: Callable[[], object], times: int) -> list[float]:
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1e6)
    return taken
