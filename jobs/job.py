"""What a job is, and what a run of one comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from scraper.outcome import Outcome


class Status(StrEnum):
    """How a run ended. `partial`: some of the work is left, and the reason says how much and why."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the work itself says of its end."""

    status: Status
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What a job is told: the number of this run, whether memory only allows the smallest form, whom to tell."""

    number: int
    is_small: bool
    tell: Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it needs and what it does. A critical one is never skipped."""

    name: str
    need_mb: float
    deadline_seconds: float
    work: Callable[[Run], Awaitable[Ending]]
    is_critical: bool = False


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
    outcomes: dict[str, int] | None = None
