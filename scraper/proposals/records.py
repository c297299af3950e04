"""JSON in the scripts of a page that is about its posts: found by the ids that it names.

What a page says in JSON is exact, and is bound to a post by the id in it, so it goes before what the page shows.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scraper.proposals.page import Facts, Script
from scraper.proposals.selectors import is_generated
from scraper.proposals.words import SCHEMA_ACTIONS, metric_in

LINKED_DATA: Final = "application/ld+json"
ADDRESS: Final = 'url || mainEntityOfPage."@id" || mainEntityOfPage || "@id"'
_MOST_OBJECTS = 20_000
_POSTS = ("Posting", "Article", "BlogPost", "VideoObject", "Question", "Comment", "CreativeWork", "Message", "Review")


@dataclass(frozen=True, slots=True)
class Records:
    """A table of records, and the sources that are in it, by field. `count` objects in it are of posts."""

    script: str
    having: str
    id: str
    id_pattern: str | None
    fields: dict[str, str]
    count: int


def actions(metric: str) -> str:
    """The JMESPath expression for a count of schema.org; several of one kind are nobody's."""
    kinds = " || ".join(f"contains(to_string(interactionType), '{action}')" for action in SCHEMA_ACTIONS[metric])
    return f"[interactionStatistic][] | [?{kinds}] | length(@) == `1` && [0].userInteractionCount"


def objects_in(facts: Facts, *, linked: bool) -> Iterator[tuple[Script, dict[str, Any]]]:
    """Every object in the JSON of a page, with its script; of linked data, or of the rest."""
    left = _MOST_OBJECTS
    for script in facts.scripts:
        if (script.type == LINKED_DATA) != linked:
            continue
        try:
            stack = [json.loads(script.text)]
        except (ValueError, RecursionError):
            continue
        while stack and left:
            value = stack.pop()
            if isinstance(value, dict):
                left -= 1
                yield script, value
                stack.extend(reversed(value.values()))
            elif isinstance(value, list):
                stack.extend(reversed(value))


def is_post(value: dict[str, Any]) -> bool:
    """Whether an object of linked data is a post, by its own word."""
    return any(str(kind).endswith(_POSTS) for kind in _listed(value.get("@type")))


def linked_fields(values: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What objects of linked data say of posts: an expression by the field."""
    has = {key for value in values for key in value}
    found = {}
    for field, keys in (("title", ("headline", "name")), ("text", ("articleBody", "text"))):
        if has & set(keys):
            found[field] = " || ".join(keys)
    if any(isinstance(one, dict) and one.get("name") for value in values for one in _listed(value.get("author"))):
        found["author_name"] = "[author][] | [0].name"
    times = [key for key in ("datePublished", "dateCreated", "uploadDate") if key in has]
    if times:
        found["time"] = " || ".join(times)
    kinds = [str(one.get("interactionType")) for value in values for one in _listed(value.get("interactionStatistic"))
             if isinstance(one, dict)]  # fmt: skip
    for metric, names in SCHEMA_ACTIONS.items():
        if any(name in kind for name in names for kind in kinds):
            found[metric] = actions(metric)
    if "replies" not in found and "commentCount" in has:
        found["replies"] = "commentCount"
    return found


def records_of(facts: Facts, ids: Sequence[str | None], post_id: str) -> tuple[Records, ...]:
    """The JSON that names the posts with these `ids`."""
    known = {one for one in ids if one}
    found = [*_of_linked_data(facts, known, post_id), *_of_own_data(facts, known)]
    return tuple(one for one in found if one.fields and one.count * 2 > len(known))


def _of_linked_data(facts: Facts, known: set[str], post_id: str) -> Iterator[Records]:
    pattern = post_id.removeprefix("^")
    own = []
    for _, value in objects_in(facts, linked=True):
        address = next((text for key in ("url", "mainEntityOfPage", "@id") if (text := _address(value.get(key)))), "")
        found = re.search(pattern, address)
        if is_post(value) and found and found[1] in known:
            own.append(value)
    having = next((key for key in ("interactionStatistic", "datePublished") if any(key in one for one in own)), None)
    if having:
        script = f'script[type="{LINKED_DATA}"]'
        yield Records(script, having, ADDRESS, pattern, linked_fields(own), len(own))


def _of_own_data(facts: Facts, known: set[str]) -> Iterator[Records]:
    """What the site's own scripts read: objects with an id of a post beside counts."""
    by_place: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for script, value in objects_in(facts, linked=False):
        for key, one in value.items():
            if (
                key.lower().endswith(("id", "code", "slug", "name"))
                and isinstance(one, str | int)
                and str(one) in known
            ):
                place = (
                    f"script#{script.id}"
                    if script.id and _is_selector(script.id)
                    else f'script[type="{script.type}"]'
                )
                by_place[place, key].append(value)
    for (place, key), values in by_place.items():
        keys = Counter(name for value in values for name, one in value.items() if _is_count(one))
        fields: dict[str, str] = {}
        for name, times in keys.items():
            metric = metric_in([name])
            if metric is not None and times * 2 > len(values) and metric not in fields:
                fields[metric] = _name(name)
        if fields:
            having = next(name for name in keys if _name(name) in fields.values())
            yield Records(place, having, _name(key), None, fields, len({str(value[key]) for value in values}))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_selector(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][\w-]*", name)) and not is_generated(name.strip("_"))


def _name(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key) else json.dumps(key)


def _address(value: object) -> str:
    if isinstance(value, dict):
        return _address(value.get("@id"))
    return value if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
