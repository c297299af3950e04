"""Is it alive, and can it be relied on? Pure: facts in, a verdict out.

Alive is whoever answers. Ready is who has loaded a page, reaches the database, and does not leave posts unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs.alarms import OVERDUE_AFTER
from scraper.store.freshness import Freshness

LATE_AFTER: Final = OVERDUE_AFTER


@dataclass(frozen=True, slots=True)
class Facts:
    """What readiness is decided by.

    `pages_opened` is by this process; `can_browse` whether it has a browser, or can launch one. `freshness` is None
    where the database did not answer, and `database_says` is why.
    """

    pages_opened: int
    can_browse: bool
    is_stopping: bool
    freshness: Freshness | None
    database_says: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is needed, and how it is."""

    name: str
    is_ok: bool
    says: str


def readiness(facts: Facts) -> tuple[Check, ...]:
    """What is needed to be relied on; ready is who passes all."""
    return (
        Check("serving", not facts.is_stopping, "draining" if facts.is_stopping else "taking work"),
        _browser(facts),
        _database(facts),
        _fresh(facts.freshness),
    )


def _browser(facts: Facts) -> Check:
    if not facts.can_browse:
        return Check("browser", False, "no browser can be had now")
    if not facts.pages_opened:
        return Check("browser", False, "no page has loaded yet")
    return Check("browser", True, f"{facts.pages_opened} pages opened")


def _database(facts: Facts) -> Check:
    if facts.freshness is None:
        return Check("database", False, facts.database_says or "it does not answer")
    return Check("database", True, "answers")


def _fresh(freshness: Freshness | None) -> Check:
    if freshness is None:
        return Check("rows", False, "not known without the database")
    if freshness.late:
        oldest = timedelta(seconds=int(freshness.oldest_due_seconds))
        return Check("rows", False, f"{freshness.late} posts should have been read, the first of them {oldest} ago")
    return Check("rows", True, f"{freshness.due} of {freshness.followed} posts are due")
