"""JSON that came with a page: which of it belongs to which post, and what wins."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.markup import text_of_html
from scraper.outcome import Outcome
from scraper.page import SavedPage, open_page
from scraper.post import Post
from scraper.records import (
    MOST_CHARACTERS,
    MOST_PROBLEMS,
    MOST_RECORDS,
    RecordBook,
    Response,
    as_count,
    as_text,
    look_up,
)

Serve = Callable[[dict[str, str]], Awaitable[str]]

BERTH = """
name = "berth"
title = "Berth"
hosts = ["127.0.0.1", "berth.example"]
post_id = '/b/(\\d+)'
permalink = "/b/{id}"
language = "en"
abbreviations = "truncated"
[saved]
base_url = "https://berth.example/"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id", "likes"]
[[layouts.items.records]]
response = "*/api/posts*"
each = "data[].node"
id = "key"
id_pattern = '^post:(\\d+)$'
[[layouts.items.records]]
script = "script"
after = 'window\\.state\\s*=\\s*'
having = "post_number"
id = "post_number"
[layouts.items.fields]
id = [{ attribute = "data-id" }]
author = [{ record = "by.handle" }, { css = ".author" }]
text = [{ record = "body", is_html = true }, { css = "p" }]
time = [{ record = "at", form = "epoch" }]
likes = [{ record = "counts.likes" }, { css = ".likes" }]
views = [{ record = "counts.views" }]
pinned = [{ record = "pinned" }]
"""

ARTICLE = '<article data-id="{id}"><p>{id}</p><b class="author">ada</b><i class="likes">{likes}</i></article>'


def berth(old: str = "", new: str = "") -> Definition:
    assert old in BERTH
    return load_definition("berth.toml", BERTH.replace(old, new, 1) if old else BERTH)


def page(*articles: tuple[int, str], script: str = "") -> str:
    body = "".join(ARTICLE.format(id=number, likes=likes) for number, likes in articles)
    return f"<!DOCTYPE html><html lang='en'><body>{body}<script>{script}</script>"


def node(number: int, **values: Any) -> dict[str, Any]:
    return {"node": {"key": f"post:{number}", **values}}


@pytest.mark.browser
async def test_what_the_page_asked_for_itself_is_read_and_goes_before_what_it_shows(lane: Lane, serve: Serve) -> None:
    answer = {
        "data": [
            node(7, by={"handle": "ada"}, body="<p>one<br>two &amp; three</p>", at=1700000000, pinned=True,
                 counts={"likes": 1234, "views": 99881}),
            node(8, by={"handle": "ada"}, counts={"likes": 5}),
        ]
    }  # fmt: skip
    script = "fetch('/api/posts?page=1').then((answer) => answer.json())"
    address = await serve(
        {
            "/b/7": page((7, "1.2K"), (9, "3"), script=script),
            "/api/posts?page=1": "HTTP/1.1 200 OK\nContent-Type: application/json\n\n" + json.dumps(answer),
        }
    )
    definition = berth("[saved]", "[ready]\nwhen = 'items'\n[saved]")
    for _ in range(2):
        report = await open_page(lane, f"{address}/b/7", definition, timeout_seconds=20)
        assert report.outcome is Outcome.OK, report.reason
        post, other = report.posts
        assert (post.id, post.likes, post.views, post.pinned) == ("7", 1234, 99881, True)
        assert (post.text, post.time) == ("one\ntwo & three", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))
        assert post.sources["views"] == "response */api/posts* counts.views"
        assert (other.id, other.likes, other.views) == ("9", 3, None)


@pytest.mark.browser
async def test_a_script_is_read_too_and_each_object_only_for_the_post_that_it_names(lane: Lane) -> None:
    state = {"a": [{"deep": {"post_number": 7, "counts": {"likes": 40, "views": 0}}}, {"post_number": 70}]}
    html = page((7, "40"), (8, "2"), script=f"window.state = {json.dumps(state)};more()")
    report = await open_page(
        lane, "https://berth.example/", berth(), timeout_seconds=20, saved=SavedPage(html.encode())
    )
    assert [(post.id, post.likes, post.views) for post in report.posts] == [("7", 40, 0), ("8", 2, None)]


@pytest.mark.browser
async def test_a_saved_page_is_read_with_the_responses_that_were_kept_with_it(lane: Lane) -> None:
    body = json.dumps({"data": [node(7, counts={"views": 12})]})
    saved = SavedPage(page((7, "1")).encode(), (Response("https://berth.example/api/posts?x", body),))
    report = await open_page(lane, "https://berth.example/b/7", berth(), timeout_seconds=20, saved=saved)
    assert report.post is not None
    assert report.post.views == 12


@pytest.mark.browser
async def test_where_page_and_json_contradict_each_other_the_count_is_unknown(lane: Lane) -> None:
    html = page((7, "41"), script='window.state = [{"post_number": 7, "counts": {"likes": 40}}]')
    report = await open_page(
        lane,
        "https://berth.example/",
        berth('"id", "likes"', '"id"'),
        timeout_seconds=20,
        saved=SavedPage(html.encode()),
    )
    assert report.posts[0].likes is None
    assert report.posts[0].warnings == ("likes: the page says both 40 and 41",)


@pytest.mark.browser
async def test_posts_that_are_only_in_json_are_posts(lane: Lane) -> None:
    definition = load_definition(
        "crate.toml",
        BERTH.replace('css = "article"\n', "")
        .replace("id = [{ attribute", "title = [{ record = 'title' }]\n#")
        .replace(', { css = ".author" }', "").replace(', { css = "p" }', "").replace(', { css = ".likes" }', ""),
    )  # fmt: skip
    state = [{"post_number": 1, "title": "One", "counts": {"likes": 3}}, {"post_number": 2, "title": "Two"}]
    html = page(script=f"window.state={json.dumps(state)}")
    report = await open_page(
        lane, "https://berth.example/b/1", definition, timeout_seconds=20, saved=SavedPage(html.encode())
    )
    assert [(post.id, post.title, post.likes) for post in report.posts] == [("1", "One", 3)]
    assert "post without likes" in str(report.warnings)


@pytest.mark.browser
async def test_json_that_is_none_is_a_warning_and_the_page_is_read(lane: Lane) -> None:
    html = page((7, "41"), script="window.state = {broken")
    report = await open_page(
        lane, "https://berth.example/", berth(), timeout_seconds=20, saved=SavedPage(html.encode())
    )
    assert report.posts[0].likes == 41
    assert "script script: no JSON" in str(report.warnings)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["data", "node", "key", "x", "post_number"]), inner)
        ),
    )
)
def test_no_json_whatever_breaks_the_book(value: object) -> None:
    book = RecordBook(berth())
    text = json.dumps(value)
    book.add([[f"window.state = {text}"]], [Response("https://berth.example/api/posts", text)])
    assert all(book.of(0, one) for one in book.ids(0))


def heard(*nodes: dict[str, Any]) -> list[Response]:
    return [Response("https://berth.example/api/posts", json.dumps({"data": list(nodes)}))]


def test_what_a_list_says_again_replaces_what_it_had_said() -> None:
    book = RecordBook(berth())
    book.add([['window.state = {"post_number": 7, "counts": {"likes": 1}}']])
    for likes in range(300):
        book.add((), heard(node(7, counts={"likes": likes})))
    assert [record.value["counts"]["likes"] for record in book.of(0, "7")] == [299, 1]
    assert len(book) == 2


def test_two_objects_of_one_text_stand_side_by_side() -> None:
    book = RecordBook(berth())
    book.add((), heard(node(7, counts={"likes": 1}), node(7, body="x")))
    assert len(book.of(0, "7")) == 2


def test_over_a_long_walk_the_book_holds_only_what_was_not_taken_yet() -> None:
    book = RecordBook(berth())
    sizes: list[tuple[int, int]] = []
    for start in range(0, 10_000, 50):
        numbers = range(start, start + 50)
        book.add((), heard(*(node(number, body="x" * 500) for number in numbers)))
        book.forget(Post(id=str(number), site="berth", layout="only") for number in numbers if number % 10)
        sizes.append((len(book), book.characters))
    assert sizes[-1][0] == 1_000
    assert sizes[-1][1] < 1_000 * 1_000
    book.forget(Post(id=str(number), site="berth", layout="only") for number in range(10_000))
    assert (len(book), book.characters, book.ids(0)) == (0, 0, ())


def test_what_nobody_takes_is_bounded_by_number_and_the_oldest_goes_first() -> None:
    book = RecordBook(berth())
    for start in range(0, 2 * MOST_RECORDS, 500):
        book.add((), heard(*(node(number) for number in range(start, start + 500))))
    assert (len(book), len(book.ids(0))) == (MOST_RECORDS, MOST_RECORDS)
    assert book.ids(0)[-1] == str(2 * MOST_RECORDS - 1)


def test_what_nobody_takes_is_bounded_by_its_text_and_the_oldest_goes_first() -> None:
    book = RecordBook(berth())
    for number in range(40):
        book.add((), heard(node(number, body="x" * 500_000)))
        assert book.characters <= MOST_CHARACTERS
    assert book.ids(0)[-1] == "39"
    assert len(book) == len(book.ids(0)) == MOST_CHARACTERS // 500_100


def test_texts_that_are_no_json_do_not_pile_up() -> None:
    book = RecordBook(berth())
    for number in range(1000):
        book.add((), [Response("https://berth.example/api/posts", " " * number + "{")])
    assert len(book.problems) == MOST_PROBLEMS


@pytest.mark.parametrize("expression", ("[::0]", "ceil(@)", "floor(@)", "to_number(@)", "sort_by(@, &a)", "avg(@)"))
@pytest.mark.parametrize("value", ([], [1, "a"], float("nan"), float("inf"), {"a": 1}, "x", None), ids=repr)
def test_what_an_expression_can_not_work_on_is_not_found(expression: str, value: Any) -> None:
    found = look_up(expression, value)
    assert not isinstance(found, Exception)


def test_an_expression_that_gets_lost_in_the_depth_finds_nothing() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    assert look_up("to_string(@)", deep) is None


def test_objects_however_deep_are_taken_without_a_fall() -> None:
    book = RecordBook(berth())
    for depth in range(500, 1500, 50):
        body = f'{{"data": [{{"node": {{"key": "post:1", "x": {"[" * depth}{"]" * depth}}}}}]}}'
        book.add((), [Response("https://berth.example/api/posts", body)] * 2)
    assert len(book) <= 1


@pytest.mark.parametrize(
    ("value", "text"),
    (
        (1.5, "1.5"),
        (3.0, "3"),
        (True, "true"),
        (False, None),
        ([1], None),
        ("a\ud83db", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\0b", "ab"),
        (10**4000, None),
    ),
)
def test_a_value_is_a_text_that_everything_takes(value: Any, text: str | None) -> None:
    assert as_text(value) == text


@given(st.text(st.characters(categories=("Cs", "Cc", "Ll")), max_size=30) | st.sampled_from(["&#0;", "&#xd83d;"]))
def test_no_string_of_json_has_what_no_database_takes(value: str) -> None:
    for is_html in (False, True):
        text = as_text(value, is_html=is_html)
        assert text is not None
        assert "\0" not in text
        assert text.encode().decode() == text


@pytest.mark.parametrize(
    ("value", "exact"), ((7, 7), (7.0, 7), (-1, -1), (7.5, None), (1e17, None), (float("nan"), None))
)
def test_a_number_counts_as_it_is_or_not_at_all(value: float, exact: int | None) -> None:
    count = as_count(value)
    assert count is not None
    assert (count.exact, count.reason is None) == (exact, exact is not None)


def test_what_is_no_number_counts_nothing() -> None:
    assert [as_count(value) for value in (True, "7", None, [7])] == [None] * 4


@pytest.mark.parametrize(
    ("html", "text"),
    (
        ("plain", "plain"),
        ("a<br>b<p>c</p>", "a\nb\nc"),
        ("<script>x</script>a &lt;b&gt;", "a <b>"),
        ("<img alt='⚓'> up", "⚓ up"),
        ("open <b", "open <b"),
    ),
)
def test_html_in_json_becomes_its_text(html: str, text: str) -> None:
    assert text_of_html(html) == text
