"""What a check comes to: good, a note, or a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Good; works, but this should be known; or something that is needed does not work."""

    GOOD = "good"
    NOTE = "note"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in words, whether that is good, and what to do about it.

    `details` are more of what was found, a line each.
    """

    verdict: Verdict
    found: str
    advice: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One check that was made: its name, its finding, and the facts that it rests on, fit for JSON.

    `endpoint` is the browser elsewhere that it is about, if it is about one.
    """

    check: str
    finding: Finding
    facts: Mapping[str, Any] = field(default_factory=dict)
    endpoint: str | None = None

    @property
    def title(self) -> str:
        """What it is called where names stand alone."""
        return self.check if self.endpoint is None else f"{self.check} {self.endpoint}"


def good(found: str, *, details: Iterable[str] = ()) -> Finding:
    """All is well."""
    return Finding(Verdict.GOOD, found, details=tuple(details))


def note(found: str, advice: str = "", *, details: Iterable[str] = ()) -> Finding:
    """It works, but this should be known."""
    return Finding(Verdict.NOTE, found, advice, tuple(details))


def failure(found: str, advice: str = "", *, details: Iterable[str] = ()) -> Finding:
    """What is needed does not work."""
    return Finding(Verdict.FAILURE, found, advice, tuple(details))


def worst(rows: Iterable[Row]) -> Verdict:
    """The verdict on all of them."""
    verdicts = {row.finding.verdict for row in rows}
    return next((one for one in (Verdict.FAILURE, Verdict.NOTE) if one in verdicts), Verdict.GOOD)
