"""Thousands of pages in one pool: is it as fast at the end, and does it hold as much?"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

from bench.pages import WORKERS, read_all, work_of
from browser_pool import PoolSettings, UnifiedBrowserPool
from memory import MemoryGuard, mib, total_bytes
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.program import definitions_for
from tidegate.settings import load_settings

WINDOW = 500
PAGES = 5000
SAMPLE_SECONDS = 1.0


@dataclass(slots=True)
class Course:
    """When each page was done, and what all our processes held (PSS) when so many were."""

    started_seconds: float = field(default_factory=time.perf_counter)
    done_seconds: list[float] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)

    def tell(self) -> None:
        """One page more is done."""
        self.done_seconds.append(time.perf_counter() - self.started_seconds)

    def speed(self, first: int, last: int) -> float:
        """Pages/s from page `first` to page `last`."""
        return (last - first) / (self.done_seconds[last - 1] - self.done_seconds[first])

    def held_bytes(self, first: int, last: int) -> float:
        """The median of what was held meanwhile."""
        return statistics.median(held for pages, held in self.held if first <= pages <= last)


async def report(pages: int = PAGES) -> None:
    """Print speed and memory for each window of pages, and the last over the second."""
    definition = definitions_for(load_settings(), FOLDER).by_name("demo")
    async with (
        DemoSite(seed=7, posts=100) as site,
        MemoryGuard() as guard,
        UnifiedBrowserPool(PoolSettings(max_contexts=WORKERS, needs_page=False), guard=guard) as pool,
    ):
        course = Course()

        async def sample() -> None:
            while True:
                course.held.append((len(course.done_seconds), total_bytes(await guard.monitor.process_tree())))
                await asyncio.sleep(SAMPLE_SECONDS)

        sampling = asyncio.create_task(sample())
        done = await read_all(pool, work_of(site, pages), definition, course.tell)
        sampling.cancel()
        print(f"{'one pool, ' + str(pages) + ' pages':<36}{'pages/s':>9}{'held (PSS)':>14}")
        windows = [(first, first + WINDOW) for first in range(0, pages, WINDOW)]
        for first, last in windows:
            held = mib(int(course.held_bytes(first, last)))
            print(f"{f'{first} to {last}':<36}{course.speed(first, last):>9.1f}{held:>14}")
        early, late = windows[1], windows[-1]
        print(
            f"last over second: speed {course.speed(*late) / course.speed(*early):.2f}, "
            f"memory {course.held_bytes(*late) / course.held_bytes(*early):.2f}; {pages - done} lost; "
            f"{pool.statistics().contexts_made} contexts, {pool.statistics().browser_launches} browsers"
        )
