"""A draft as text: whatever a page holds, it is a definition that loads, and comments stay comments."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.definitions import load_definition
from scraper.proposals.draft import Draft
from scraper.proposals.group import Choice
from scraper.proposals.selectors import is_generated
from scraper.proposals.text import Heading, Yielded, definition_text, name_for, quoted

HEADING = Heading("pier", "https://pier.example/latest", "en")
HOSTILE = "x\"\n[politeness]\nrequests_per_second = 100\x00\x1b]0;\u202e'\\"


def draft(**more: object) -> Draft:
    fields = {
        "id": Choice(({"attribute": "data-id"},), 1.0),
        "likes": Choice(({"css": ".like"},), 0.5, (HOSTILE,)),
        "views": Choice(({"css": ".view"},), 0.5),
    }
    return Draft(css="article", count=4, fields=fields, post_id=r"^/post/(\d+)", permalink="/post/{id}", **more)  # type: ignore[arg-type]


def test_what_was_found_is_said_beside_each_field() -> None:
    text = definition_text(draft(), HEADING, {"likes": Yielded(3, 4, 1, "12", (".like",)), "id": Yielded(4, 4)})
    assert '# likes: in 3 of 4 posts, 1 of them only in bounds; one is "12"; from .like\n' in text
    assert "# id: in all 4 posts\n" in text


def test_what_gave_nothing_is_a_comment_that_says_so() -> None:
    text = definition_text(draft(), HEADING, {"likes": Yielded(3, 4), "id": Yielded(4, 4)})
    assert '# views: tried on this page, and gave nothing\n# views = [{ css = ".view" }]\n' in text
    assert '# score = [{ css = "…" }]   # nothing on the page looked like it\n' in text
    assert set(tomllib.loads(text)["layouts"][0]["items"][0]["fields"]) == {"id", "likes"}


def test_nothing_that_a_page_says_leaves_its_comment() -> None:
    text = definition_text(
        draft(notes=(HOSTILE,), beside=(HOSTILE,)),
        HEADING,
        {"likes": Yielded(1, 4, 0, HOSTILE, (HOSTILE,)), "id": Yielded(4, 4, 0, HOSTILE)},
    )
    definition = load_definition("pier.toml", text)
    assert definition.politeness.requests_per_second == 0.2
    assert "\x1b" not in text
    assert "\u202e" not in text


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_written_so_that_it_is_read_again(text: str) -> None:
    assert tomllib.loads(f"key = {quoted(text)}")["key"] == text


@pytest.mark.parametrize(
    ("url", "name"),
    (
        ("https://www.pier.example/a", "pier"),
        ("https://news.ycombinator.com/", "ycombinator"),
        ("https://1pier.example/", "site-1pier"),
        ("http://127.0.0.1:8080/", "local"),
        ("http://[::1]/", "local"),
    ),
)
def test_a_site_is_called_by_its_host(url: str, name: str) -> None:
    assert name_for(url) == name


@pytest.mark.parametrize(
    "name", ("css-1dbjc4n", "r-bcqeeo", "sc-fzXfQp", "_2xKfz", "jss123", "mt-4", "flex-col", "w-full")
)
def test_a_class_that_a_tool_made_up_or_that_says_how_things_look_is_no_name(name: str) -> None:
    assert is_generated(name)


@pytest.mark.parametrize("name", ("post", "comment-text", "byline", "postTitle", "u-url", "topic_title", "subline"))
def test_a_class_that_people_have_named_is_one(name: str) -> None:
    assert not is_generated(name)
