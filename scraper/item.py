"""One post, from the strings of an element and from the JSON objects that have its id.

Each field takes the first of its sources that says something. A count or a time takes the first that is exact, but
only if no other source contradicts it: where the page says two different things, it is unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from scraper.definition import address_as_id
from scraper.face import Face, Page, Place
from scraper.kinds import Source
from scraper.links import joined
from scraper.post import METRICS, Post, Quoted
from scraper.reader import MAX_CHARACTERS, MOST_SEARCHED, RawItem
from scraper.records import Record, RecordBook, as_count, as_text, look_up
from scraper.values.counts import Count, count_among_words, read_count
from scraper.values.labels import read_label
from scraper.values.times import Moment, read_moment

MOST_DIGITS: Final = 18
"""A number with more of them is no count, rank or depth, and no table of a database holds it."""

BETWEEN: Final = "\u241f"
"""Stands, in what visible.js gives, between two numbers of which nothing says that they are one."""

_HAS_DIGIT = re.compile(r"\d")
_PLAIN_NUMBER = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class _Said:
    """What one source says: its string, None where it says nothing, and the place that it is from.

    `number` is what a record's number counts, where it is one. `own_base` is the page's `<base>`, where it has one.
    `unsure` is why what stands there is no count, and it `is_unseen` where only screen readers are told it,
    `beside` a number that shows or not.
    """

    source: Source
    raw: str | None
    place: str
    number: Count | None = None
    own_base: str | None = None
    unsure: str | None = None
    is_unseen: bool = False
    beside: bool = False

    @property
    def value(self) -> str | None:
        """What the source's pattern takes from it."""
        if self.raw is None or self.source.pattern is None:
            return self.raw
        if len(self.raw) > MOST_SEARCHED:
            return None
        found = re.search(self.source.pattern, self.raw)
        if not found and self.own_base and _leads_on(self.raw) and self.source.attribute == "href":
            found = re.search(self.source.pattern, joined(self.own_base, self.raw.strip()) or "")
        if not found:
            return None
        return next((group for group in found.groups() if group is not None), found[0])


