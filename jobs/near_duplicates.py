"""Whether two texts say the same in almost the same words. Pure, and the same for every language.

A text is the set of its runs of three characters, after case, width, accents' encoding, punctuation, addresses and
white space are evened out. No words are looked for, so Chinese, Japanese and Thai need nothing of their own. Two
texts are as similar as the share of runs that they have in common (Jaccard): 1 for the same, 0 for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

RUN = 3
"""Characters of a run. Longer ones take a changed word in a short text for another text."""
SAME_FROM = 0.6
"""From this similarity on, texts count as near-duplicates."""

_ADDRESS = re.compile(r"https?://\S+")


def runs_of(text: str) -> frozenset[str]:
    """The runs of characters in `text`; of a text that is shorter than one, itself; of nothing, nothing."""
    # A text without a letter, such as a row of emoji, is compared as it is.
    plain = evened(text) or "".join(text.split())
    if len(plain) <= RUN:
        return frozenset([plain] if plain else [])
    return frozenset(plain[start : start + RUN] for start in range(len(plain) - RUN + 1))


def evened(text: str) -> str:
    """`text` without what may differ between two writings of the same: letters and digits, single spaces."""
    folded = unicodedata.normalize("NFKC", _ADDRESS.sub(" ", text)).casefold()
    # Marks belong to letters: without them, Hindi and Thai would lose their vowels.
    letters = "".join(one if unicodedata.category(one)[0] in "LNM" else " " for one in folded)
    return " ".join(unicodedata.normalize("NFC", letters).split())


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of runs that two texts have in common, 0 to 1. Nothing has nothing in common with anything."""
    if not one or not other:
        return 0.0
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def is_near_duplicate(runs: frozenset[str], texts: Iterable[str], same_from: float = SAME_FROM) -> bool:
    """Whether a text with `runs` is a near-duplicate of one of `texts`."""
    # Two texts share at most all of the shorter one: a text of another length needs no comparing.
    return any(
        min(len(runs), len(others)) >= same_from * max(len(runs), len(others))
        and similarity(runs, others) >= same_from
        for others in map(runs_of, texts)
    )
