"""Why a page was read as it was: field by field, which place said what, and which says nothing any more. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from scraper.definition import Definition
from scraper.drift import NOT_COUNTED
from scraper.face import Face, Page
from scraper.item import Item
from scraper.kinds import ItemKind
from scraper.post import METRICS, post_as_dict
from scraper.reader import RawItem, Reading
from scraper.records import RecordBook

EXAMPLE_CHARACTERS: Final = 80
COUNTS: Final = "counts"


@dataclass(frozen=True, slots=True)
class Parts:
    """How often a selector matches on the whole page, and each of its simple parts by itself."""

    whole: int
    parts: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        told = ", ".join(f"{part} {count}" for part, count in self.parts)
        return f"{self.whole} on the page" + (f"; of its parts: {told}" if told else "")


@dataclass(frozen=True, slots=True)
class PlaceDiagnosis:
    """One place of a field: in how many posts it said something, and what in the first."""

    name: str
    css: str | None
    said: int
    example: str | None


@dataclass(frozen=True, slots=True)
class FieldDiagnosis:
    """A field of one kind of post: in how many it was read, `example` from `place`; `why` it was not in the others.

    `approximate` of those that were read say only about how many, or about when.
    """

    field: str
    read: int
    approximate: int
    is_required: bool
    example: str | None
    place: str | None
    places: tuple[PlaceDiagnosis, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class KindDiagnosis:
    """One kind of post: `elements` fit its selector, `posts` of them could be read."""

    layout: str
    kind: str
    css: str | None
    elements: int
    posts: int
    fields: tuple[FieldDiagnosis, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A post on the page: its place in the reading, and by place of a source what field was read there, and what."""

    item: int
    label: str
    is_read: bool
    values: tuple[tuple[int, str, str], ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All kinds that the page could have held, and the posts in the order of the page."""

    kinds: tuple[KindDiagnosis, ...]
    marks: tuple[Mark, ...] = ()
    selectors: Mapping[str, Parts] = field(default_factory=dict)

    @property
    def lost(self) -> tuple[tuple[KindDiagnosis, FieldDiagnosis], ...]:
        """The fields that no post of their kind has, the required ones first."""
        lost = [(kind, one) for kind in self.kinds for one in kind.fields if kind.elements and not one.read]
        return tuple(sorted(lost, key=lambda pair: not pair[1].is_required))


@dataclass(slots=True)
class _Read:
    """One element of a kind, read."""

    place: int
    raw: RawItem
    item: Item
    missing: list[str]
    values: dict[str, Any]
    approximate: frozenset[str]


def diagnose(
    definition: Definition,
    reading: Reading,
    records: RecordBook,
    *,
    read_at: datetime | None,
    selectors: Mapping[str, Parts] | None = None,
) -> Diagnosis:
    """What `reading` says of each field. `selectors` are those that `doubtful` names, looked up on the page."""
    page = Page(definition, reading, records, read_at)
    faces = [Face.of(layout, kind) for layout, kind in definition.kinds]
    by_kind: dict[int, list[_Read]] = {index: [] for index in range(len(faces))}
    for place, raw in enumerate(reading.items):
        if raw.gap or raw.kind >= len(faces):
            continue
        by_kind[raw.kind].append(_read(page, faces[raw.kind], place, raw))
    counts = [*reading.counts, *([0] * len(faces))]
    shown = [index for index in by_kind if by_kind[index] or counts[index]] or list(by_kind)
    known = selectors or {}
    kinds = tuple(_kind(faces[index], counts[index], by_kind[index], known) for index in shown)
    marks = sorted((mark for index in shown for mark in _marks(faces[index], by_kind[index])), key=lambda m: m.item)
    return Diagnosis(kinds, tuple(marks), known)


def doubtful(diagnosis: Diagnosis) -> tuple[str, ...]:
    """The selectors to look up on the page: of kinds without an element, and of places that never say anything."""
    css = [kind.css for kind in diagnosis.kinds if not kind.elements]
    css += [place.css for _, lost in diagnosis.lost for place in lost.places if not place.said]
    return tuple(dict.fromkeys(one for one in css if one))


def as_dict(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """The kinds, for JSON."""
    return [
        {
            "layout": kind.layout,
            "kind": kind.kind,
            "css": kind.css,
            "elements": kind.elements,
            "posts": kind.posts,
            "why": kind.why or None,
            "fields": [
                {
                    "field": one.field,
                    "read": one.read,
                    "approximate": one.approximate,
                    "required": one.is_required,
                    "example": one.example,
                    "place": one.place,
                    "why": one.why or None,
                    "places": [
                        {"place": place.name, "said": place.said, "example": place.example} for place in one.places
                    ],
                }
                for one in kind.fields
            ],
        }
        for kind in diagnosis.kinds
    ]


def _read(page: Page, face: Face, place: int, raw: RawItem) -> _Read:
    item = Item(page, face, raw)
    missing = item.missing()
    if item.id is None:
        values: dict[str, Any] = {name: item.string(name) for name in face.kind.fields if name != "id"}
        values |= {metric: count.exact for metric, count in item.counts.items()}
        return _Read(place, raw, item, missing, values, frozenset())
    post = post_as_dict(item.post())
    return _Read(place, raw, item, missing, post, frozenset(post["approximate"]))


def _kind(face: Face, elements: int, read: Sequence[_Read], selectors: Mapping[str, Parts]) -> KindDiagnosis:
    kind = face.kind
    posts = sum(1 for one in read if not one.missing and one.raw.single)
    why = ""
    if not elements and kind.css:
        why = f"no element fits {kind.css}: {selectors.get(kind.css, Parts(0))}"
    elif read and not posts:
        why = f"an element fits, and is no post: it lacks {', '.join(read[0].missing) or 'one id of its own'}"
    fields = tuple(_field(name, face, read, selectors) for name in _names(kind)) if read else ()
    return KindDiagnosis(face.layout.name, kind.name, kind.css, elements, posts, fields, why)


def _names(kind: ItemKind) -> list[str]:
    """The fields that a post of this kind can have."""
    labelled = [metric for metric in METRICS if kind.counts and metric in kind.counts.words]
    return list(dict.fromkeys([*kind.fields, *labelled]))


def _field(name: str, face: Face, read: Sequence[_Read], selectors: Mapping[str, Parts]) -> FieldDiagnosis:
    kind = face.kind
    values = [(one, value) for one in read if (value := _value(one, name)) is not None]
    first = next(iter(values), None)
    places = tuple(_places(name, face, read))
    without = [one for one in read if _value(one, name) is None]
    return FieldDiagnosis(
        field=name,
        read=len(values),
        approximate=sum(1 for one, _ in values if name in one.approximate),
        is_required=name == "id" or name in kind.required or (COUNTS in kind.required and name in METRICS),
        example=_short(first[1]) if first else None,
        place=first[0].item.sources.get(name) if first else None,
        places=places,
        why=_why(name, without, places, selectors) if without else "",
    )


def _value(one: _Read, name: str) -> Any:
    value = one.item.id if name == "id" else one.values.get(name)
    if value is None and name in one.approximate:
        return one.values["approximate"][name]["text"]
    return value


def _places(name: str, face: Face, read: Sequence[_Read]) -> list[PlaceDiagnosis]:
    told = []
    for index, place in enumerate(face.places):
        if place.field not in {name, *((COUNTS,) if name in METRICS else ())}:
            continue
        source = place.source
        if source.record is not None:
            said = [one.raw for entry in read for one in entry.item.values.get(name, ()) if one.source is source]
        else:
            said = [one.raw.values[index] for one in read if index < len(one.raw.values)]
        values = [value for value in said if value is not None]
        told.append(PlaceDiagnosis(place.name, source.css, len(values), _short(values[0]) if values else None))
    return told


def _why(name: str, without: Sequence[_Read], places: Sequence[PlaceDiagnosis], known: Mapping[str, Parts]) -> str:
    """Why the posts that lack a field lack it, told of the first."""
    warnings = [warning for one in without for warning in one.item.warnings]
    warned = next((warning for warning in warnings if warning.startswith(f"{name}: ")), "")
    if warned:
        return warned.partition(": ")[2]
    if not any(place.said for place in places):
        css = next((place.css for place in places if place.css in known), None)
        found = f" ({css}: {known[css]})" if css else ""
        return (
            f"none of its {len(places)} places says anything" if len(places) > 1 else "its place says nothing"
        ) + found
    said = next((value for one in without for value in _raw(one, name) if value.strip()), None)
    if said is None:
        return f"nothing is said in {len(without)} of them"
    return f"what is said is not understood: {_short(said)!r}"


def _raw(one: _Read, name: str) -> list[str]:
    return [said.raw for said in one.item.values.get(name, ()) if said.raw is not None]


def _marks(face: Face, read: Sequence[_Read]) -> list[Mark]:
    names = _names(face.kind)
    marks = []
    for one in read:
        values = []
        for name in names:
            value = _value(one, name)
            index = _index_of(face, one, name)
            if value is not None and index is not None:
                values.append((index, name, _short(value)))
        lacking = tuple(name for name in names if name not in NOT_COUNTED and _value(one, name) is None)
        is_read = not one.missing and one.raw.single
        marks.append(Mark(one.place, one.item.id or "no id", is_read, tuple(values), lacking))
    return marks


def _index_of(face: Face, one: _Read, name: str) -> int | None:
    """The place on the page that the value of a field is from; None where that is no element."""
    source = one.item.sources.get(name)
    for index, place in enumerate(face.places):
        is_its_own = place.field == name or (place.field == COUNTS and name in METRICS)
        if is_its_own and source is not None and source.removesuffix(" (absent)") == place.name:
            return index if place.source.record is None and not place.source.address else None
    return None


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"
