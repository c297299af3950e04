"""JSON that came with a page: what the page itself asked for, and what stands in its scripts.

A definition says which objects in it belong to posts (`scraper.kinds.Records`). Each is kept under its id, so that a
post takes values only from an object that names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from browser_pool.blocking import Blocking
from scraper.definition import Definition, address_as_id
from scraper.kinds import ItemKind, Records
from scraper.post import Post

MOST_RECORDS: Final = 5_000
"""So many objects are kept for a kind of post; those that came first are forgotten first."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response that the page asked for: its address, and its body as text."""

    url: str
    body: str


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object, and the table of the definition that found it."""

    table: Records
    value: Any


class RecordBook:
    """The records of a page by kind and id. `problems` are JSON texts that could not be read, one line each."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._kinds = tuple(kind for _, kind in definition.kinds)
        self._records: list[dict[str, list[Record]]] = [{} for _ in self._kinds]
        self.problems: list[str] = []

    def add(self, scripts: Sequence[Sequence[str]], responses: Iterable[Response] = ()) -> None:
        """Take what came with a page: the texts of scripts, in the order of `scripts_of`; responses."""
        heard = list(responses)
        by_selector = dict(zip(scripts_of(self._kinds), scripts, strict=False))
        for index, kind in enumerate(self._kinds):
            for table in kind.records:
                texts = by_selector.get(table.script, ()) if table.script else _bodies(table, heard)
                for text in texts:
                    self._take(index, table, text)

    def of(self, kind: int, post_id: str) -> Sequence[Record]:
        """The records of a post, the most trusted first."""
        return self._records[kind].get(post_id, ())

    def ids(self, kind: int) -> tuple[str, ...]:
        """The ids of all records of a kind, in the order in which they came."""
        return tuple(self._records[kind])

    def knows_all(self, posts: Iterable[Post]) -> bool:
        """Whether there is a record of each of `posts` whose kind has responses to be heard."""
        heard = {
            (layout.name, kind.name): index
            for index, (layout, kind) in enumerate(self._definition.kinds)
            if any(table.response for table in kind.records)
        }
        return all(
            self.of(heard[post.layout, post.kind], post.id) for post in posts if (post.layout, post.kind) in heard
        )

    def forget_whole_posts(self) -> None:
        """Drop the records that are posts by themselves, once they were read."""
        for kind, records in zip(self._kinds, self._records, strict=True):
            if kind.css is None:
                records.clear()

    def _take(self, kind: int, table: Records, text: str) -> None:
        try:
            document = _document(table, text)
        except (ValueError, RecursionError) as error:
            self.problems.append(f"{table.name}: no JSON ({error})")
            return
        known = self._records[kind]
        for value in _objects(table, document):
            post_id = _id_of(table, value)
            if post_id is not None and self._definition.post_id is None:
                post_id = address_as_id(post_id)
            if post_id is None:
                continue
            records = known.setdefault(post_id, [])
            if not any(record.table is table and record.value == value for record in records):
                records.append(Record(table, value))
                records.sort(key=_rank_in(self._kinds[kind].records))
        while len(known) > MOST_RECORDS:
            del known[next(iter(known))]


def scripts_of(kinds: Iterable[ItemKind]) -> dict[str, tuple[str, ...]]:
    """The selectors of the scripts that hold records, and what must be in one; the reader gives them in this order.

    Nothing need be in it where some table takes any.
    """
    found: dict[str, list[str | None]] = {}
    for kind in kinds:
        for table in kind.records:
            if table.script:
                found.setdefault(table.script, []).append(table.after)
    return {
        selector: () if None in marks else tuple(dict.fromkeys(filter(None, marks)))
        for selector, marks in found.items()
    }


def _rank_in(tables: Sequence[Records]) -> Callable[[Record], int]:
    return lambda record: next(place for place, table in enumerate(tables) if table is record.table)


def look_up(expression: str, value: Any) -> Any:
    """What the JMESPath `expression` finds in `value`; None for nothing, and for what it can't work on."""
    try:
        return _compiled(expression).search(value)
    except JMESPathError:
        return None


def as_text(value: Any, *, is_html: bool = False) -> str | None:
    """A JSON value as the string that an element would have held; None for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else None
    if isinstance(value, str):
        return text_of_html(value) if is_html else value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value) if isinstance(value, int) else None


def text_of_html(html: str) -> str:
    """The text of a piece of HTML, with a line for each paragraph and line break."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "template"}:
            self._silent += 1
        elif tag in {"p", "br", "div", "li", "blockquote", "pre"} and self.parts:
            self.parts.append("\n")
        elif tag == "img" and not self._silent:
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "template"} and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _bodies(table: Records, responses: Sequence[Response]) -> Iterator[str]:
    wanted = Blocking(urls=(table.response or "",))
    return (response.body for response in responses if wanted.refuses(response.url, ""))


def _document(table: Records, text: str) -> Any:
    start = 0
    if table.after:
        found = re.search(table.after, text)
        if not found:
            # Several scripts may match the selector, and only one of them is meant.
            return None
        start = found.end()
    while start < len(text) and text[start].isspace():
        start += 1
    return json.JSONDecoder().raw_decode(text, start)[0]


def _objects(table: Records, document: Any) -> Iterator[Any]:
    if table.having is not None:
        yield from _having(table.having, document)
        return
    found = look_up(table.each or "@", document)
    yield from found if isinstance(found, list) else [found]


def _having(key: str, document: Any) -> Iterator[Any]:
    """Every object in `document` that has `key`, in the order in which they are written."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if key in value:
                yield value
            stack.extend(reversed(value.values()))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _id_of(table: Records, value: Any) -> str | None:
    text = as_text(look_up(table.id, value))
    if text is None or not text.strip():
        return None
    if table.id_pattern is None:
        return text.strip()
    found = re.search(table.id_pattern, text)
    return next((group for group in found.groups() if group is not None), found[0]) if found else None


@lru_cache(maxsize=512)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)
