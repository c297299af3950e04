"""The Python side of reader.js: the plan it is given and the reading it returns."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from scraper.definition import Definition
from scraper.kinds import Feed, ItemKind, Source
from scraper.post import METRICS
from scraper.records import scripts_of

MAX_ITEMS: Final = 2_000
"""How many posts one reading returns at most."""
SETTLE_SECONDS: Final = 0.12
"""A list that scripts fill is read when no post has come for so long."""
STYLE_SECONDS: Final = 1.5
"""So long a marker that shows waits for stylesheets that may hide it."""
MOVING_SECONDS: Final = MappingProxyType(
    {
        "frame_ms": 0.017,
        "late_ms": 0.12,
        "still_ms": 0.3,
        "zero_ms": 0.6,
        "brought_zero_ms": 0.1,
        "most_moving_ms": 6.0,
    }
)
"""For how long counts have to stand still that scripts may change: those that came in a moment that was missed; those
that stood there before the first look; those that have moved; a 0 that came with the document, which may be what the
server writes until a script has the number; a 0 that a script has brought. After the last of these a count that still
moves is unknown."""
MOST_ROOTS: Final = 200
"""So many shadow roots and frames are looked into."""
MOST_SCROLLS: Final = 12
"""So often a page is scrolled, and back, to bring numbers that are 0 into view."""
MOST_TOUCHED: Final = 200
"""Where scripts have changed a page in more places, all of its posts are taken for changed."""
LEAST_OTHERS: Final = 3
"""A 0 that a script has brought is taken at once where so many posts that came with it have another number."""
MAX_CHARACTERS: Final = 20_000
"""Where each string that comes from a page is cut."""
MOST_SEARCHED: Final = 2_000
"""In a longer string no pattern is looked for, and no count. Many take the square of its length, and nothing ends a
search."""
MAX_TOTAL_CHARACTERS: Final = 8_000_000
"""So many characters of posts one reading returns at most; the posts after that are left out, and counted."""
MAX_SCRIPT_CHARACTERS: Final = 8_000_000
"""A script that holds records and is longer than this is left alone."""
MAX_ANSWER_CHARACTERS: Final = MAX_TOTAL_CHARACTERS + 2 * MAX_SCRIPT_CHARACTERS
"""A reading that is longer is refused in the page: it would be held several times over on its way."""
IDLE_SECONDS: Final = 3.0
"""A loaded page without a post, on which nothing has changed for so long, is taken as it is."""

_ESCAPED = re.compile(r"\\\\|\\u0000")
"""In JSON, a backslash or a zero byte."""


_REMARK: Final = re.compile(r"^\s*//.*\n", re.MULTILINE)
"""A line of a script that is a comment. Each reading sends the whole script."""


def seeing(script: str) -> str:
    """`script`, a JavaScript function of a task, of visible.js and of moving.js, as a function of the task alone."""
    visible, moving = (files(__package__).joinpath(name).read_text("utf-8") for name in ("visible.js", "moving.js"))
    return _REMARK.sub("", f"(task) => ({script})(task, {visible}, {moving})")


SCRIPT: Final = seeing(files(__package__).joinpath("reader.js").read_text("utf-8"))
"""The script: a JavaScript function of one task, which returns a reading as JSON."""


def an_address(url: str) -> str:
    """`url`, if it can be taken apart. What a page answers for the browser can be anything. Raises `ValueError`."""
    urlsplit(url)
    return url


class RawItem(BaseModel):
    """One element that is a post.

    `values` are the strings of its sources, in the order of `ItemKind.places`, None where absent. It is `single`
    unless it seems to hold a second post that is not set apart. In a kind with branches `depth` counts those around
    its own, and `above` is the place in `Reading.items` of the post it answers, None where that can't be told. A
    `gap` is an element of a tree that is no post. `cut` says that a string was longer than `MAX_CHARACTERS`.
    By place in `values`, `ears` is what screen readers are told instead (and whether that shows, too), and `unsure`
    why what stands there is no count.
    """

    model_config = ConfigDict(frozen=True)

    kind: int = Field(ge=0)
    values: tuple[str | None, ...]
    single: bool
    quoted: tuple[str | None, ...] | None
    depth: int | None = None
    above: int | None = None
    record_id: str | None = None
    gap: bool = False
    cut: bool = False
    ears: dict[int, tuple[str, bool]] | None = None
    unsure: dict[int, str] | None = None


class Reading(BaseModel):
    """What is on a page, as strings, and the evidence of what page it is.

    `stopped` says why waiting ended: ready, tell_tale, end, parsed, idle or deadline. `tell_tale` is the index of
    the definition's tell-tale that shows; `counts` are the elements found, by kind. `scripts` are the texts of the
    scripts that hold records, in the order of `scripts_of`. `base` is what links start from: `url`, or a `<base>`.
    In a feed `items` are those not read before. `has_zero` says that a count is 0, `inside` that the posts are not on
    the page itself, and `shut_frames` counts the frames of other sites, which are not looked into. `left` counts the
    posts beyond `MAX_ITEMS` and `MAX_TOTAL_CHARACTERS`, and `requests` what the page has fetched so far.
    """

    model_config = ConfigDict(frozen=True)

    stopped: str
    waited_ms: float
    url: Annotated[str, AfterValidator(an_address)]
    base: Annotated[str, AfterValidator(an_address)]
    title: str
    language: str | None
    ready_state: str
    tell_tale: int | None
    busy: bool
    end: bool
    next: str | None
    counts: tuple[int, ...]
    left: int = 0
    requests: int = 0
    has_zero: bool = False
    inside: str | None = None
    shut_frames: int = 0
    items: Annotated[tuple[RawItem, ...], Field(max_length=2 * MAX_ITEMS)]
    scripts: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """A reading from what `SCRIPT` gave back. Raises `ValidationError`.

        The script leaves no zero byte in a string, which no database takes; a page that lies for it can.
        """
        if "\\u0000" in text:
            text = _ESCAPED.sub(lambda found: found[0] if found[0] == r"\\" else "", text)
        return cls.model_validate_json(text)


def task(
    definition: Definition,
    *,
    deadline_seconds: float,
    expected_id: str | None = None,
    settled: bool = False,
    idle_seconds: float = IDLE_SECONDS,
    collecting: bool = False,
    feed: Feed | None = None,
    max_items: int = MAX_ITEMS,
    marking: bool = False,
) -> dict[str, Any]:
    """The argument of `SCRIPT`.

    `settled` says that the page will not change any more, as a saved one. `collecting` gives each post once for as
    long as the document stays. With `feed` it goes on as that says first, and is ready when there is a post not read
    yet. `marking` leaves with the document where each value is from, for `scraper.outlines`.
    """
    return {
        "plan": plan(definition),
        "deadline_ms": max(deadline_seconds, 0) * 1000,
        "idle_ms": idle_seconds * 1000,
        "expected_id": expected_id,
        "settled": settled,
        "collecting": collecting or feed is not None,
        "step": feed is not None,
        "end": (feed or definition.feed).end,
        "more": feed and feed.more,
        "removable": feed is not None and feed.removable,
        "settle_ms": SETTLE_SECONDS * 1000,
        "style_ms": STYLE_SECONDS * 1000,
        **{name: seconds * 1000 for name, seconds in MOVING_SECONDS.items()},
        "most_scrolls": MOST_SCROLLS,
        "most_roots": MOST_ROOTS,
        "most_touched": MOST_TOUCHED,
        "least_others": LEAST_OTHERS,
        "distrusts_zero": False,
        "sees_counts": _sees_counts(definition),
        "is_again": False,
        "max_items": max_items,
        "marking": marking,
        "max_chars": MAX_CHARACTERS,
        "max_count_chars": MOST_SEARCHED,
        "max_total_chars": MAX_TOTAL_CHARACTERS,
        "max_script_chars": MAX_SCRIPT_CHARACTERS,
        "max_answer_chars": MAX_ANSWER_CHARACTERS,
    }


@lru_cache(maxsize=64)
def plan(definition: Definition) -> str:
    """What reader.js has to know of `definition`, as JSON."""
    kinds = [
        _kind(index, kind, noscript=layout.inside_noscript) for index, (layout, kind) in enumerate(definition.kinds)
    ]
    return json.dumps(
        {
            "kinds": kinds,
            "any": ",".join(kind.css for _, kind in definition.kinds if kind.css),
            "scripts": [
                {"css": css, "after": after}
                for css, after in scripts_of(kind for _, kind in definition.kinds).items()
            ],
            "tell_tales": [{"css": tale.css, "text": tale.text, "url": tale.url} for tale in definition.tell_tales],
            "when": definition.ready.when,
            "busy": definition.ready.busy,
            "blocked": _blocked_styles(definition),
            # A definition for any site would take an advertisement's frame for the page.
            "looks_inside": not definition.is_for_any_host,
            "next": [
                feed.next
                for feed in (definition.feed, *(layout.feed for layout in definition.layouts))
                if feed and feed.next
            ],
        }
    )


def _blocked_styles(definition: Definition) -> list[str]:
    """Patterns, for JavaScript, of the addresses from which the definition lets no style sheet come."""
    patterns = ["" if kind == "stylesheet" else None for kind in definition.block_kinds]
    patterns += ["^" + re.escape(url).replace(r"\*", ".*") + "$" for url in definition.block]
    return [pattern for pattern in patterns if pattern is not None]


def _sees_counts(definition: Definition) -> bool:
    """Whether any count is read from what shows, and not from an attribute or a record."""
    return any(
        not (source.attribute or source.record) and field in {"counts", *METRICS}
        for _, kind in definition.kinds
        for field, source in kind.places
    )


def _kind(index: int, kind: ItemKind, *, noscript: bool) -> dict[str, Any]:
    sources = kind.places
    wanted_counts = {"counts", *METRICS}
    wanted = {name: {name} for name in kind.required} | {"counts": wanted_counts}
    return {
        "index": index,
        "css": kind.css,
        "exclude": kind.exclude,
        "once": kind.once,
        "nested": kind.quoted.css if kind.quoted else None,
        "noscript": noscript,
        "branch": kind.branch,
        "tree": kind.tree,
        "together": kind.tree or kind.branch is not None,
        "sources": [_source(source, counts=field in wanted_counts) for field, source in sources],
        "quoted": [_source(source) for _, source in kind.quoted_places],
        "id": [place for place, (field, _) in enumerate(sources) if field == "id"],
        "required": [
            [place for place, (field, _) in enumerate(sources) if field in wanted[name]] for name in kind.required
        ],
    }


def _source(source: Source, *, counts: bool = False) -> dict[str, Any]:
    return {
        "counts": counts,
        "elsewhere": source.record is not None,
        "address": source.address,
        "under": source.under,
        "only": source.only,
        "css": source.css,
        "where": source.where,
        "start": source.start,
        "ancestor": source.ancestor,
        "attribute": source.attribute,
        "without": source.without,
    }
