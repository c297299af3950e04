"""What many runs come to: medians, spreads, and ratios within the same round. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.measuring import Run
from bench.roster import TIDEGATE


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of what was measured; all None where nothing was."""

    median: float | None
    least: float | None
    most: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Those that are known."""
        known = [value for value in values if value is not None]
        return cls(statistics.median(known), min(known), max(known)) if known else cls(None, None, None)


@dataclass(frozen=True, slots=True)
class Cell:
    """One entrant over one kind of pages under one limit, in all rounds.

    Pages are sums over the rounds; `oom_kills`, `limit_hits` and `left_processes` too. `tidegate_over_it` is
    Tidegate's pages/s over this entrant's in the same round; nothing where this one read no page.
    `of_own_speed` is its pages/s over its own without a limit in the same round.
    """

    entrant: str
    workload: str
    limit_mib: int | None
    rounds: int
    pages: int
    completed: int
    wrong: int
    lost: int
    unfinished: int
    pages_per_second: Spread
    first_page_seconds: Spread
    cpu_seconds_a_page: Spread
    peak_bytes: Spread
    used_peak_bytes: Spread
    limit_hits: int | None
    oom_kills: int | None
    left_processes: int | None
    tidegate_over_it: Spread
    of_own_speed: Spread


def cells(runs: Sequence[Run]) -> list[Cell]:
    """One cell for each entrant, kind of pages and limit, in the order in which they first ran."""
    by_cell: dict[tuple[str, int | None, str], list[Run]] = {}
    for run in runs:
        by_cell.setdefault((run.plan.workload, run.plan.limit_mib, run.plan.entrant), []).append(run)
    speed = {(*key, run.plan.round): run.pages_per_second for key, its in by_cell.items() for run in its}

    def of_tidegate(run: Run) -> float | None:
        return speed.get((run.plan.workload, run.plan.limit_mib, TIDEGATE, run.plan.round))

    def without_limit(run: Run) -> float | None:
        return speed.get((run.plan.workload, None, run.plan.entrant, run.plan.round))

    return [
        Cell(
            entrant=entrant,
            workload=workload,
            limit_mib=limit_mib,
            rounds=len(its),
            pages=sum(run.plan.pages for run in its),
            completed=sum(run.completed for run in its),
            wrong=sum(run.wrong for run in its),
            lost=sum(run.lost for run in its),
            unfinished=sum(run.unfinished for run in its),
            pages_per_second=Spread.of(run.pages_per_second for run in its),
            first_page_seconds=Spread.of(run.first_page_seconds for run in its),
            cpu_seconds_a_page=Spread.of(_a_page(run) for run in its),
            peak_bytes=Spread.of(run.peak_bytes for run in its),
            used_peak_bytes=Spread.of(run.used_peak_bytes for run in its),
            limit_hits=_sum(run.limit_hits for run in its),
            oom_kills=_sum(run.oom_kills for run in its),
            left_processes=_sum(run.left_processes for run in its),
            tidegate_over_it=Spread.of(_ratio(of_tidegate(run), run.pages_per_second) for run in its),
            of_own_speed=Spread.of(_ratio(run.pages_per_second, without_limit(run)) for run in its),
        )
        for (workload, limit_mib, entrant), its in by_cell.items()
    ]


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _a_page(run: Run) -> float | None:
    return _ratio(run.cpu_seconds, float(run.completed))


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
