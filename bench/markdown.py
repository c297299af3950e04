"""Numbers and tables, as they stand in a page of docs/."""

from __future__ import annotations

import math
from collections.abc import Sequence


def in_seconds(seconds: float) -> str:
    """Such as `88 ms` and `365 s`."""
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:,.0f} s"


def number(value: float) -> str:
    """Thousands with commas; below 100 with one digit, below 1 with two."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def about(value: float) -> str:
    """To three digits, of what is above 0: more would claim what nobody knows."""
    digits = 2 - math.floor(math.log10(value))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
