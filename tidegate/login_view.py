"""Sessions, and how they were tried, for people. No value of a cookie is ever shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from scraper.page import PageReport
from tidegate.formats import plain, table_of
from tidegate.login import Trial
from tidegate.sessions import Session


def trials_table(trials: Sequence[Trial], width: int) -> Table:
    """Each page with what it was without the session and with it."""
    heads = ("page", "without", "posts", "with it", "posts with it")
    rows = [(plain(one.url), *_outcome(one.without), *_outcome(one.worn)) for one in trials]
    return table_of(heads, rows, roomy="page", width=width)


def as_dict(site: str, trials: Sequence[Trial], because: str, *, kept_in: Path | None) -> Mapping[str, Any]:
    """What a login came to, for JSON. `kept_in` is None where it was not kept."""
    return {
        "site": site,
        "kept": kept_in is not None,
        "because": because,
        "file": kept_in,
        "pages": [{"url": one.url, "without": _told(one.without), "with": _told(one.worn)} for one in trials],
    }


def session_rows(sessions: Sequence[Session], now: datetime) -> list[Mapping[str, Any]]:
    """For printing."""
    return [
        {
            "site": one.site,
            "since": one.since,
            "age": span(now - one.since),
            "runs_out": one.runs_out_at,
            "first_to_go": one.first_to_go,
            "problem": one.problem or _has_ended(one, now),
        }
        for one in sessions
    ]


def span(time: timedelta) -> str:
    """A time in its largest unit: "3 days", "5 hours"."""
    seconds = max(0, int(time.total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = seconds // length
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return "moments"


def _has_ended(session: Session, now: datetime) -> str | None:
    if session.runs_out_at is None or session.runs_out_at > now:
        return None
    return f"it has run out: `tidegate login {session.site}` renews it"


def _told(report: PageReport) -> Mapping[str, Any]:
    return {"outcome": report.outcome.value, "reason": report.reason, "posts": len(report.posts)}


def _outcome(report: PageReport) -> tuple[str, str]:
    return report.outcome.value, str(len(report.posts))