class Item:
    """One element, its strings by field."""

    def __init__(self, page: Page, face: Face, raw: RawItem) -> None:
        self.definition = page.definition
        self.layout = face.layout
        self.kind = face.kind
        self.page_url = page.reading.url
        self.base_url = page.reading.base
        self.language = page.language
        self.read_at = page.read_at
        self.warnings: list[str] = []
        self.sources: dict[str, str] = {}
        self.values = _by_field(face.places, raw, page.own_base)
        if raw.cut or any(len(value or "") > MOST_SEARCHED for value in raw.values):
            self._tell_what_is_too_long()
        self.inner = (
            _quoted_by_field(face.quoted_places, raw.quoted, page.own_base) if raw.quoted is not None else None
        )
        self.id = raw.record_id or self._id()
        if self.id is not None and self.kind.records:
            self._look_up(page.records, raw.kind, self.id)
        self.counts = self._counts()
        self.moment = self._moment()

    def _id(self) -> str | None:
        said = next((one for one in self.values.get("id", ()) if (one.value or "").strip()), None)
        if said is None:
            return None
        self.sources["id"] = said.place
        value = (said.value or "").strip()
        if said.source.under is not None:
            above = re.search(said.source.under, self.page_url[:MOST_SEARCHED])
            return f"{above[1]}/{value}" if above else None
        return value if self.definition.post_id is not None else address_as_id(joined(self.base_url, value) or "")

    def _tell_what_is_too_long(self) -> None:
        for name, values in self.values.items():
            if any(said.source.pattern is None and len(said.raw or "") >= MAX_CHARACTERS for said in values):
                self.warnings.append(f"{name}: longer than {MAX_CHARACTERS} characters, and cut")
            unsearched = any(said.source.pattern and len(said.raw or "") > MOST_SEARCHED for said in values)
            if unsearched and all(said.value is None for said in values):
                self.warnings.append(f"{name}: longer than {MOST_SEARCHED} characters, and not searched")

    def _look_up(self, records: RecordBook, kind: int, post_id: str) -> None:
        """Fill in what the records of this post say, each in the place of its source."""
        found = records.of(kind, post_id)
        self.values = {
            name: [one for said in values for one in _with_records(said, found)]
            for name, values in self.values.items()
        }

    def missing(self) -> list[str]:
        """Which of the required fields are not there."""
        there = {name for name in ("id", *self.kind.required) if name != "counts" and self._there(name)}
        if any(count.exact is not None or count.range for count in self.counts.values()):
            there.add("counts")
        return [name for name in dict.fromkeys(("id", *self.kind.required)) if name not in there]

    def _there(self, name: str) -> bool:
        if name == "id":
            return self.id is not None
        return (self.author() if name == "author" else self.string(name)) is not None

    def string(self, name: str) -> str | None:
        """The field as a string, trimmed; None where no source says anything."""
        for said in self.values.get(name, ()):
            value = said.value
            if value is not None and value.strip():
                self.sources[name] = said.place
                return value.strip()
        return None

    def author(self) -> str | None:
        """Who wrote it; None where the page names two people."""
        return self._agreed("author", self.values.get("author", ()))

    def _agreed(self, name: str, values: Sequence[_Said]) -> str | None:
        said = [(one.place, value) for one in values if (value := (one.value or "").strip())]
        if not said:
            return None
        place, first = said[0]
        other = next((value for _, value in said if value.casefold() != first.casefold()), None)
        if other is not None:
            self.warnings.append(f"{name}: the page says both {first[:40]!r} and {other[:40]!r}")
            return None
        self.sources[name] = place
        return first

    def number(self, name: str) -> int | None:
        """A plain integer, such as a rank or a depth."""
        for said in self.values.get(name, ()):
            value = said.value
            if value is not None and _PLAIN_NUMBER.fullmatch(value.strip()):
                self.sources[name] = said.place
                return int(value) // said.source.divide_by
        return None

    def flag(self, name: str) -> bool | None:
        """True if a source fits, False if none is there, None if one is there and says something unheard of."""
        if name not in self.kind.fields:
            return None
        unheard = False
        for said in self.values.get(name, ()):
            if said.value is not None:
                self.sources[name] = said.place
                return True
            unheard = unheard or said.raw is not None
        return None if unheard else False

    def _moment(self) -> Moment | None:
        """When it was posted: the first source that is exact, else the first that is understood."""
        said: list[tuple[str, Moment]] = []
        for one in self.values.get("time", ()):
            value = one.value
            if value is None or not value.strip():
                continue
            moment = read_moment(
                value,
                now=self.read_at,
                language=self.language,
                zone=one.source.zone,
                form=one.source.form,
                id_time_from=one.source.id_time_from,
            )
            if moment is None:
                self.warnings.append(f"time: {value[:40]!r} is no moment that can be told")
            else:
                said.append((one.place, moment))
        if not said:
            return None
        place, best = next(((place, moment) for place, moment in said if moment.exact), said[0])
        against = next((moment for _, moment in said if not could_be_one(best, moment)), None)
        if against is not None:
            self.warnings.append(f"time: the page says both {best.text[:40]!r} and {against.text[:40]!r}")
            return None
        self.sources["time"] = place
        return best

    def post(self) -> Post:
        """The whole post. Only for an element that misses nothing."""
        if self.id is None:
            raise ValueError("a post without an id")
        author = self.author()
        link = self._link()
        exact = {metric: count.exact for metric, count in self.counts.items()}
        approximate = {metric: count.range for metric, count in self.counts.items() if count.range}
        is_countless = self.flag("countless")
        # That is about the post, and no value of it.
        self.sources.pop("countless", None)
        if self.flag("cut"):
            self.warnings.append("text: cut by the site")
        return Post(
            id=self.id,
            site=self.definition.name,
            layout=self.layout.name,
            kind=self.kind.name,
            url=self.definition.permalink_of(
                self.id, self.page_url, author=author, thread=self.string("thread"), kind=self.kind
            ),
            author=author,
            author_name=_on_one_line(self.string("author_name")),
            text=self.string("text"),
            title=_on_one_line(self.string("title")),
            link=link,
            time=self.moment.exact if self.moment else None,
            time_range=self.moment if self.moment and not self.moment.exact else None,
            rank=self.number("rank"),
            depth=self.number("depth"),
            parent=self.string("parent"),
            pinned=self.flag("pinned"),
            promoted=self.flag("promoted"),
            reposted=self.flag("reposted"),
            social_context=_on_one_line(self.string("social_context")),
            lang=_on_one_line(self.string("lang")),
            countless=is_countless,
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

    def _link(self) -> str | None:
        said = self.string("link")
        link = joined(self.base_url, said) if said else None
        if link is not None and urlsplit(link).scheme not in {"http", "https"}:
            # Somebody may follow it.
            link = None
        if said and link is None:
            self.warnings.append(f"link: {said[:40]!r} is no address of the web")
            self.sources.pop("link")
        return link

    def _quoted(self) -> Quoted | None:
        if self.inner is None:
            return None
        found = {
            name: next((value.strip() for said in values if (value := said.value) and value.strip()), None)
            for name, values in self.inner.items()
        }
        post_id, author = found.get("id"), self._agreed("quoted.author", self.inner.get("author", ()))
        return Quoted(
            author=author,
            id=post_id,
            url=self.definition.permalink_of(post_id, self.page_url, author=author) if post_id else None,
            text=found.get("text"),
            author_name=_on_one_line(found.get("author_name")),
        )

    def _counts(self) -> dict[str, Count]:
        said: defaultdict[str, list[tuple[str, Count]]] = defaultdict(list)
        for metric in METRICS:
            for one in self.values.get(metric, ()):
                value, source = one.value, one.source
                if one.unsure is not None:
                    said[metric].append((one.place, Count(reason=one.unsure)))
                elif one.is_unseen and value is not None:
                    self._refine(metric, said[metric], one, self._count(one, value))
                elif (
                    value is not None and value.strip() and not (source.among_words and not _HAS_DIGIT.search(value))
                ):
                    said[metric].append((one.place, self._count(one, value)))
        self._read_label(said)
        return {metric: count for metric in METRICS if (count := self._settled(metric, said[metric]))}

    def _refine(self, metric: str, said: list[tuple[str, Count]], heard: _Said, count: Count) -> None:
        """Add what only screen readers are told, unless another number shows at the same place."""
        shown = said[-1][1] if heard.beside else None
        if shown is None or (shown.reason is None and shown.agrees(count)):
            said.append((heard.place, count))
        elif shown.reason is None and count.reason is None:
            self.warnings.append(f"{metric}: {_said(shown)} shows, and screen readers are told {_said(count)}")

    def _read_label(self, said: Mapping[str, list[tuple[str, Count]]]) -> None:
        label = self.kind.counts
        told = next((one for one in self.values.get("counts", ()) if one.raw is not None or one.unsure), None)
        if label is None or told is None:
            return
        if told.unsure is not None or told.raw is None:
            self.warnings.append(f"counts: {told.unsure}")
            return
        raw = told.raw
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
        if not _HAS_DIGIT.search(raw) and not _are_all_zero([said[metric] for metric in label.absent_is_zero]):
            # The label of a post whose counts are still on their way is as empty as that of a post without any.
            return
        for metric in label.absent_is_zero:
            if metric not in read.counts and not (read.unknown and said[metric]):
                said[metric].insert(0, (f"{name} (absent)", Count(exact=0)))

    def _count(self, said: _Said, text: str) -> Count:
        source = said.source
        if BETWEEN in text:
            shown = " and ".join(repr(part.strip()[:40]) for part in text.split(BETWEEN))
            return Count(reason=f"{shown} stand beside each other, and nothing says which it is")
        word = source.words.get(text.strip().casefold())
        if word is not None:
            return Count(exact=word)
        if said.number is not None and (source.pattern is None or said.number.reason):
            return said.number
        abbreviation = self.definition.abbreviations
        if source.among_words:
            return count_among_words(text, language=self.language, abbreviation=abbreviation)[0]
        return read_count(text, language=self.language, abbreviation=abbreviation)

    def _settled(self, metric: str, said: Sequence[tuple[str, Count]]) -> Count | None:
        """The one count that all sources allow."""
        said = [(name, _bounded(metric, count)) for name, count in said]
        known = [(name, count) for name, count in said if count.reason is None]
        if not known:
            if said:
                self.warnings.append(f"{metric}: {said[0][1].reason}")
            return None
        name, best = next(((name, count) for name, count in known if count.exact is not None), known[0])
        against = next((count for _, count in known if not best.agrees(count)), None)
        if against is not None:
            self.warnings.append(f"{metric}: the page says both {_said(best)} and {_said(against)}")
            both = best.between(against)
            if both is None or not all(both.contains(count) for _, count in known):
                return None
            best = both
        self.sources[metric] = name
        return best


def _by_field(places: Sequence[Place], raw: RawItem, own_base: str | None) -> dict[str, list[_Said]]:
    """What the sources of each field say, in their order. Those that say nothing are left out; records may yet.

    What only screen readers are told is a source of its own, after what shows there.
    """
    fields: dict[str, list[_Said]] = {}
    for index, (place, value) in enumerate(zip(places, raw.values, strict=False)):
        said = fields.setdefault(place.field, [])
        unsure = (raw.unsure or {}).get(index)
        if value is not None or unsure is not None or place.source.record is not None:
            said.append(_Said(place.source, value, place.name, own_base=own_base, unsure=unsure))
        if (heard := (raw.ears or {}).get(index)) is not None:
            spoken, shows = heard
            name = f"{place.name} (for screen readers)"
            beside = unsure is not None or _HAS_DIGIT.search(value or "") is not None
            said.append(_Said(place.source, spoken, name, is_unseen=not shows, beside=beside))
    return fields


def _quoted_by_field(
    places: Sequence[Place], values: Sequence[str | None], own_base: str | None
) -> dict[str, list[_Said]]:
    fields: dict[str, list[_Said]] = {}
    for place, value in zip(places, values, strict=False):
        if value is not None:
            fields.setdefault(place.field, []).append(_Said(place.source, value, place.name, own_base=own_base))
    return fields


def _leads_on(href: str) -> bool:
    """Whether it names a page, and is no place or setting within the one that its base names."""
    return href.strip()[:1] not in {"", "#", "?"}


def _with_records(said: _Said, records: Sequence[Record]) -> Iterator[_Said]:
    """What a source says once the records are known: one entry for each that has its value."""
    source = said.source
    if source.record is None:
        yield said
        return
    for record in records:
        found = look_up(source.record, record.value)
        value = as_text(found, is_html=source.is_html)
        if value is not None:
            yield _Said(source, value, f"{record.table.name} {source.record}", as_count(found))


def _bounded(metric: str, count: Count) -> Count:
    """`count`, if it is one that can be: votes may be more against than for, and nothing else is below 0."""
    found = count.range
    if metric != "score" and (found.low if found else count.exact or 0) < 0:
        return Count(reason="a number below 0")
    far = max(abs(found.low), abs(found.high)) if found else abs(count.exact or 0)
    return count if far < 10**MOST_DIGITS else Count(reason=f"a number of more than {MOST_DIGITS} digits")


def _are_all_zero(elsewhere: Sequence[Sequence[tuple[str, Count]]]) -> bool:
    """Whether other places name counts, and each is 0."""
    counts = [count.exact for said in elsewhere for _, count in said if count.reason is None]
    return bool(counts) and not any(counts) and None not in counts


def could_be_one(one: Moment, other: Moment) -> bool:
    """Whether both could be the same moment, of which one place may leave out the seconds."""
    slack = timedelta(minutes=1)
    return one.earliest - slack <= other.latest and other.earliest - slack <= one.latest


def _are_all_of(numbers: Sequence[int | None], elsewhere: Sequence[Sequence[tuple[str, Count]]]) -> bool:
    """Whether `numbers`, whose words nobody knows, are just the counts that other places name: then none is left."""
    named = [next((count.exact for _, count in said if count.exact is not None), None) for said in elsewhere]
    return None not in numbers and sorted(filter(None, named)) == sorted(filter(None, numbers))


def _on_one_line(text: str | None) -> str | None:
    """A name or a title, whose line breaks are only those of the page's source."""
    return text and " ".join(text.split())


def _said(count: Count) -> str:
    return repr(count.range.text) if count.range else str(count.exact)
