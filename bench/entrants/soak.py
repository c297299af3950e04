"""Tidegate over many pages, in one pool, telling besides the pages what it holds meanwhile and what is left after.

`{"sample": {...}}` every few seconds, and at the end `{"left": {...}}`: what a process has open before the pool was
made and after it was closed, by what it is.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.entrants.tidegate import definition, settings, worker
from bench.task import Address, Record, Telling, given
from browser_pool import UnifiedBrowserPool
from memory import MemoryGuard, total_bytes
from tidegate.logs import configure_logs

SAMPLE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """What this process has open, and what it has started or left in its temporary folder."""

    descriptors: int
    threads: int
    tasks: int
    processes: int
    folders: int

    @classmethod
    def now(cls) -> Held:
        """Count."""
        gc.collect()
        process = psutil.Process()
        ours = f"tidegate-{os.getpid()}-*"
        return cls(
            descriptors=process.num_fds(),
            threads=threading.active_count(),
            tasks=len(asyncio.all_tasks()),
            processes=len(process.children(recursive=True)),
            folders=len(list(Path(tempfile.gettempdir()).glob(ours))),
        )

    def by_name(self) -> dict[str, int]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class Counting(Telling):
    """Counts the pages that are told, and tells other things too."""

    def __init__(self, telling: Telling) -> None:
        self._to = telling
        self.told = 0

    def tell(self, address: Address, posts: Sequence[Record] | None) -> None:
        """One page more."""
        self.told += 1
        self._to.tell(address, posts)

    def say(self, what: dict[str, Any]) -> None:
        """Something else than a page."""
        self._to.say(what)


async def main() -> None:
    """Read all pages, and look at ourselves."""
    task, line = given()
    telling = Counting(line)
    configure_logs(verbose=False, is_terminal=False)
    before = Held.now()
    started, todo, demo = time.perf_counter(), iter(task.addresses), definition()
    async with MemoryGuard() as guard:
        async with UnifiedBrowserPool(settings(task), guard=guard) as pool:

            async def sample() -> None:
                while True:
                    tree = await guard.monitor.process_tree()
                    telling.say(
                        {
                            "sample": {
                                "seconds": time.perf_counter() - started,
                                "pages": telling.told,
                                "held_bytes": total_bytes(tree),
                                "processes": len(tree),
                            }
                        }
                    )
                    await asyncio.sleep(SAMPLE_SECONDS)

            sampling = asyncio.create_task(sample())
            await asyncio.gather(*(worker(task, telling, pool, demo, todo) for _ in range(task.workers)))
            sampling.cancel()
            statistics = pool.statistics()
        promised = guard.budget.statistics()
    after = Held.now()
    telling.say(
        {
            "left": {name: (count, after.by_name()[name]) for name, count in before.by_name().items()}
            | {"reservations": (0, promised.reservations), "promised_bytes": (0, promised.promised_bytes)},
            "pool": {
                "contexts_made": statistics.contexts_made,
                "browser_launches": statistics.browser_launches,
                "browsers_recycled": statistics.browsers_recycled,
                "browsers_lost": statistics.browsers_lost,
                "leases_granted": statistics.granted,
                "leases_recalled": statistics.recalled,
            },
        }
    )


if __name__ == "__main__":
    asyncio.run(main())
