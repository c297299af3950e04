"""Anything at all, where a page's words come in: nothing is raised, and what comes out is of its type.

No atheris: in 377,320 runs on counts, labels, times, HTML and JSON it found nothing that hypothesis does not.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.extraction import extract
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import METRICS, Post, post_as_dict
from scraper.reader import RawItem, Reading
from scraper.records import RecordBook, Response
from scraper.store import posts
from scraper.store.database import Database
from scraper.store.posts import PageOfPost
from tests.hostile.conftest import pier
from tidegate.formats import plain

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SITE = pier(hears=True)
KIND = SITE.layouts[0].items[0]
ODD = (
    "", "0", "-1", "1e9", "٣", "1,2,3", "≈ 3", "1K", "12.5.2026", "9" * 40, "\u202e7\u202c", "../../x", "a/b", "%00",
)  # fmt: skip
WORDS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(ODD),
    st.integers().map(str),
    st.floats().map(str),
)
KEYS = st.sampled_from(("id", "likes", "x")) | WORDS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def reading(*items: RawItem, scripts: tuple[tuple[str, ...], ...] = ()) -> Reading:
    return Reading(
        stopped="ready", waited_ms=1, url="http://127.0.0.1/post/7", base="http://127.0.0.1/post/7", title="",
        language=None, ready_state="complete", tell_tale=None, busy=False, end=False, next=None, counts=(len(items),),
        left=0, requests=0, items=items, scripts=scripts,
    )  # fmt: skip


def check(post: Post) -> None:
    assert post.id.strip()
    for metric in METRICS:
        value = post.metric(metric)
        assert value is None or (type(value) is int and abs(value) < 10**18)
        assert value is None or value >= 0 or metric == "score"
        assert metric not in post.approximate or value is None
    assert post.time is None or post.time.tzinfo is not None
    assert post.link is None or post.link.startswith(("http://", "https://"))
    json.dumps(post_as_dict(post), allow_nan=False)


@given(st.lists(st.lists(st.none() | WORDS, min_size=len(KIND.places), max_size=len(KIND.places)), max_size=4))
def test_whatever_elements_say_is_a_post_with_values_of_their_types_or_none(items: list[list[str | None]]) -> None:
    raw = [RawItem(kind=0, values=tuple(values), single=True, quoted=None) for values in items]
    for post in extract(SITE, reading(*raw), read_at=NOW).posts:
        check(post)


@given(st.lists(JSON.map(json.dumps) | st.text(max_size=80), max_size=4))
def test_whatever_json_comes_with_a_page_leaves_values_of_their_types_or_none(texts: list[str]) -> None:
    book = RecordBook(SITE)
    book.add((tuple(texts),), [Response("http://127.0.0.1/data", text) for text in texts])
    values = tuple("7" if field == "id" else None for field, _ in KIND.places)
    item = RawItem(kind=0, values=values, single=True, quoted=None)
    for post in extract(SITE, reading(item, scripts=(tuple(texts),)), book, read_at=NOW).posts:
        check(post)


@given(st.text(max_size=200))
def test_no_text_reaches_a_terminal_with_anything_that_it_obeys(text: str) -> None:
    shown = plain(text)
    assert shown == "".join(character for character in shown if character.isprintable() or character == " ")
    assert not set(shown) & set("\x1b\x9b\u202e\u2066\u200f\n\r")


NASTY = (
    "'; drop table posts; --",
    "../../../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f",
    "$(id)`id`{{7*7}}${7*7}",
    "<img src=x onerror=alert(1)>",
    "\u202etxt.exe\u202c",
    "\x1b[2J\x1b]0;owned\x07",
    '=HYPERLINK("http://x")',
    "a" * 20_000,
    "😀" * 1000,
    "\ufeff\u200b\u2028\u2029\ufffd",
    "nul is not text",
    "con",
    "-rf",
    ".",
)


@pytest.mark.database
async def test_what_a_page_wrote_is_stored_as_it_is_and_does_nothing(database: Database) -> None:
    run = await database.pool.fetchval(
        "insert into job_runs (job, status) values ('metrics_scraper', 'running') returning id"
    )
    url = "http://127.0.0.1/post/{}".format
    await posts.follow(database, "pier", [(text, url(number)) for number, text in enumerate(NASTY)])
    rows = await database.pool.fetch("select * from posts order by id")
    assert [row["post_id"] for row in rows] == list(NASTY)
    pages = [PageOfPost(posts.followed(row), report_of(row["post_id"], row["url"])) for row in rows]
    assert await posts.record_pages(database, run, pages) == len(NASTY)
    stored = await database.pool.fetch(
        "select p.text, p.author, p.title, s.likes from posts p join snapshots s on s.post = p.id order by p.id"
    )
    assert [tuple(row) for row in stored] == [(text, text, text, 1) for text in NASTY]


def report_of(text: str, url: str) -> PageReport:
    """A page on which everything that can be written is `text`."""
    said = {text: text}
    post = Post(text, "pier", text, author=text, text=text, title=text, likes=1, sources=said, warnings=(text,))
    return PageReport(Outcome.OK, text, url, url, posts=(post,))
