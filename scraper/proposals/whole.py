"""A page as a whole: one post that the page is about, or posts that only its JSON names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scraper.post import METRICS
from scraper.proposals.draft import Draft
from scraper.proposals.group import Choice
from scraper.proposals.page import Element, Facts, Tree
from scraper.proposals.records import ADDRESS, LINKED_DATA, Records, is_post, linked_fields, objects_in
from scraper.proposals.words import SCHEMA_ACTIONS

_SCRIPT: Final = f'script[type="{LINKED_DATA}"]'
_META: Final = (
    ("title", ("og:title", "twitter:title")),
    ("text", ("og:description",)),
    ("time", ("article:published_time", "og:article:published_time")),
)
_COUNTERS: Final = {"views": "UserPageVisits|UserPlays", "likes": "UserLikes", "replies": "UserComments"}


def from_records(facts: Facts) -> Draft | None:
    """Posts that the linked data of a list names, each with an address of its own."""
    own = [value for _, value in objects_in(facts, linked=True) if is_post(value) and "interactionStatistic" in value]
    addresses = {str(value.get("url") or value.get("@id")) for value in own} - {"None"}
    if len(addresses) < 2:
        return None
    fields = linked_fields(own)
    table = Records(_SCRIPT, "interactionStatistic", 'url || "@id"', "^[^#]+$", fields, len(own))
    return Draft(css=None, count=len(addresses), fields={}, records=(table,), worth=len(fields))


def from_whole(facts: Facts, tree: Tree) -> Draft | None:
    """The one post that a page is, by what it says of itself; None where it says too little."""
    values = [value for _, value in objects_in(facts, linked=True) if is_post(value)]
    values = [
        value
        for value in values
        if {"interactionStatistic", "commentCount", "datePublished", "uploadDate"} & set(value)
    ]
    fields = {name: Choice(tuple(sources), 1.0) for name, sources in _sources(tree).items()}
    records: tuple[Records, ...] = ()
    if len(values) == 1:
        having = next(
            key for key in ("interactionStatistic", "commentCount", "datePublished", "uploadDate") if key in values[0]
        )
        records = (Records(_SCRIPT, having, ADDRESS, "^[^#]+$", linked_fields(values), 1),)
    named = {*fields, *(records[0].fields if records else {})}
    has_counts = bool(named & set(METRICS))
    if "title" not in named or not (has_counts or {"time", "author_name"} <= named):
        return None
    addresses: list[dict[str, object]] = [
        {"css": 'link[rel="canonical"]', "attribute": "href", "pattern": "^https?://.+"},
        {"css": 'meta[property="og:url"]', "attribute": "content", "pattern": "^https?://.+"},
    ]
    there = [one for one in addresses if _has(tree, str(one["css"]))]
    identity = Choice((*there, {"address": True}), 1.0)
    return Draft(css="head", count=1, fields={"id": identity, **fields}, records=records, worth=len(named))


def _has(tree: Tree, css: str) -> bool:
    key, value = ("rel", "canonical") if "canonical" in css else ("property", "og:url")
    return any(one.attributes.get(key) == value for one in tree.elements)


def _sources(tree: Tree) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    named = {
        one.attributes.get("property") or one.attributes.get("name") for one in tree.elements if one.tag == "meta"
    }
    for field, properties in _META:
        for name in properties:
            if name in named:
                key = "property" if ":" in name and not name.startswith("twitter") else "name"
                found.setdefault(field, []).append({"css": f'meta[{key}="{name}"]', "attribute": "content"})
    if "author" in named:
        found["author_name"] = [{"css": 'meta[name="author"]', "attribute": "content"}]
    for element in tree.elements:
        for field, source in _microdata(element):
            found.setdefault(field, []).append(source)
    return {field: _once(sources)[:3] for field, sources in found.items()}


def _microdata(element: Element) -> Iterator[tuple[str, dict[str, object]]]:
    """What an element marked for machines says of the page's one post."""
    attributes, name = element.attributes, element.attributes.get("itemprop", "")
    if _is_of_something_else(element):
        return
    start: dict[str, object] = {"start": "page"}
    if name in {"datePublished", "uploadDate", "dateCreated"}:
        key = "content" if "content" in attributes else "datetime"
        if key in attributes:
            yield "time", start | {"css": f'[itemprop="{name}"][{key}]', "attribute": key}
    if name == "interactionCount" and attributes.get("content", "").isdigit():
        yield "views", start | {"css": 'meta[itemprop="interactionCount"]', "only": True, "attribute": "content"}
    for metric, kinds in _COUNTERS.items():
        if name == "interactionCount" and attributes.get("content", "").startswith(tuple(kinds.split("|"))):
            css = f'meta[itemprop="interactionCount"][content^="{attributes["content"].partition(":")[0]}:"]'
            yield metric, start | {"css": css, "only": True, "attribute": "content", "pattern": r":\s*(\d+)$"}
    if name == "commentCount" and "content" in attributes:
        yield "replies", start | {"css": 'meta[itemprop="commentCount"]', "only": True, "attribute": "content"}
    if name == "interactionStatistic":
        yield from _counters(element)


def _counters(element: Element) -> Iterator[tuple[str, dict[str, object]]]:
    kind = " ".join(one.attributes.get("content") or one.attributes.get("href", "") for one in element.inside())
    for metric, actions in SCHEMA_ACTIONS.items():
        for action in actions:
            if action in kind:
                kinds = f'[content$="{action}"], [href$="{action}"]'
                css = (
                    f'[itemprop="interactionStatistic"]:has([itemprop="interactionType"]:is({kinds})) '
                    '[itemprop="userInteractionCount"]'
                )
                yield metric, {"start": "page", "css": css, "only": True, "attribute": "content"}


def _is_of_something_else(element: Element) -> bool:
    around = [one.attributes.get("itemprop", "") for one in element.ancestors()]
    return any(name in {"comment", "suggestedAnswer", "review", "itemListElement"} for name in around)


def _once(sources: list[dict[str, object]]) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = []
    for source in sources:
        if source not in kept:
            kept.append(source)
    return kept
