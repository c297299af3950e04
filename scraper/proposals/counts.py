"""Where in posts the counts are: labels with all of them at once, numbers beside words, numbers in named places."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scraper.proposals.group import Choice, Group, Spot
from scraper.proposals.page import Element
from scraper.proposals.words import (
    METRIC_OF,
    OTHER,
    WORDS,
    counts_in,
    has_one_number,
    is_bare_number,
    metric_in,
    tokens,
)
from scraper.values.counts import Count, count_among_words, read_count

_LONGEST = 60
_FROM = ("aria-label", "title", "content", "value", None)
_LINE = re.compile(r"^\s*\d[\d.,]*\s*(?:[KMB]\b)?\s*([A-Za-z]+)\s*$")


@dataclass(frozen=True, slots=True)
class Label:
    """One element that holds all counts at once."""

    css: str
    attribute: str | None
    words: dict[str, tuple[str, ...]]
    share: float
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """One place of one metric, and its counts by post."""

    metric: str
    source: dict[str, object]
    counts: tuple[Count | None, ...]
    rank: float

    @property
    def share(self) -> float:
        return sum(one is not None for one in self.counts) / len(self.counts)

    @property
    def kind(self) -> tuple[bool, ...]:
        return tuple(key in self.source for key in ("attribute", "among_words", "where"))

    @property
    def place(self) -> str:
        return f"{self.source['css']}" + (
            f"@{self.source['attribute']}" if "attribute" in self.source else " as text"
        )

    def fills_in(self, other: _Found) -> bool:
        return any(one and not two for one, two in zip(self.counts, other.counts, strict=True))

    @property
    def is_exact(self) -> bool:
        return all(one is None or one.exact is not None for one in self.counts)


def label_in(group: Group) -> Label | None:
    """The label that holds several counts of a post; None where there is none."""
    best: tuple[float, Label] | None = None
    for spot in group.spots:
        if spot.start != "item":
            continue
        for attribute in ("aria-label", "title", None):
            read = [counts_in(value) if value and len(value) < 200 else {} for value in spot.values(attribute)]
            several = sum(len(one) > 1 for one in read) / len(read)
            if several < 0.3 or (attribute is None and any(_is_inner(one) for one in spot.elements)):
                continue
            share = sum(bool(one) for one in read) / len(read)
            metrics = dict.fromkeys(metric for one in read for metric in one)
            words = {metric: WORDS[metric][_pair(metric, read) : _pair(metric, read) + 2] for metric in metrics}
            label = Label(spot.css, attribute, words, share, _unknown(spot.values(attribute)))
            rank = share + several + 0.3 * len(words) - spot.cost - 0.2 * (attribute is None)
            if best is None or rank > best[0]:
                best = rank, label
    return best[1] if best else None


def _is_inner(element: Element | None) -> bool:
    """Whether there are elements in it: then its text is of many things, run together."""
    return element is not None and any(not isinstance(child, str) for child in element.children)


def _pair(metric: str, read: Sequence[dict[str, str]]) -> int:
    """Where the singular and plural begin that a label uses, in the words of the metric."""
    used = Counter(one[metric] for one in read if metric in one).most_common(1)[0][0]
    at = WORDS[metric].index(used)
    return at - at % 2


def _unknown(labels: Iterable[str | None]) -> tuple[str, ...]:
    known = {*METRIC_OF, *OTHER}
    parts = [
        part for label in labels if label for part in re.split(r"[,;](?=\s)|[·|•]", label) if has_one_number(part)
    ]
    words = [" ".join(tokens(part)) for part in parts]
    return tuple(dict.fromkeys(word for word in words if word and not set(word.split()) & known))


def counts_of(group: Group, language: str | None, label: Label | None) -> dict[str, Choice]:
    """The sources of each metric that is found."""
    found = [*_by_spot(group, language), *_by_line(group, language)]
    chosen: dict[str, Choice] = {}
    for metric in WORDS:
        own = sorted((one for one in found if one.metric == metric), key=lambda one: one.rank, reverse=True)
        if own:
            is_in_label = label is not None and metric in label.words
            chosen[metric] = _settled(own, is_in_label=is_in_label)
    return chosen


def _settled(found: Sequence[_Found], *, is_in_label: bool) -> Choice:
    """The best place of a metric and one that supports it; with a word on those that say something else.

    Where one is as good as the other and they contradict each other, both are proposed: then the count is unknown.
    """
    best, share = found[0], found[0].share
    sources, notes = [best.source], list[str]()
    is_exact = best.is_exact
    for other in found[1:]:
        both = [(one, two) for one, two in zip(best.counts, other.counts, strict=True) if one and two]
        against = sum(not one.agrees(two) for one, two in both)
        if against * 20 > len(both):
            is_as_good = other.rank > best.rank - 0.5 and other.kind == best.kind and len(sources) < 2
            if is_as_good or (other.rank > best.rank - 1.5 and len(notes) < 2):
                notes.append(f"{other.place} says otherwise in {against} of {len(both)} posts")
            if is_as_good:
                sources, share = [best.source, other.source], 0.0
        elif len(sources) < 2 and not against and (other.fills_in(best) or (not is_exact and other.is_exact)):
            sources.append(other.source)
            is_exact = is_exact or other.is_exact
    if is_in_label and is_exact:
        # The label has it already; one other place bears it out.
        sources = sources[:1]
    return Choice(tuple(sources), share, tuple(notes))


def _by_spot(group: Group, language: str | None) -> Iterator[_Found]:
    for spot in group.spots:
        keys = [key for key in spot.attributes() if key.startswith("data-") or key in _FROM]
        for attribute in (*keys, None):
            values = [_short(value) for value in spot.values(attribute)]
            told = [value for value in values if value and any(character.isdigit() for character in value)]
            if not told or (attribute is None and any(_has_more(one) for one in spot.elements)):
                continue
            metric, is_worded = _metric_of(spot, attribute, told, group)
            if metric is None:
                continue
            counts = tuple(_count(value, language, is_worded=is_worded) for value in values)
            share = sum(one is not None for one in counts) / len(counts)
            if share * 10 < 1 or sum(one is not None for one in counts) * 3 < len(told) * 2:
                continue
            exact = sum(one is not None and one.exact is not None for one in counts) / len(counts)
            said: dict[str, object] = {} if attribute is None else {"attribute": attribute}
            if is_worded:
                said["among_words"] = True
            rank = 3 * share + exact + 0.3 * (attribute is not None) + 0.4 * is_worded - spot.cost
            rank += 0.4 * (metric_in([spot.css]) == metric)
            yield _Found(metric, spot.source(**said), counts, rank)


def _short(value: str | None) -> str | None:
    return None if value is None or len(value.strip()) > _LONGEST else value.strip()


def _has_more(element: Element | None) -> bool:
    """Whether an element holds a time or a link beside its number: then it is not the number's own."""
    return element is not None and any(one.tag in {"time", "a", "button"} for one in element.inside())


