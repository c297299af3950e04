"""Read a label that holds all counts of a post: "12 replies, 3 reposts, 45 likes".

Each part holds one number and the words of one metric. A part whose words nobody knows (another language, a new
metric) is reported, because then a metric that seems to be absent may be the one that was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scraper.counts import Abbreviation, Count, normalised, read_count, suffix_multiplier

# A comma between digits belongs to a number, unless a blank follows.
_BETWEEN_PARTS = re.compile(r"[,;\u060c](?=\s)|[\u3001\uff0c\uff1b]|(?<!\d)[,;\u060c]|[,;\u060c](?!\d)")
_NUMBER = re.compile(r"\d(?:[\d.,' ]*\d)?")
_SUFFIX_AFTER = re.compile(r" ?[^\W\d_]+\.?(?=[ \W]|$)")


@dataclass(frozen=True, slots=True)
class LabelReading:
    """The counts by metric, and the parts that were not understood."""

    counts: Mapping[str, Count]
    unknown: tuple[str, ...]


def read_label(
    label: str,
    words: Mapping[Any, Sequence[str]],
    *,
    language: str | None = None,
    abbreviation: Abbreviation = Abbreviation.UNKNOWN,
) -> LabelReading:
    """The counts in `label`; `words` are, by metric, all that may stand beside its number (case does not matter)."""
    metric_of = {phrase.casefold(): metric for metric, phrases in words.items() for phrase in phrases}
    counts: dict[str, Count] = {}
    unknown: list[str] = []
    for part in _BETWEEN_PARTS.split(label):
        plain = normalised(part)
        if not plain:
            continue
        read = _read_part(plain, metric_of, language, abbreviation)
        if read is None or read[0] in counts:
            unknown.append(plain)
        else:
            counts[read[0]] = read[1]
    return LabelReading(counts, tuple(unknown))


def _read_part(
    part: str, metric_of: Mapping[str, str], language: str | None, abbreviation: Abbreviation
) -> tuple[str, Count] | None:
    numbers = list(_NUMBER.finditer(part))
    if len(numbers) != 1:
        return None
    start, end = numbers[0].span()
    suffix = _SUFFIX_AFTER.match(part, end)
    if suffix and suffix.end() < len(part) and suffix_multiplier(suffix[0], language):
        end = suffix.end()
    metric = metric_of.get(" ".join((part[:start] + " " + part[end:]).casefold().split()).strip(" .:"))
    if metric is None:
        return None
    return metric, read_count(part[start:end], language=language, abbreviation=abbreviation)
