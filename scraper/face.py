"""What all posts of a page, and all of one kind, have in common while they are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urldefrag

from scraper.definition import Definition
from scraper.kinds import ItemKind, Layout, Source
from scraper.reader import Reading
from scraper.records import RecordBook


@dataclass(frozen=True, slots=True)
class Page:
    """What all posts of a page have in common."""

    definition: Definition
    reading: Reading
    records: RecordBook
    read_at: datetime | None

    @property
    def language(self) -> str | None:
        """Of its counts and times."""
        return self.reading.language or self.definition.language

    @property
    def own_base(self) -> str | None:
        """What its links start from, if that is not its address."""
        base, url = (urldefrag(address).url for address in (self.reading.base, self.reading.url))
        return base if base != url else None


@dataclass(frozen=True, slots=True)
class Face:
    """One kind of post of one layout, with its places in the order of the reader's strings."""

    layout: Layout
    kind: ItemKind
    places: tuple[Place, ...]
    quoted_places: tuple[Place, ...]

    @classmethod
    def of(cls, layout: Layout, kind: ItemKind) -> Face:
        """The face of a kind."""
        named = ((Place(*place) for place in places) for places in (kind.places, kind.quoted_places))
        return cls(layout, kind, *(tuple(places) for places in named))


class Place:
    """A field, and one source of it with its name, which is made once."""

    __slots__ = ("field", "name", "source")

    def __init__(self, field: str, source: Source) -> None:
        self.field, self.source, self.name = field, source, source.name
