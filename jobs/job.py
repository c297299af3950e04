"""What a job is, and what a run of one comes to.

A run is split into tasks, and a task is what one worker does in one go: some pages, one feed, or the whole run. Which
worker that is nobody knows beforehand, so what a task is about is in the database: rows that it has claimed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter
from tenacity.wait import wait_base

from jobs.schedule import Schedule
from scraper.outcome import Outcome
from scraper.store.tasks import NewTask

TASK_SECONDS: Final = 600.0
BEFORE_ALL: Final = datetime(1, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """How a run ended. `partial`: some of the work is left, and the reason says how much and why."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class Overlap(StrEnum):
    """What becomes of a run that is due while one of the same job is still going.

    `skip`: it is skipped, with a row that says so. `wait`: it begins when the other is over.
    """

    SKIP = "skip"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the work itself says of its end."""

    status: Status
    reason: str | None = None


class PutOff(Exception):
    """The work can't be done now, through no fault of its own; it is tried again after `pause`. Nothing is lost."""

    def __init__(self, reason: str, pause: timedelta = timedelta(seconds=15)) -> None:
        self.reason = reason
        self.pause = pause
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a task that fails is tried, and after which pauses: a tenacity wait."""

    attempts: int = 3
    wait: wait_base = field(default_factory=lambda: wait_exponential_jitter(multiplier=5, max=300, jitter=5))

    def pause(self, failures: int) -> timedelta | None:
        """How long to wait after so many failures; None if it is not tried again."""
        if failures >= self.attempts:
            return None
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = failures
        return timedelta(seconds=self.wait(state))


def _is_never() -> bool:
    return False


async def _mark_nothing(_: int | None) -> None:
    """Where nobody has to know which page is open."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a job is told: the number of this run, whether memory only allows the smallest form, whom to tell.

    `began` is when the run did, by the database's clock. `task` is the number of the task and `payload` what it was
    planned with. `is_stopping` says whether to come to an end soon: what is left is done by another worker. `mark` is
    told the row that is being read just now, so that a page which ends its worker is known by name; None when it is
    done.
    """

    number: int
    is_small: bool
    tell: Callable[[Outcome], None]
    began: datetime = BEFORE_ALL
    task: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)
    is_stopping: Callable[[], bool] = _is_never
    mark: Callable[[int | None], Awaitable[None]] = _mark_nothing


class MoreLater(Exception):
    """A plan has more, and goes on when some of the tasks that are open have been done."""


Plan = Callable[[Run], AsyncIterator[Sequence[NewTask]]]
"""Splits a run into tasks, some at a time. What it had to leave it says at its end, by raising `PutOff`.

It is begun from the start again and again, here or elsewhere, until it comes to its end: where the worker that plans
dies, where enough tasks are open for now, or where it raises `MoreLater`. So a plan is of rows that tasks claim."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it needs and what it does. A critical one is never skipped.

    Without a `plan` a run is one task. `need_mb` is what a run needs, `task_mb` a task of one that is split; at most
    `tasks_ahead` tasks wait at a time. `deadline_seconds` is for a run, from its beginning to its last row, and
    `task_seconds` for one task. `quiet_after` is how long it may end well and write nothing before that raises an
    alarm, `stale_after` how long it may not end well; None: for ever. With `pages_give_rows` a page is a row unless
    something is wrong, so that a few runs without any are enough.
    """

    name: str
    need_mb: float
    deadline_seconds: float
    work: Callable[[Run], Awaitable[Ending]]
    is_critical: bool = False
    plan: Plan | None = None
    priority: int = 0
    task_mb: float = 4.0
    task_seconds: float = TASK_SECONDS
    tasks_ahead: int = 200
    overlap: Overlap = Overlap.SKIP
    retry: Retry = field(default_factory=Retry)
    schedule: Schedule | None = None
    pages_give_rows: bool = False
    quiet_after: timedelta | None = None
    stale_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class JobReport:
    """A run that is over. Pages and rows are counted from the database. `number` is None for one that was skipped."""

    job: str
    number: int | None
    status: Status
    reason: str | None
    pages: int = 0
    rows_written: int = 0
    seconds: float = 0.0
    peak_bytes: int | None = None
    outcomes: Mapping[str, int] | None = None
