"""From the strings of a reading to posts. Pure: the same strings give the same posts.

Each field takes the first of its sources that says something. A count takes the first that is exact, but only if no
other source contradicts it: where the page says two different things, the count is unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urljoin

from scraper.counts import Count, count_among_words, read_count
from scraper.definition import Definition, ItemKind, Layout, Source
from scraper.labels import read_label
from scraper.post import METRICS, Post, Quoted
from scraper.reader import RawItem, Reading
from scraper.thread import Thread
from scraper.times import read_time

_HAS_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Extraction:
    """The posts of a page, and for each element that could not be read as one, why."""

    posts: tuple[Post, ...]
    unfit: tuple[str, ...] = ()
    promoted_without_id: int = 0


def extract(definition: Definition, reading: Reading) -> Extraction:
    """The posts in `reading`, each id once, in the order of the page."""
    posts: dict[str, Post] = {}
    unfit: list[str] = []
    promoted_without_id = 0
    thread = Thread()
    faces = [_Face(layout, kind, kind.places, kind.quoted_places) for layout, kind in definition.kinds]
    for item in reading.items:
        if item.kind >= len(faces):
            continue
        kind = faces[item.kind].kind
        read = _Item(definition, faces[item.kind], item, reading)
        missing = read.missing()
        if not item.single:
            unfit.append(f"{kind.name} that holds another one, not set apart")
            thread.lose_track()
        elif not missing:
            post = thread.place(read.post(), read.string("thread")) if kind.tree else read.post()
            posts.setdefault(post.id, post)
        elif read.flag("promoted"):
            promoted_without_id += 1
        else:
            unfit.append(f"{kind.name} without {', '.join(missing)}")
            thread.lose_track()
    return Extraction(tuple(posts.values()), tuple(unfit), promoted_without_id)


@dataclass(frozen=True, slots=True)
class _Face:
    """One kind of post of one layout, with its sources in the order of the reader's strings."""

    layout: Layout
    kind: ItemKind
    places: tuple[tuple[str, Source], ...]
    quoted_places: tuple[tuple[str, Source], ...]


