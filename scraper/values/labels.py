"""Read a label that holds all counts of a post: "12 replies, 3 reposts, 45 likes".

Each part holds one number and the words of one metric. A part whose words nobody knows (another language, a new
metric) is reported, because then a metric that seems to be absent may be the one that was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scraper.values.counts import Abbreviation, Count, count_among_words, normalised

# A comma between digits belongs to a number, unless a blank follows.
_BETWEEN_PARTS = re.compile(r"[,;\u060c](?=\s)|[\u3001\uff0c\uff1b]|(?<!\d)[,;\u060c]|[,;\u060c](?!\d)")
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class LabelReading:
    """The counts by metric, the parts that were not understood, and their numbers (None: not one exact number)."""

    counts: Mapping[str, Count]
    unknown: tuple[str, ...]
    unknown_numbers: tuple[int | None, ...] = ()


def read_label(
    label: str,
    words: Mapping[Any, Sequence[str]],
    *,
    other: Sequence[str] = (),
    language: str | None = None,
    abbreviation: Abbreviation = Abbreviation.UNKNOWN,
) -> LabelReading:
    """The counts in `label`.

    `words` are, by metric, all that may stand beside its number (case does not matter); parts with one of the
    `other` words are understood and left out.
    """
    metric_of = {phrase.casefold(): metric for metric, phrases in words.items() for phrase in phrases}
    metric_of |= {phrase.casefold(): _OTHER for phrase in other}
    counts: dict[str, Count] = {}
    unknown: list[str] = []
    numbers: list[int | None] = []
    for part in _BETWEEN_PARTS.split(label):
        plain = normalised(part)
        if not plain:
            continue
        read = _read_part(plain, metric_of, language, abbreviation)
        if read is None or read[0] in counts:
            unknown.append(plain)
            numbers.append(count_among_words(plain, language=language, abbreviation=abbreviation)[0].exact)
        elif read[0] != _OTHER:
            counts[read[0]] = read[1]
    return LabelReading(counts, tuple(unknown), tuple(numbers))


def _read_part(
    part: str, metric_of: Mapping[str, str], language: str | None, abbreviation: Abbreviation
) -> tuple[str, Count] | None:
    count, words = count_among_words(part, language=language, abbreviation=abbreviation, counted=metric_of)
    metric = metric_of.get(" ".join(words.casefold().split()).strip(" .:"))
    return None if metric is None or count.reason else (metric, count)
