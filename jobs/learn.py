"""learn: turns what people said of drafts into the weights by which generators are drawn.

Verdicts come in pages. The mark up to which they are learnt moves in the transaction that writes the weights, so each
verdict counts exactly once: after a crash it is as if the page had not been read, and of two workers one finds the
mark moved and reads on from there. Weights are kept in a cache between pages and runs; it is valid as long as the
mark is where this process left it, and the ladder may empty it at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from jobs.job import Ending, Job, Run, Status
from jobs.schedule import Schedule
from jobs.weights import HALF_LIFE, after
from memory import ByteBudgetCache, MemoryMonitor
from scraper.store import weights as store
from scraper.store.database import Database
from scraper.store.weights import Arm, Verdict, Weight

log = structlog.get_logger()

NAME = "learn"
SCHEDULE = Schedule(every=timedelta(hours=1), jitter=timedelta(minutes=2))
ROWS_A_PAGE = 200
CACHE_BYTES = 256 * 1024
TURNS = 20
"""So often others may get ahead of a run before it leaves the rest to them."""


class Learner:
    """The work of the job. `cache` is one that is registered with the ladder, where there is one."""

    def __init__(
        self,
        database: Database,
        monitor: MemoryMonitor | None = None,
        *,
        cache: ByteBudgetCache[Arm, Weight] | None = None,
        half_life: timedelta = HALF_LIFE,
        rows_a_page: int = ROWS_A_PAGE,
    ) -> None:
        self._database = database
        self._monitor = monitor
        self._cache: ByteBudgetCache[Arm, Weight] = ByteBudgetCache(CACHE_BYTES) if cache is None else cache
        self._cache_is_of: int | None = None
        self._half_life = half_life
        self._rows_a_page = rows_a_page

    @property
    def job(self) -> Job:
        """The job that does this work."""
        return Job(
            NAME,
            need_mb=8,
            deadline_seconds=600,
            work=self.work,
            schedule=SCHEDULE,
            stale_after=timedelta(hours=6),
        )

    async def work(self, run: Run) -> Ending:
        """Learn every verdict that is there."""
        learnt = 0
        for _ in range(TURNS):
            mark = await store.learnt_up_to(self._database)
            pages = store.verdicts_after(self._database, mark, rows_a_page=self._rows_a_page, monitor=self._monitor)
            async for rows in pages:
                verdicts = [store.verdict(row) for row in rows]
                if not await self._learn(run, mark, verdicts):
                    break
                mark = verdicts[-1].number
                learnt += len(verdicts)
                if run.is_stopping():
                    return Ending(Status.PARTIAL, f"{_says(learnt)}; stopped, and the next run goes on")
            else:
                log.info("weights.learnt", run=run.number, verdicts=learnt, up_to=mark)
                stopped = pages.stopped_early
                return Ending(Status.PARTIAL if stopped else Status.SUCCESS, stopped or _says(learnt))
        return Ending(Status.PARTIAL, f"{_says(learnt)}; others learn at the same time, and the rest is left to them")

    async def _learn(self, run: Run, since: int, verdicts: Sequence[Verdict]) -> bool:
        """Learn a page and move the mark, both or neither. False if somebody else has moved it."""
        if self._cache_is_of != since:
            self._cache.clear()
        changed: dict[Arm, Weight] = {}
        # Whatever happens in there, what is cached is of no mark until it is written.
        self._cache_is_of = None
        async with store.learning(self._database, since, verdicts[-1].number) as connection:
            if connection is None:
                return False
            for verdict in verdicts:
                arm = verdict.arm
                known = changed.get(arm) or self._cache.get(arm) or await store.weight_of(connection, arm)
                changed[arm] = after(known, verdict, self._half_life)
            await store.write_weights(connection, run.number, changed)
        for arm, weight in changed.items():
            self._cache.put(arm, weight)
        self._cache_is_of = verdicts[-1].number
        return True


def _says(learnt: int) -> str:
    return "nobody has decided on anything since" if not learnt else f"{learnt} decisions learnt"
