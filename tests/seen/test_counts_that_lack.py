"""A page of posts that show counts, and which gave none, is not `ok`; two numbers that are nearly one are bounds."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from tests.seen.conftest import Collect, Read, mole, page, post

pytestmark = pytest.mark.browser

NONE = '<article data-mole="1"><b class="title">One</b></article>'


def changed(**kind: Any) -> Definition:
    """The definition, with other keys of its kind of post."""
    layout: Any = mole().model_dump(exclude_unset=True)["layouts"][0]
    return mole(layouts=[{**layout, "items": [{**layout["items"][0], **kind}]}])


def fields_with(**fields: Any) -> dict[str, Any]:
    """The fields of the definition, and others."""
    return {**changed().layouts[0].items[0].model_dump(exclude_unset=True)["fields"], **fields}


async def test_a_post_without_any_count_is_drift_that_says_where_they_should_be(read: Read, collect: Collect) -> None:
    for path in ("/", "/p/1"):
        report = await read(page(NONE), path=path)
        assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())
        assert report.reason.startswith("post 1 shows no count, where its kind (list/post) has likes at .likes; repl")
    feed = await collect(page(NONE))
    assert (feed.outcome, feed.posts) == (Outcome.SELECTOR_DRIFT, ())


async def test_what_stands_there_and_is_no_count_is_said(read: Read) -> None:
    report = await read(page(post(1, "<i hidden>99</i>")), path="/p/1")
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert "likes: not shown: 99" in report.reason


async def test_one_post_with_a_count_shows_that_the_page_is_as_it_was(read: Read) -> None:
    report = await read(page(NONE, post(2, "7")))
    assert [(one.id, one.likes) for one in report.posts] == [("1", None), ("2", 7)]


async def test_a_kind_may_lack_counts_and_a_post_may_be_without(read: Read) -> None:
    assert (await read(page(NONE), definition=changed(may_lack_counts=True))).outcome is Outcome.OK
    report = await read(page(NONE), definition=changed(fields=fields_with(countless=[{"css": ".title"}])))
    assert (report.outcome, report.posts[0].countless, dict(report.posts[0].sources)) == (
        Outcome.OK, True, {"id": "item@data-mole", "title": ".title"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "low", "high"), (("300", "301", 300, 301), ("13,725,279", "13,725,278", 13725278, 13725279))
)
async def test_two_exact_counts_that_differ_by_one_are_bounds(
    read: Read, one: str, other: str, low: int, high: int
) -> None:
    both = changed(fields=fields_with(likes=[{"css": ".likes"}, {"css": ".also"}]))
    html = post(1, one, more=f"<i class=also>{other}</i>") + post(2, "5", more="<i class=also>7</i>") + post(3, "8")
    report = await read(page(html, post(3, "9")), definition=both)
    first, second, third = report.posts
    assert (first.likes, first.approximate["likes"].low, first.approximate["likes"].high) == (None, low, high)
    assert "the page says both" in first.warnings[0]
    assert (second.likes, dict(second.approximate)) == (None, {})
    assert (third.likes, third.approximate["likes"].low, third.approximate["likes"].high) == (None, 8, 9)


WATCH = """<body><div itemscope itemtype="http://schema.org/VideoObject">
<link itemprop="url" href="http://www.youtube.com/watch?v=AAAAbbbb111"><meta itemprop="name" content="A clip">
<meta itemprop="videoId" content="AAAAbbbb111"><div id="watch7-views-info">{}</div></div></body>"""


@pytest.mark.parametrize(
    ("counts", "outcome"),
    (
        ("<span class='watch-view-count'> 12,345 </span><span class='likes-count'>678</span>", Outcome.OK),
        ("<span class='views-of-tomorrow'>12,345</span>", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_video_without_its_counts_is_drift(
    read: Read, definitions: Definitions, counts: str, outcome: Outcome
) -> None:
    youtube = definitions.by_name("youtube").model_copy(update={"hosts": ("127.0.0.1",), "schemes": ("http",)})
    report = await read(page(WATCH.format(counts)), path="/watch?v=AAAAbbbb111", definition=youtube)
    assert report.outcome is outcome
    assert [(one.views, one.likes) for one in report.posts] == ([(12345, 678)] if report.posts else [])
