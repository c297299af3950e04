"""JSON that came with a page: what the page itself asked for, and what stands in its scripts.

A definition says which objects in it belong to posts (`scraper.kinds.Records`). Each is kept under its id, so that a
post takes values only from an object that names it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from browser_pool.blocking import Blocking
from scraper.definition import Definition, address_as_id, are_aliases
from scraper.kinds import ItemKind, Records
from scraper.links import joined
from scraper.markup import text_of_html
from scraper.post import Post
from scraper.values.counts import Count

MOST_RECORDS: Final = 5_000
"""So many objects are kept; what came first is forgotten first."""
MOST_CHARACTERS: Final = 8 * 1024 * 1024
"""So much JSON text is kept, as objects that take several times as much memory: one script of the longest kind."""
MOST_FLOAT: Final = 2.0**53
"""From here on a floating-point number is not the one that was meant."""
MOST_BITS: Final = 1024
"""Of an integer; no id and no count is longer."""
MOST_PROBLEMS: Final = 20
"""So many different problems are told."""

_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_NO_SUCH_VALUE = (JMESPathError, ValueError, OverflowError, TypeError, RecursionError)


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


@dataclass(slots=True)
class _Entry:
    """The records of one post, and for each how much text it is reckoned at."""

    records: list[Record] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)

    def drop(self, table: Records) -> None:
        kept = [place for place, record in enumerate(self.records) if record.table is not table]
        self.records = [self.records[place] for place in kept]
        self.characters = [self.characters[place] for place in kept]


class RecordBook:
    """The records of a page by kind and id. `problems` are JSON texts that could not be read, one line each.

    Of one table only the newest word on a post is kept: what comes again replaces what it had said. The book forgets
    what came first when it holds too much.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._kinds = tuple(kind for _, kind in definition.kinds)
        self._numbers = {(layout.name, kind.name): index for index, (layout, kind) in enumerate(definition.kinds)}
        self._entries: dict[tuple[int, str], _Entry] = {}
        self._count = 0
        self._characters = 0
        self._problems: dict[str, None] = {}
        self._base_url = ""

    def __len__(self) -> int:
        """How many records there are."""
        return self._count

    @property
    def characters(self) -> int:
        """How much JSON text the records stand for: each has an equal share of the text that it came in."""
        return self._characters

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read, each said once."""
        return tuple(self._problems)

    def add(
        self, scripts: Sequence[Sequence[str]], responses: Iterable[Response] = (), *, base_url: str = ""
    ) -> None:
        """Take what came with a page: the texts of scripts, in the order of `scripts_of`; responses.

        Ids that are addresses start from `base_url`.
        """
        for _ in self.adding(scripts, responses, base_url=base_url):
            pass

    def adding(
        self, scripts: Sequence[Sequence[str]], responses: Iterable[Response] = (), *, base_url: str = ""
    ) -> Generator[None, None, None]:
        """The same, a text a step, for whoever has others to serve meanwhile."""
        heard = list(responses)
        self._base_url = base_url
        by_selector = dict(zip(scripts_of(self._kinds), scripts, strict=False))
        for index, kind in enumerate(self._kinds):
            for table in kind.records:
                texts = by_selector.get(table.script, ()) if table.script else _bodies(table, heard)
                for text in texts:
                    self._take(index, table, text)
                    yield

    def of(self, kind: int, post_id: str) -> Sequence[Record]:
        """The records of a post, the most trusted first."""
        entry = self._entries.get((kind, post_id)) or self._only_alias(kind, post_id)
        return entry.records if entry else ()

    def _only_alias(self, kind: int, post_id: str) -> _Entry | None:
        """Where ids are addresses, and there is one post: what goes by another address of it."""
        if self._definition.post_id is not None or len(names := self.ids(kind)) != 1:
            return None
        return self._entries[kind, names[0]] if are_aliases(names[0], post_id) else None

    def ids(self, kind: int) -> tuple[str, ...]:
        """The ids of all records of a kind, in the order in which they came."""
        return tuple(post_id for index, post_id in self._entries if index == kind)

    def knows_all(self, posts: Iterable[Post]) -> bool:
        """Whether there is a record of each of `posts` whose kind has responses to be heard."""
        heard = {index for index, kind in enumerate(self._kinds) if any(table.response for table in kind.records)}
        numbered = ((self._numbers[post.layout, post.kind], post.id) for post in posts)
        return all(self.of(index, post_id) for index, post_id in numbered if index in heard)

    def forget(self, posts: Iterable[Post]) -> None:
        """Drop the records of posts that were read and are not read again, and those that are posts by themselves."""
        by_themselves = [place for place in self._entries if self._kinds[place[0]].css is None]
        for place in (*by_themselves, *((self._numbers[post.layout, post.kind], post.id) for post in posts)):
            self._drop(place)

    def _take(self, kind: int, table: Records, text: str) -> None:
        try:
            document, length = _document(table, text)
            # What came first would be forgotten, and to look each up takes time.
            objects = deque(_objects(table, document), maxlen=MOST_RECORDS)
            named = ((self._id_of(table, value), value) for value in objects)
            found = [(post_id, value) for post_id, value in named if post_id is not None]
        except (ValueError, RecursionError) as error:
            if len(self._problems) < MOST_PROBLEMS:
                self._problems[f"{table.name}: no JSON ({error})"] = None
            return
        rank = _rank_in(self._kinds[kind].records)
        for post_id in dict.fromkeys(post_id for post_id, _ in found):
            self._forget_table((kind, post_id), table)
        for post_id, value in found:
            entry = self._entries.setdefault((kind, post_id), _Entry())
            place = bisect_right(entry.records, rank(Record(table, value)), key=rank)
            entry.records.insert(place, Record(table, value))
            entry.characters.insert(place, length // len(found))
            self._count += 1
            self._characters += length // len(found)
        while self._entries and (self._count > MOST_RECORDS or self._characters > MOST_CHARACTERS):
            self._drop(next(iter(self._entries)))

    def _id_of(self, table: Records, value: Any) -> str | None:
        post_id = _id_of(table, value)
        if post_id is None or self._definition.post_id is not None:
            return post_id
        return address_as_id(joined(self._base_url, post_id) or "")

    def _forget_table(self, place: tuple[int, str], table: Records) -> None:
        entry = self._entries.get(place)
        if entry:
            count, characters = len(entry.records), sum(entry.characters)
            entry.drop(table)
            self._count -= count - len(entry.records)
            self._characters -= characters - sum(entry.characters)

    def _drop(self, place: tuple[int, str]) -> None:
        entry = self._entries.pop(place, None)
        if entry:
            self._count -= len(entry.records)
            self._characters -= sum(entry.characters)


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
    except _NO_SUCH_VALUE:
        return None


def as_text(value: Any, *, is_html: bool = False) -> str | None:
    """A JSON value as the string that an element would have held; None for what is no single value.

    Nothing is in it that is no text: half of a pair of surrogates becomes U+FFFD, and NUL goes.
    """
    if isinstance(value, bool):
        return "true" if value else None
    if isinstance(value, str):
        text = _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value).replace("\0", "")
        return text_of_html(text) if is_html else text
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < MOST_FLOAT else repr(value)
    return str(value) if isinstance(value, int) and value.bit_length() < MOST_BITS else None


def as_count(value: Any) -> Count | None:
    """A JSON number as a count, whatever the language of the page; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return Count(exact=value)
    if value.is_integer() and abs(value) < MOST_FLOAT:
        return Count(exact=int(value))
    return Count(reason=f"{value!r} is no whole number")


def _bodies(table: Records, responses: Sequence[Response]) -> Iterator[str]:
    wanted = Blocking(urls=(table.response or "",))
    return (response.body for response in responses if wanted.refuses(response.url, ""))


def _document(table: Records, text: str) -> tuple[Any, int]:
    """The JSON in `text`, and how long it is."""
    start = 0
    if table.after:
        found = re.search(table.after, text)
        if not found:
            # Several scripts may match the selector, and only one of them is meant.
            return None, 0
        start = found.end()
    while start < len(text) and text[start].isspace():
        start += 1
    document, end = json.JSONDecoder().raw_decode(text, start)
    return document, end - start


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
