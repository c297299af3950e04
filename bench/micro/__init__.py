"""micro: what the parts cost, each for itself.

- `figures`: what one measurement says, and as JSON
- `gate`: the memory gate: a reading, an admission, watching, the learned cost
- `store`: pages of a long table, snapshots, what a row and a connection take
- `queue`, `consumer`: entries into pgqueuer and out of it
- `jobs`, `crew`: runs shared by workers that are processes of their own
- `server`: a Postgres of one's own for as long as it takes

Every room has a `measure()` that raises where it can't measure. The one here runs them all, keeps what could be
measured and names what could not.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench.micro import gate, jobs, queue, store
from bench.micro.figures import Figure, NotMeasurable, as_json, from_json
from browser_pool import BrowserPoolError
from scraper.store.errors import StoreError

__all__ = ["PARTS", "Figure", "Micro", "Missing", "NotMeasurable", "as_json", "from_json", "measure"]

PART_SECONDS = 300.0

HOLDING = "jobs: memory"
LEAST_POSTS_A_SECOND = 200
"""A machine that does fewer is too slow for the long run."""

Part = Callable[[], Awaitable[list[Figure]]]

PARTS: Mapping[str, Part] = {
    "gate: admission": gate.admission,
    "gate: watching": gate.watching,
    "gate: learned cost": gate.learned_cost,
    "store": store.measure,
    "queue": queue.measure,
    "jobs: planning": jobs.planning,
    "jobs: sharing": jobs.sharing,
    "jobs: orphans": jobs.orphans,
    HOLDING: jobs.holding,
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that could not be measured here, and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Micro:
    """What was measured, in the order of `PARTS`, and what was not."""

    figures: tuple[Figure, ...]
    missing: tuple[Missing, ...] = ()


def parts_with(posts: int) -> Mapping[str, Part]:
    """`PARTS`, with a run over so many posts to see what a worker holds."""
    return {**PARTS, HOLDING: functools.partial(jobs.holding, posts=posts)}


async def measure(
    tell: Callable[[str], None] = lambda _: None,
    *,
    parts: Mapping[str, Part] = PARTS,
    seconds: float = PART_SECONDS,
) -> Micro:
    """Measure every part, one after the other, for so many seconds each. `tell` hears the name of each before.

    What can't run here (no Chromium, no Postgres, too slow) is in `missing`. Any other error is a bug
    and is raised.
    """
    figures: list[Figure] = []
    missing: list[Missing] = []
    for name, part in parts.items():
        tell(name)
        try:
            async with asyncio.timeout(seconds):
                figures += await part()
        except (NotMeasurable, BrowserPoolError, StoreError) as error:
            missing.append(Missing(name, str(error)))
        except TimeoutError as error:
            missing.append(Missing(name, f"it took too long, over {seconds:.0f} s or in one step of it: {error}"))
    return Micro(tuple(figures), tuple(missing))