class _Item:
    """One element, its strings by field."""

    def __init__(self, definition: Definition, face: _Face, raw: RawItem, reading: Reading) -> None:
        self.definition = definition
        self.layout = face.layout
        self.kind = face.kind
        self.base_url = reading.url
        self.language = reading.language or definition.language
        self.warnings: list[str] = []
        self.sources: dict[str, str] = {}
        self.values = _by_field(face.places, raw.values)
        self.inner = _by_field(face.quoted_places, raw.quoted) if raw.quoted is not None else None
        self.id = self.string("id")
        self.counts = self._counts()

    def missing(self) -> list[str]:
        """Which of the required fields are not there."""
        there = {name for name in ("id", *self.kind.required) if name != "counts" and self._there(name)}
        if any(count.exact is not None or count.range for count in self.counts.values()):
            there.add("counts")
        return [name for name in dict.fromkeys(("id", *self.kind.required)) if name not in there]

    def _there(self, name: str) -> bool:
        return (self.author() if name == "author" else self.string(name)) is not None

    def string(self, name: str) -> str | None:
        """The field as a string, trimmed; None where no source says anything."""
        for source, raw in self.values.get(name, ()):
            value = _taken(source, raw)
            if value is not None and value.strip():
                self.sources[name] = source.name
                return value.strip()
        return None

    def author(self) -> str | None:
        """Who wrote it; None where the page names two people."""
        return self._agreed("author", self.values.get("author", ()))

    def _agreed(self, name: str, values: Sequence[tuple[Source, str | None]]) -> str | None:
        said = [(source, value) for source, raw in values if (value := (_taken(source, raw) or "").strip())]
        if not said:
            return None
        source, first = said[0]
        other = next((value for _, value in said if value.casefold() != first.casefold()), None)
        if other is not None:
            self.warnings.append(f"{name}: the page says both {first[:40]!r} and {other[:40]!r}")
            return None
        self.sources[name] = source.name
        return first

    def number(self, name: str) -> int | None:
        """A plain integer, such as a rank or a depth."""
        for source, raw in self.values.get(name, ()):
            value = _taken(source, raw)
            if value is not None and value.strip().isascii() and value.strip().isdigit():
                self.sources[name] = source.name
                return int(value) // source.divide_by
        return None

    def flag(self, name: str) -> bool | None:
        """True if a source fits, False if none is there, None if one is there and says something unheard of."""
        if name not in self.values:
            return None
        unheard = False
        for source, raw in self.values[name]:
            if _taken(source, raw) is not None:
                self.sources[name] = source.name
                return True
            unheard = unheard or raw is not None
        return None if unheard else False

    def time(self) -> datetime | None:
        """The moment of the post, aware, in UTC."""
        for source, raw in self.values.get("time", ()):
            value = _taken(source, raw)
            if value is None:
                continue
            moment = read_time(value, utc=source.utc, id_time_from=source.id_time_from)
            if moment:
                self.sources["time"] = source.name
                return moment
            self.warnings.append(f"time: {value[:40]!r} is no moment")
        return None

    def post(self) -> Post:
        """The whole post. Only for an element that misses nothing."""
        if self.id is None:
            raise ValueError("a post without an id")
        author = self.author()
        link = self.string("link")
        exact = {metric: count.exact for metric, count in self.counts.items()}
        approximate = {metric: count.range for metric, count in self.counts.items() if count.range}
        if self.flag("cut"):
            self.warnings.append("text: cut by the site")
        return Post(
            id=self.id,
            site=self.definition.name,
            layout=self.layout.name,
            url=self.definition.permalink_of(self.id, author, self.base_url),
            author=author,
            author_name=_on_one_line(self.string("author_name")),
            text=self.string("text"),
            title=_on_one_line(self.string("title")),
            link=urljoin(self.base_url, link) if link else None,
            time=self.time(),
            rank=self.number("rank"),
            depth=self.number("depth"),
            parent=self.string("parent"),
            pinned=self.flag("pinned"),
            promoted=self.flag("promoted"),
            social_context=_on_one_line(self.string("social_context")),
            quoted=self._quoted(),
            views=exact.get("views"),
            likes=exact.get("likes"),
            reposts=exact.get("reposts"),
            replies=exact.get("replies"),
            bookmarks=exact.get("bookmarks"),
            score=exact.get("score"),
            approximate=MappingProxyType(approximate),
            warnings=tuple(self.warnings),
            sources=MappingProxyType(self.sources),
        )

    def _quoted(self) -> Quoted | None:
        if self.inner is None:
            return None
        found = {
            name: next(
                (value.strip() for source, raw in values if (value := _taken(source, raw)) and value.strip()), None
            )
            for name, values in self.inner.items()
        }
        post_id, author = found.get("id"), self._agreed("quoted.author", self.inner.get("author", ()))
        return Quoted(
            author=author,
            id=post_id,
            url=self.definition.permalink_of(post_id, author, self.base_url) if post_id else None,
            text=found.get("text"),
            author_name=_on_one_line(found.get("author_name")),
        )

    def _counts(self) -> dict[str, Count]:
        said: defaultdict[str, list[tuple[str, Count]]] = defaultdict(list)
        for metric in METRICS:
            for source, raw in self.values.get(metric, ()):
                value = _taken(source, raw)
                if value is not None and value.strip() and not (source.among_words and not _HAS_DIGIT.search(value)):
                    said[metric].append((source.name, self._count(source, value)))
        self._read_label(said)
        return {metric: count for metric in METRICS if (count := self._settled(metric, said[metric]))}

    def _read_label(self, said: Mapping[str, list[tuple[str, Count]]]) -> None:
        label = self.kind.counts
        raw = next((raw for _, raw in self.values.get("counts", ()) if raw is not None), None)
        if label is None or raw is None:
            return
        read = read_label(
            raw,
            label.words,
            other=label.other,
            language=self.language,
            abbreviation=self.definition.abbreviations,
        )
        elsewhere = [said[metric] for metric in METRICS if metric not in read.counts]
        name = label.source.name
        for metric, count in read.counts.items():
            said[metric].insert(0, (name, count))
        if read.unknown and not _are_all_of(read.unknown_numbers, elsewhere):
            self.warnings.append(f"counts: {read.unknown[0][:60]!r} is not understood")
            return
        for metric in label.absent_is_zero:
            if metric not in read.counts and not (read.unknown and said[metric]):
                said[metric].insert(0, (f"{name} (absent)", Count(exact=0)))

    def _count(self, source: Source, text: str) -> Count:
        word = source.words.get(text.strip().casefold())
        if word is not None:
            return Count(exact=word)
        abbreviation = self.definition.abbreviations
        if source.among_words:
            return count_among_words(text, language=self.language, abbreviation=abbreviation)[0]
        return read_count(text, language=self.language, abbreviation=abbreviation)

    def _settled(self, metric: str, said: Sequence[tuple[str, Count]]) -> Count | None:
        """The one count that all sources allow."""
        known = [(name, count) for name, count in said if count.reason is None]
        if not known:
            if said:
                self.warnings.append(f"{metric}: {said[0][1].reason}")
            return None
        name, best = next(((name, count) for name, count in known if count.exact is not None), known[0])
        against = next((count for _, count in known if not best.agrees(count)), None)
        if against is not None:
            self.warnings.append(f"{metric}: the page says both {_said(best)} and {_said(against)}")
            return None
        self.sources[metric] = name
        return best


def _by_field(
    places: Sequence[tuple[str, Source]], values: Sequence[str | None]
) -> dict[str, list[tuple[Source, str | None]]]:
    fields: defaultdict[str, list[tuple[Source, str | None]]] = defaultdict(list)
    for (name, source), value in zip(places, values, strict=False):
        fields[name].append((source, value))
    return dict(fields)


def _are_all_of(numbers: Sequence[int | None], elsewhere: Sequence[Sequence[tuple[str, Count]]]) -> bool:
    """Whether `numbers`, whose words nobody knows, are just the counts that other places name: then none is left."""
    named = [next((count.exact for _, count in said if count.exact is not None), None) for said in elsewhere]
    return None not in numbers and sorted(filter(None, named)) == sorted(filter(None, numbers))


def _on_one_line(text: str | None) -> str | None:
    """A name or a title, whose line breaks are only those of the page's source."""
    return text and " ".join(text.split())


def _taken(source: Source, raw: str | None) -> str | None:
    """What the source's pattern takes from its string."""
    if raw is None or source.pattern is None:
        return raw
    found = re.search(source.pattern, raw)
    if not found:
        return None
    return next((group for group in found.groups() if group is not None), found[0])


def _said(count: Count) -> str:
    return repr(count.range.text) if count.range else str(count.exact)
