"""From the strings of a reading to posts: what is taken, and what is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.extraction import extract
from scraper.post import Post, post_as_dict
from scraper.reader import RawItem, Reading
from scraper.records import RecordBook, Response

PIER = """
name = "pier"
title = "Pier"
hosts = ["pier.example"]
post_id = '^/posts/(\\d+)'
permalink = "/@{author}/posts/{id}"
abbreviations = "truncated"
[saved]
base_url = "https://pier.example/"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
tree = true
[[layouts.items.records]]
response = "*/api*"
each = "posts"
id = "id"
[layouts.items.fields]
id = [{ attribute = "data-id" }]
author = [{ css = ".by" }]
link = [{ css = "a", attribute = "href" }]
text = [{ record = "text" }]
time = [{ css = "time", attribute = "datetime" }]
rank = [{ css = ".rank" }]
depth = [{ attribute = "data-depth" }]
likes = [{ css = ".likes" }]
replies = [{ css = ".replies" }]
views = [{ record = "views" }]
[layouts.items.counts]
css = ".figures"
attribute = "aria-label"
absent_is_zero = ["likes", "replies"]
[layouts.items.counts.words]
likes = ["likes"]
replies = ["replies"]
[[layouts.items]]
name = "card"
css = ".card"
[layouts.items.fields]
id = [{ attribute = "data-id" }]
likes = [{ css = ".likes" }]
"""


@pytest.fixture(scope="module")
def pier() -> Definition:
    return load_definition("pier.toml", PIER)


def article(pier: Definition, kind: int = 0, /, **strings: str) -> RawItem:
    """An element whose sources say `strings`, by field ("counts" is the label)."""
    places = pier.kinds[kind][1].places
    return RawItem(kind=kind, values=tuple(strings.get(field) for field, _ in places), single=True, quoted=None)


def reading(*items: RawItem, language: str = "en") -> Reading:
    return Reading(
        stopped="ready",
        waited_ms=1,
        url="https://pier.example/",
        base="https://pier.example/",
        title="",
        language=language,
        ready_state="complete",
        tell_tale=None,
        busy=False,
        end=False,
        next=None,
        counts=(len(items),),
        items=items,
    )


def one(pier: Definition, *items: RawItem, language: str = "en", record: str | None = None) -> Post:
    book = RecordBook(pier)
    if record is not None:
        book.add((), [Response("https://pier.example/api", f'{{"posts": [{{"id": "1", {record}}}]}}')])
    (post,) = extract(pier, reading(*items, language=language), book).posts
    return post


def test_a_post_that_is_twice_on_a_page_with_two_counts_has_none(pier: Definition) -> None:
    post = one(pier, *(article(pier, id="1", likes=likes, replies="3") for likes in ("5", "900", "900")))
    assert (post.likes, post.replies) == (None, 3)
    assert post.warnings == ("likes: the page says both 5 and 900 for this post",)
    assert "likes" not in post.sources


def test_nor_does_it_have_an_author_an_address_or_a_time_that_is_denied(pier: Definition) -> None:
    post = one(
        pier,
        article(pier, id="1", author="ada", time="2026-01-02T03:04:05Z"),
        article(pier, id="1", author="eve", time="2026-01-02T05:04:05Z"),
    )
    assert (post.author, post.url, post.time, post.time_range) == (None, None, None, None)
    assert [warning.split(":")[0] for warning in post.warnings] == ["author", "time"]


def test_what_could_be_the_same_and_what_only_one_of_them_has_is_no_contradiction(pier: Definition) -> None:
    first = article(pier, id="1", author="Ada", likes="1.2K", time="2026-01-02T03:04:05Z")
    second = article(pier, id="1", author="ada", likes="1234", replies="7", time="2026-01-02T03:04:30Z")
    post = one(pier, first, second)
    assert post.warnings == ()
    assert (post.author, post.replies, post.approximate["likes"].text) == ("Ada", None, "1.2K")


def test_what_is_known_within_bounds_is_denied_too(pier: Definition) -> None:
    post = one(pier, article(pier, id="1", likes="1.2K"), article(pier, id="1", likes="9"))
    assert (post.likes, dict(post.approximate)) == (None, {})
    assert post.warnings == ("likes: the page says both '1.2K' and 9 for this post",)


def test_a_post_of_another_kind_denies_nothing(pier: Definition) -> None:
    post = one(pier, article(pier, id="1", likes="5"), article(pier, 1, id="1", likes="900"))
    assert (post.kind, post.likes) == ("post", 5)


def test_below_a_post_of_unknown_depth_and_below_a_gap_no_parent_is_known(pier: Definition) -> None:
    gap = RawItem(kind=0, values=(), single=True, quoted=None, gap=True)
    for between in (article(pier, id="4"), gap):
        top, answer, below = (article(pier, id=str(depth + 1), depth=str(depth)) for depth in range(3))
        posts = extract(pier, reading(top, answer, between, below)).posts
        assert {post.id: post.parent for post in posts if post.id != "4"} == {"1": None, "2": "1", "3": None}


def test_a_gap_is_no_post_and_keeps_its_place_among_the_items() -> None:
    branched = load_definition("pier.toml", PIER.replace("tree = true", 'branch = "li"'))
    gap = RawItem(kind=0, values=(), single=True, quoted=None, gap=True)
    answer = article(branched, id="2").model_copy(update={"depth": 1, "above": 1})
    posts = extract(branched, reading(gap, article(branched, id="1"), answer)).posts
    assert [(post.id, post.parent) for post in posts] == [("1", None), ("2", "1")]


@pytest.mark.parametrize(
    ("strings", "counts"),
    (
        ({"counts": ""}, (None, None)),
        ({"counts": "Loading…"}, (None, None)),
        ({"counts": "", "likes": "0"}, (0, 0)),
        ({"counts": "", "likes": "5"}, (5, None)),
        ({"counts": "4 likes"}, (4, 0)),
    ),
)
def test_an_empty_label_is_zero_only_where_another_place_says_so(
    pier: Definition, strings: dict[str, str], counts: tuple[int | None, int | None]
) -> None:
    post = one(pier, article(pier, id="1", **strings))
    assert (post.likes, post.replies) == counts


@pytest.mark.parametrize("language", ("en", "de", "fr"))
@pytest.mark.parametrize(
    ("value", "views"),
    (
        ("1234", 1234),
        ('"1234"', 1234),
        ("1234.0", 1234),
        ("1e3", 1000),
        ("1.234", None),
        ("1e300", None),
        ("NaN", None),
        ("Infinity", None),
        ("true", None),
        ("9" * 18, int("9" * 18)),
        ("1" + "0" * 18, None),
        ('"' + "9" * 19 + '"', None),
    ),
)
def test_a_number_in_json_is_what_it_is_in_every_language(
    pier: Definition, language: str, value: str, views: int | None
) -> None:
    post = one(pier, article(pier, id="1"), language=language, record=f'"views": {value}')
    assert post.views == views
    assert bool(post.warnings) == (views is None)


def test_an_address_that_is_none_costs_the_link_and_not_the_page(pier: Definition) -> None:
    post = one(pier, article(pier, id="1", link="http://[oops", likes="5"))
    assert (post.link, post.likes) == (None, 5)
    assert post.warnings == ("link: 'http://[oops' is no address of the web",)


def test_an_address_that_is_none_is_no_id() -> None:
    anywhere = load_definition(
        "pier.toml",
        PIER.replace("post_id = '^/posts/(\\d+)'\n", "").replace('permalink = "/@{author}/posts/{id}"\n', ""),
    )
    items = [article(anywhere, id=address) for address in ("http://[oops", "/a")]
    extraction = extract(anywhere, reading(*items))
    assert [post.id for post in extraction.posts] == ["pier.example/a"]
    assert extraction.unfit == ("post without id",)


@pytest.mark.parametrize("digits", ("9" * 19, "9" * 5000))
def test_a_number_that_is_too_long_is_unknown(pier: Definition, digits: str) -> None:
    post = one(pier, article(pier, id="1", rank=digits, depth=digits, likes=digits))
    assert (post.rank, post.depth, post.likes) == (None, None, None)


def test_what_no_database_takes_does_not_come_out_of_json(pier: Definition) -> None:
    post = one(pier, article(pier, id="1"), record='"text": "a\\ud83db\\u0000c \\ud83d\\ude00"')
    assert post.text == "a\N{REPLACEMENT CHARACTER}bc \N{GRINNING FACE}"
    assert str(post_as_dict(post)).encode()


def test_a_text_that_the_reader_has_cut_is_said_to_be(pier: Definition) -> None:
    cut = article(pier, id="1", author="a" * 20_000).model_copy(update={"cut": True})
    assert one(pier, cut).warnings == ("author: longer than 20000 characters, and cut",)


def test_a_reading_made_by_hand_is_like_one_from_a_page(pier: Definition) -> None:
    values: dict[str, Any] = post_as_dict(one(pier, article(pier, id="1", author="ada", likes="5")))
    assert (values["url"], values["likes"]) == ("https://pier.example/@ada/posts/1", 5)
