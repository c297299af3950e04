"""All entrants over all kinds of pages and all limits, in interleaved rounds.

In each round every entrant runs once for each kind of pages and each limit, one after the other, in an order that is
another each time, so that whatever the machine does meanwhile it does to all of them.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.cgroup import NoCgroup, memory_cgroup
from bench.environments import NoEnvironment
from bench.measuring import Plan, Run, measure
from bench.roster import Entrant
from bench.workloads import POSTS, SEED, WORKLOADS, Workload, by_name
from tidegate.demo import DemoSite

LIMITS_MIB: Final = (None, 1024, 512, 384, 320, 256)
FEW_LIMITS_MIB: Final = (None, 320)
ROUNDS: Final = 3
WARM_UP_PAGES: Final = 4
MOST_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared. `limits_mib` by workload; `pages` is a share of each workload's own number."""

    entrants: tuple[Entrant, ...]
    limits_mib: dict[str, tuple[int | None, ...]]
    rounds: int = ROUNDS
    pages_share: float = 1.0
    most_seconds: float = MOST_SECONDS

    def plans(self) -> list[Plan]:
        """Every run, in the order in which they are done."""
        return [
            Plan(
                entrant=entrant.name,
                workload=workload,
                limit_mib=limit_mib,
                round=number,
                pages=max(2, round(by_name(workload).pages * self.pages_share)),
                most_seconds=self.most_seconds,
            )
            for number in range(self.rounds)
            for workload, limits in self.limits_mib.items()
            for limit_mib in limits
            for entrant in _shuffled(self.entrants, f"{number} {workload} {limit_mib}")
        ]


def usual_limits(workloads: Sequence[str], limits_mib: Sequence[int | None]) -> dict[str, tuple[int | None, ...]]:
    """The heavy pages under every limit, the others under a few, unless told otherwise."""
    names = list(workloads) or [workload.name for workload in WORKLOADS]
    for name in names:
        by_name(name)
    return {
        name: tuple(limits_mib) or (LIMITS_MIB if name == WORKLOADS[0].name else FEW_LIMITS_MIB) for name in names
    }


@dataclass(frozen=True, slots=True)
class Missing:
    """An entrant or a limit that could not be measured, and why."""

    what: str
    why: str


async def compare(setting: Setting) -> AsyncIterator[Run | Missing]:
    """Every run as soon as it is over. What can't be measured here is said once, and left out."""
    async with DemoSite(seed=SEED, posts=POSTS) as site:
        ready: dict[str, Entrant] = {}
        for entrant in setting.entrants:
            try:
                # Its programs are read from the disk now, outside any limit, and not at whoever's turn comes first.
                await measure(_warm_up(entrant), entrant, WORKLOADS[0], site)
            except NoEnvironment as error:
                yield Missing(entrant.title, str(error))
            else:
                ready[entrant.name] = entrant
        refused = _why_no_cgroup()
        if refused:
            yield Missing("memory limits", refused)
        for plan in setting.plans():
            if plan.entrant in ready and not (refused and plan.limit_mib is not None):
                yield await measure(plan, ready[plan.entrant], _workload(plan), site)


def _workload(plan: Plan) -> Workload:
    return by_name(plan.workload)


def _warm_up(entrant: Entrant) -> Plan:
    return Plan(entrant.name, WORKLOADS[0].name, None, -1, WARM_UP_PAGES, MOST_SECONDS)


def _why_no_cgroup() -> str | None:
    try:
        with memory_cgroup(1 << 30):
            return None
    except NoCgroup as error:
        return str(error)


def _shuffled(entrants: Sequence[Entrant], seed: str) -> list[Entrant]:
    """Another order each time, and the same when it is run again."""
    return random.Random(seed).sample(entrants, len(entrants))
