"""Propose how to read a page: from what is on it (`Facts`) to the draft of a site definition. Pure.

Posts are what repeats on a page, each with an address of its own that only differs by an id, and with things that
posts have: a time, an author, counts. What is proposed is a beginning, for a person to go on with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from scraper.post import METRICS
from scraper.proposals.counts import Label, counts_of, label_in
from scraper.proposals.draft import Draft
from scraper.proposals.fields import agreement, author_of, link_of, text_of, time_of, title_of
from scraper.proposals.group import Choice, Group, Spot, groups_of
from scraper.proposals.links import Permalink, permalink_of
from scraper.proposals.page import Element, Facts, Tree
from scraper.proposals.records import records_of
from scraper.proposals.whole import from_records, from_whole

_TRIED: Final = 12
_LEAST_WORTH: Final = 2.0
_A_SENTENCE: Final = 40
"""So many characters of text are as good as more."""


def propose(facts: Facts, *, now: datetime) -> Draft | None:
    """The best way to read the posts of a page, as far as can be told; None where nothing looks like one."""
    whole = from_whole(facts, Tree.of(facts.url, facts.base, facts.nodes))
    for nodes, is_in_noscript in ((facts.nodes, False), (facts.noscript, True)):
        tree = Tree.of(facts.url, facts.base, nodes)
        found = [one for one in _drafts(tree, facts, now) if one.worth >= _LEAST_WORTH]
        if not found:
            continue
        best = max(found, key=lambda one: one.worth)
        if best.is_of_another and whole is not None:
            # The page is one post, and what repeats on it are others.
            return replace(whole, beside=(f"{best.css} ({best.count})",))
        return _finished(best, tree, found, is_in_noscript=is_in_noscript)
    return from_records(facts) or whole


def _drafts(tree: Tree, facts: Facts, now: datetime) -> Iterator[Draft]:
    likely: list[tuple[float, Group, Permalink]] = []
    for group in groups_of(tree):
        if len(group) == 1 and not _is_a_post_alone(group.elements[0]):
            continue
        permalink = permalink_of(tree, group.links())
        if permalink is None or permalink.covered * 2 < len(group.items) or permalink.score < 5:
            continue
        if len(group) == 1 and not any(post_id and post_id in facts.url for post_id in permalink.ids):
            continue
        share = permalink.covered / len(group.items)
        likely.append((share * math.log2(1 + len(group)) + 0.3 * permalink.score, group, permalink))
    likely.sort(key=lambda one: -one[0])
    for _, group, permalink in likely[:_TRIED]:
        yield _draft(group, permalink, facts, now)


def _is_a_post_alone(element: Element) -> bool:
    attributes = element.attributes
    return (
        element.tag == "article"
        or attributes.get("role") == "article"
        or any(re.fullmatch(r"data-(?:[a-z]+-)?id", key) for key in attributes)
    )


def _draft(group: Group, permalink: Permalink, facts: Facts, now: datetime) -> Draft:
    language = facts.language
    group.also(_by_address(group, permalink))
    handle, name = author_of(group, permalink)
    settled, template, notes = _settled(permalink, handle)
    time = time_of(group, settled, now=now, language=language)
    label = label_in(group)
    counts = counts_of(group, language, label)
    taken = [one.spot for one in (handle, name, time) if one is not None and one.spot is not None]
    title = title_of(group, taken)
    text = text_of(group, taken, title.spot if title else None)
    link = link_of(title) if title is not None else None
    found = {"author": handle, "author_name": name, "title": title, "link": link, "text": text, "time": time}
    fields = {key: choice for key, choice in found.items() if choice is not None} | counts
    records = records_of(facts, settled.ids, settled.post_id)
    asked = _id_of_page(facts, group.tree, settled)
    identity, is_of_another = _id_of(group, settled, asked, is_whole=settled is permalink)
    if is_of_another:
        notes.append(f"the page is the address of a post ({asked}) that is not among them")
    worth = _worth(fields, label) * math.log2(1 + len(group) * settled.covered / len(group.items))
    worth *= settled.covered / len(group.items)
    worth -= 0.3 * group.name.trust + 0.005 * len(group.name.css)
    return Draft(
        css=group.name.css,
        count=len(group),
        fields={"id": identity, **fields},
        post_id=settled.post_id,
        permalink=template,
        label=label,
        quoted=group.quoted.css if group.quoted is not None else None,
        records=records,
        notes=tuple(notes),
        # A page that has the address of a post is best read by what finds that post, and by its own link.
        worth=worth * (0.8 if is_of_another else 0.95 if identity.notes else 1),
        places=frozenset(one.place for one in group.elements),
        is_of_another=is_of_another,
    )


def _id_of_page(facts: Facts, tree: Tree, permalink: Permalink) -> str | None:
    """The id of the post that the page has the address of."""
    found = re.search(permalink.post_id, tree.address(facts.url) or "")
    return found[1] if found else None


def _settled(permalink: Permalink, handle: Choice | None) -> tuple[Permalink, str, list[str]]:
    """The permalink, its template, and what is to be said of it."""
    notes = []
    settled, template = permalink, permalink.template
    if permalink.wild is not None and permalink.joint is not None:
        values = handle.spot.values("href") if handle is not None and handle.spot is not None else ()
        pattern = str(handle.sources[0].get("pattern", "")) if handle is not None else ""
        handles = [
            (found[1] if (found := re.search(pattern, value)) else None) if value else None for value in values
        ]
        if pattern and agreement(handles, permalink.wild) >= 0.9:
            marks = {value[:1] for value in permalink.wild if value}
            mark = marks.pop() if len(marks) == 1 and marks <= {"@", "~"} else ""
            template = template.replace("{author}", f"{mark}{{author}}")
        else:
            settled = permalink.joint
            template = settled.template
            notes.append("the id has more in it than a number, since the address of a post needs all of it")
    if settled.is_shortened:
        notes.append("what comes after the id in an address is left out: try whether it leads to the post")
    return settled, template, notes


def _id_of(group: Group, permalink: Permalink, asked: str | None, *, is_whole: bool) -> tuple[Choice, bool]:
    """Where the id is, and whether the page is `asked` for and shows others only."""
    sources: list[dict[str, object]] = []
    notes: tuple[str, ...] = ()
    own = _own_attribute(group, permalink) if is_whole else None
    link = _link_source(group, permalink)
    sources += [one for one in (own, link) if one is not None]
    is_of_another = asked is not None and asked not in permalink.ids
    if own is not None and is_of_another:
        pattern, key = str(own["pattern"]), str(own["attribute"])
        values = [re.search(pattern, item.attributes.get(key, "")) for item in group.elements]
        is_of_another = asked not in {found[1] for found in values if found}
    elif is_of_another and sum(one is None for one in permalink.ids) == 1:
        sources.append({"address": True, "pattern": permalink.post_id.replace("^", r"^https?://[^/]+", 1)})
        notes = ("one post has no link to itself, and is taken to be the one that the page is of",)
        is_of_another = False
    return Choice(tuple(sources), permalink.covered / len(permalink.ids), notes), is_of_another


def _own_attribute(group: Group, permalink: Permalink) -> dict[str, object] | None:
    """The attribute of the post itself that holds the id, in each post that has one."""
    pairs = [(item, post_id) for item, post_id in zip(group.items, permalink.ids, strict=True) if post_id]
    keys = sorted(
        {key for item, _ in pairs for key in item.attributes}, key=lambda key: (not key.startswith("data-"), key)
    )
    for key in keys:
        if key != "id" and not key.startswith("data-"):
            continue
        leads = {_lead(item.attributes.get(key, ""), post_id) for item, post_id in pairs}
        if len(leads) == 1 and (lead := leads.pop()) is not None:
            charset = r"\d+" if all(post_id.isdigit() for _, post_id in pairs) else "[A-Za-z0-9_-]+"
            return {"attribute": key, "pattern": f"^{re.escape(lead)}({charset})$"}
    return None


def _lead(value: str, post_id: str) -> str | None:
    """What stands before the id in a value that ends with it."""
    if not value.endswith(post_id):
        return None
    lead = value[: len(value) - len(post_id)]
    return lead if not lead or not lead[-1].isalnum() else None


def _link_source(group: Group, permalink: Permalink) -> dict[str, object] | None:
    """The link that the id is in: the place that has it in the most posts."""
    best: tuple[float, dict[str, object]] | None = None
    for spot in group.spots:
        right = wrong = 0
        for value, post_id in zip(spot.values("href"), permalink.ids, strict=True):
            found = re.search(permalink.pattern, value) if value else None
            right += found is not None and found[1] == post_id
            wrong += found is not None and found[1] != post_id
        rank = (right - 3 * wrong) / len(permalink.ids) - 0.3 * spot.cost
        if right and (best is None or rank > best[0]):
            best = rank, spot.source(attribute="href", pattern=permalink.pattern)
    return best[1] if best else None


def _by_address(group: Group, permalink: Permalink) -> Iterator[Spot]:
    """The links by what their addresses have in common: that stays when all else is designed anew."""
    literal = permalink.template.partition("{id}")[0].rpartition("}")[2]
    literal = literal.lstrip("/") if literal.count("/") == 1 else literal
    starts = {"item": group.items, **({"next": group.nexts} if group.nexts else {})}
    for start, roots in starts.items():
        found: list[Element | None] = []
        for place, root in enumerate(roots):
            own = group.own(place, lambda one: one.tag == "a" and literal in one.attributes.get("href", ""))
            inside = (one for one in own if root is not None and root.holds(one))
            found.append(next(inside, None))
        if literal and any(found):
            yield Spot(f'a[href*="{literal}"]', 1, start, tuple(found))


def _worth(fields: Mapping[str, Choice], label: Label | None) -> float:
    """How much of what posts have was found."""
    share = {name: choice.share for name, choice in fields.items()}
    counts = sorted((share[metric] for metric in METRICS if metric in share), reverse=True)
    # What only some have is a sign that others are no posts.
    author = max(share.get("author", 0), 0.7 * share.get("author_name", 0))
    worth = 2 * share.get("time", 0) ** 2 + 1.5 * author**2
    worth += sum(counts[:4])
    if label is not None:
        worth += label.share * (0.5 + 0.3 * len(label.words))
    has_more = worth > 0.5
    return worth + has_more * (0.8 * _much("text", fields) + 0.5 * share.get("title", 0))


def _much(name: str, fields: Mapping[str, Choice]) -> float:
    """How much there is of a text, from 0 to 1: a few words may be of a button."""
    spot = fields[name].spot if name in fields else None
    lengths = (
        [len(" ".join(value.split())) if value else 0 for value in spot.values(None)] if spot is not None else []
    )
    return sum(min(length / _A_SENTENCE, 1) for length in lengths) / len(lengths) if lengths else 0.0


def _finished(best: Draft, tree: Tree, found: Sequence[Draft], *, is_in_noscript: bool) -> Draft:
    """The best draft, with what is to be said of the page as a whole."""
    onward = any(one.tag == "a" and "next" in one.attributes.get("rel", "").split() for one in tree.elements)
    apart = [one for one in found if one is not best and not _share_elements(tree, one, best)]
    return replace(
        best,
        is_in_noscript=is_in_noscript,
        next_page='a[rel~="next"]' if onward else None,
        beside=tuple(f"{one.css} ({one.count})" for one in apart[:3]),
    )


def _share_elements(tree: Tree, one: Draft, other: Draft) -> bool:
    """Whether the posts of two drafts are in one another."""
    return any(
        tree.elements[place].holds(tree.elements[also]) or tree.elements[also].holds(tree.elements[place])
        for place in list(one.places)[:50]
        for also in list(other.places)[:50]
    )
