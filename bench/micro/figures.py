"""A figure: one thing that was measured, with its unit and how far it strayed. And figures as plain JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is the median where there were many, `high` the 99th percentile unless title or note says otherwise.

    `key` is dotted, its room first: "store.page_at_row_100". `title` is for a person.
    """

    key: str
    title: str
    unit: str
    value: float
    high: float | None = None
    note: str = ""


class NotMeasurable(Exception):
    """A part that can't be measured here; the message says why, and what would help."""


def spread(key: str, title: str, unit: str, values: Sequence[float], *, note: str = "") -> Figure:
    """The figure of many measurements: their median and their 99th percentile. Takes two or more."""
    return Figure(key, title, unit, statistics.median(values), statistics.quantiles(values, n=100)[98], note)


def rate(key: str, title: str, per_second: Sequence[float], *, note: str = "") -> Figure:
    """The figure of a speed that was measured in several rounds: the median; the note has the least and the most."""
    rounds = f"{len(per_second)} rounds: {min(per_second):.0f} to {max(per_second):.0f}"
    return Figure(key, title, "1/s", statistics.median(per_second), note=f"{note}; {rounds}" if note else rounds)


def as_json(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """Plain rows, one a figure, with the names of the fields as keys."""
    return [dataclasses.asdict(figure) for figure in figures]


def from_json(rows: Iterable[Mapping[str, Any]]) -> list[Figure]:
    """The figures that `as_json` made these rows of. Raises TypeError for a row with other keys."""
    return [Figure(**row) for row in rows]
