"""A definition that is not written yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scraper.post import METRICS
from scraper.proposals.counts import Label
from scraper.proposals.group import Choice
from scraper.proposals.records import Records

FIELDS: Final = ("author", "author_name", "title", "link", "text", "time", *METRICS)
"""The fields that are looked for, besides the id."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is a post, and where its fields are.

    Without `css` only records are posts; without `post_id` the address is the id. `count` posts seemed to be there.
    `notes` are what a person should know of it, `beside` what else repeats.
    """

    css: str | None
    count: int
    fields: Mapping[str, Choice]
    post_id: str | None = None
    permalink: str | None = None
    label: Label | None = None
    quoted: str | None = None
    """A selector for the posts in posts."""
    records: tuple[Records, ...] = ()
    is_in_noscript: bool = False
    next_page: str | None = None
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    worth: float = field(default=0.0, compare=False)
    places: frozenset[int] = field(default=frozenset(), compare=False)
    """Where on the page its posts are."""
    is_of_another: bool = False
    """Whether the page is of a post that is not among them."""

    @property
    def required(self) -> tuple[str, ...]:
        """What every post had, of what makes it one."""
        found = {name: choice.share for name, choice in self.fields.items()}
        is_counted = any(found.get(metric, 0) >= 1 for metric in METRICS)
        is_counted = is_counted or (self.label is not None and self.label.share >= 1)
        named = [name for name in ("author", "title") if found.get(name, 0) >= 1]
        return ("id", *named[:1], *(["counts"] if is_counted else []))
