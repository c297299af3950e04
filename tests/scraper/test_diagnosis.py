"""Why a page was read as it was: which place of which field says something, and what broke where none does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.diagnosis import Diagnosis, FieldDiagnosis, as_dict, doubtful
from scraper.outlines import MOST_MARKS, Panel, diagnose_page, outline
from scraper.page import SavedPage, open_page

pytestmark = pytest.mark.browser

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
URL = "https://pier.test/"

POST = """<article class="post" id="{id}"><a class="by" href="/@ann">Ann</a><p class="words">Hello</p>
<b class="likes" title="{likes}">♥</b><i class="when">{when}</i></article>"""


def definition(**changes: Any) -> Definition:
    fields: dict[str, Any] = {
        "id": [{"attribute": "id", "pattern": r"\d+"}],
        "author": [{"css": "a.by", "attribute": "href", "pattern": "/@(\\w+)"}],
        "text": [{"css": ".words"}],
        "likes": [{"css": ".likes", "attribute": "data-likes"}, {"css": ".likes", "attribute": "title"}],
        "time": [{"css": ".when"}],
    }
    kind = {"name": "post", "css": "article.post", "fields": fields | changes.pop("fields", {}), **changes}
    return Definition.model_validate(
        {
            "name": "pier",
            "title": "Pier",
            "hosts": ["pier.test"],
            "post_id": r"#(\d+)",
            "permalink": "/#{id}",
            "saved": {"base_url": URL},
            "layouts": [{"name": "plain", "items": [kind]}],
        }
    )


def html(*posts: str) -> bytes:
    return f"<!doctype html><title>Pier</title>{''.join(posts)}".encode()


def post(number: int = 1, likes: str = "3", when: str = "2026-05-01 10:00 UTC") -> str:
    return POST.format(id=number, likes=likes, when=when)


async def diagnosed(lane: Lane, page: bytes, site: Definition) -> Diagnosis:
    await open_page(lane, URL, site, timeout_seconds=20, saved=SavedPage(page))
    return await diagnose_page(lane, site, expected_id=None, read_at=NOW)


def field(diagnosis: Diagnosis, name: str) -> FieldDiagnosis:
    [found] = [one for one in diagnosis.kinds[0].fields if one.field == name]
    return found


async def test_of_each_field_it_is_told_which_place_gave_it(lane: Lane) -> None:
    diagnosis = await diagnosed(lane, html(post(1), post(2, likes="4")), definition())
    likes = field(diagnosis, "likes")
    assert (likes.read, likes.example, likes.place) == (2, "3", ".likes@title")
    assert [(place.name, place.said, place.example) for place in likes.places] == [
        (".likes@data-likes", 0, None),
        (".likes@title", 2, "3"),
    ]
    assert diagnosis.lost == ()
    assert (diagnosis.kinds[0].elements, diagnosis.kinds[0].posts) == (2, 2)


async def test_a_place_that_says_nothing_any_more_is_taken_apart_into_what_still_matches(lane: Lane) -> None:
    broken = definition(fields={"likes": [{"css": "b.likes.count", "attribute": "title"}]})
    diagnosis = await diagnosed(lane, html(post(1), post(2)), broken)
    [(kind, lost)] = diagnosis.lost
    assert (kind.kind, lost.field, lost.read) == ("post", "likes", 0)
    assert lost.why == (
        "its place says nothing (b.likes.count: 0 on the page; of its parts: b 2, .likes 2, .count 0)"
    )
    assert doubtful(diagnosis) == ("b.likes.count",)


async def test_what_is_said_and_not_understood_is_told_as_it_stands(lane: Lane) -> None:
    diagnosis = await diagnosed(lane, html(post(1, likes="many"), post(2, when="when the tide is out")), definition())
    likes, time = field(diagnosis, "likes"), field(diagnosis, "time")
    assert (likes.read, "many" in likes.why) == (1, True)
    assert (time.read, "when the tide is out" in time.why) == (1, True)


async def test_a_pattern_that_takes_nothing_is_told_apart_from_an_empty_place(lane: Lane) -> None:
    site = definition(fields={"author": [{"css": "a.by", "attribute": "href", "pattern": "/user/(\\w+)"}]})
    diagnosis = await diagnosed(lane, html(post(1)), site)
    assert field(diagnosis, "author").why == "what is said is not understood: '/@ann'"


async def test_a_kind_that_no_element_fits_says_what_of_its_selector_still_does(lane: Lane) -> None:
    diagnosis = await diagnosed(lane, html(post(1), post(2)), definition(css="article.entry"))
    [kind] = diagnosis.kinds
    assert (kind.elements, kind.posts, kind.fields) == (0, 0, ())
    assert kind.why == ("no element fits article.entry: 0 on the page; of its parts: article 2, .entry 0")


async def test_an_element_that_lacks_what_is_required_is_no_post_and_says_so(lane: Lane) -> None:
    site = definition(required=["id", "title"], fields={"title": [{"css": "h1"}]})
    diagnosis = await diagnosed(lane, html(post(1)), site)
    [kind] = diagnosis.kinds
    assert (kind.elements, kind.posts) == (1, 0)
    assert kind.why == "an element fits, and is no post: it lacks title"
    [first, *_] = diagnosis.lost
    assert first[1].is_required
    assert [mark.is_read for mark in diagnosis.marks] == [False]


async def test_the_same_for_json(lane: Lane) -> None:
    [kind] = as_dict(await diagnosed(lane, html(post(1)), definition()))
    likes = next(one for one in kind["fields"] if one["field"] == "likes")
    assert (kind["posts"], likes["read"], likes["why"], likes["places"][1]["said"]) == (1, 1, None, 1)


BOXES = """() => {
  const host = document.querySelector("tidegate-outlines");
  return [host !== null, host && host.shadowRoot === null, document.title];
}"""
PANEL = Panel(is_fine=False, lines=(("head", "pier"), ("lost", "<img src=x onerror=\"document.title='pwned'\">")))


async def test_what_was_read_is_outlined_and_what_a_page_wrote_stays_text(lane: Lane) -> None:
    evil = post(1).replace("Hello", "&lt;script&gt;document.title='pwned'&lt;/script&gt;")
    diagnosis = await diagnosed(lane, html(evil, post(2)), definition())
    values = {name for mark in diagnosis.marks for _, name, _ in mark.values}
    assert values == {"id", "author", "text", "likes", "time"}
    # For each post one box around it, and one around each element that a value is from.
    assert await outline(lane, diagnosis, PANEL) == 2 * (1 + 4)
    assert await lane.evaluate(BOXES) == [True, True, "Pier"]


async def test_outlines_are_drawn_anew_and_not_twice(lane: Lane) -> None:
    diagnosis = await diagnosed(lane, html(post(1)), definition())
    await outline(lane, diagnosis, PANEL)
    await outline(lane, diagnosis, PANEL)
    assert await lane.evaluate("() => document.querySelectorAll('tidegate-outlines').length") == 1


async def test_of_a_long_page_so_many_posts_are_outlined_as_somebody_can_look_at(lane: Lane) -> None:
    diagnosis = await diagnosed(lane, html(*(post(number) for number in range(1, MOST_MARKS + 20))), definition())
    assert diagnosis.kinds[0].posts == MOST_MARKS + 19
    assert await outline(lane, diagnosis, PANEL) == MOST_MARKS * 5


CAPTURED = """() => {
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (how) { return window.captured = attach.call(this, how); };
}"""
WHERE = """() => [...captured.querySelectorAll(".box")].map((box) => {
  const { left, top, width, height } = box.getBoundingClientRect();
  return [box.textContent, left, top, width, height];
})"""


async def test_a_box_stands_where_its_element_does_however_far_the_page_was_scrolled(lane: Lane) -> None:
    style = "<style>body{margin:0;height:3000px}article{position:absolute;left:40px;top:900px;width:200px}"
    style += ".words{position:absolute;left:10px;top:20px;width:80px;height:30px;margin:0}</style>"
    diagnosis = await diagnosed(lane, html(style, post(1)), definition())
    await lane.evaluate("() => scrollTo(0, 400)")
    await lane.evaluate(CAPTURED)
    await outline(lane, diagnosis, PANEL)
    boxes = {text: place for text, *place in await lane.evaluate(WHERE)}
    assert boxes["text Hello"] == [50, 520, 80, 30]
    assert boxes["1"][:3] == [40, 500, 200]