def _metric_of(spot: Spot, attribute: str | None, told: Sequence[str], group: Group) -> tuple[str | None, bool]:
    """Which metric a place is, and whether its own words say so."""
    worded = Counter(
        metric
        for value in told
        if has_one_number(value) and (metric := metric_in([_without_unit(value)])) is not None
    )
    if worded:
        metric, times = worded.most_common(1)[0]
        return (metric, True) if times * 10 >= len(told) * 9 else (None, False)
    if not all(is_bare_number(value) for value in told):
        return None, False
    hinted = Counter(
        _hint(one, attribute, group)
        for one in spot.elements
        if one is not None and one.tag not in {"article", "body"}
    )
    metric = hinted.most_common(1)[0][0] if hinted else None
    return metric, False


def _without_unit(value: str) -> str:
    return re.sub(r"\d[\d.,]*\s*[KMBkmb]\b", " ", value)


def _hint(element: Element, attribute: str | None, group: Group) -> str | None:
    """The metric that an element is named after, or what it is in, within its post."""
    if attribute and attribute.startswith("data-"):
        named = metric_in([attribute])
        return named if not re.search(r"id$|time|date|index|url", attribute) else None
    for count, outer in enumerate((element, *element.ancestors())):
        if count > 3 or outer.place in group.others or _numbers(outer) > 1:
            return None
        said = [*outer.classes]
        said += [
            value
            for key, value in outer.attributes.items()
            if (key.startswith("data-") or key in {"title", "aria-label", "itemprop", "name", "id", "slot"})
            and len(value) < 40
            and not (outer is element and key == attribute)
        ]
        metric = metric_in(said)
        if metric is not None:
            return metric
        beside = _label_before(outer)
        if beside is not None:
            return beside
    return None


def _numbers(element: Element) -> int:
    return len(re.findall(r"\d[\d.,]*", element.text()[:300]))


def _label_before(element: Element) -> str | None:
    """The metric that the element before one is labelled with, and nothing else."""
    parent = element.parent
    if parent is None:
        return None
    beside = [child for child in parent.children if isinstance(child, Element)]
    at = next(place for place, child in enumerate(beside) if child is element)
    label = beside[at - 1].attributes.get("aria-label", "") if at else ""
    return metric_in([label]) if label and not any(character.isdigit() for character in label) else None


def _count(value: str | None, language: str | None, *, is_worded: bool) -> Count | None:
    if not value or not any(character.isdigit() for character in value):
        return None
    count = count_among_words(value, language=language)[0] if is_worded else read_count(value, language=language)
    return count if count.reason is None else None


def _by_line(group: Group, language: str | None) -> Iterator[_Found]:
    """Counts that only their text tells from others of the same name, as the second of two links."""
    by_metric: defaultdict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    words: defaultdict[str, set[str]] = defaultdict(set)
    for item in range(len(group.items)):
        for element in group.own(item, lambda one: one.tag in {"a", "span", "button", "small", "li", "td"}):
            if any(isinstance(child, Element) and child.text().strip() for child in element.children):
                continue
            text = element.text().replace("\xa0", " ")
            line = _LINE.match(text) if len(text) < _LONGEST else None
            metric = METRIC_OF.get(line[1].lower()) if line else None
            if line and metric is not None:
                inside = group.items[item].holds(element)
                by_metric[metric, element.tag, "item" if inside else "next"].setdefault(item, text)
                words[metric].add(line[1].lower())
    for (metric, tag, start), by_item in by_metric.items():
        counts = tuple(_count(by_item.get(item), language, is_worded=True) for item in range(len(group.items)))
        said = "|".join(sorted(words[metric], reverse=True))
        source: dict[str, object] = {} if start == "item" else {"start": start}
        source |= {"css": tag, "where": rf"^\d[\d.,]*\s*[KMB]?\s*({said})$", "among_words": True}
        share = sum(one is not None for one in counts) / len(counts)
        if share:
            yield _Found(metric, source, counts, 3 * share + 0.6)
