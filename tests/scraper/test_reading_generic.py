"""Any other page: what it says of itself, and what of that is said of something else."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import METRICS, Post

ReadHtml = Callable[..., Awaitable[PageReport]]
Read = Callable[..., Awaitable[PageReport]]

PIER = "https://pier.example/tides"
CANONICAL = f'<link rel="canonical" href="{PIER}">'


@pytest.fixture
def read(read_html: ReadHtml, definitions: Definitions) -> Read:
    async def read(head: str = "", body: str = "", url: str = PIER, title: str = "Tides") -> PageReport:
        html = f'<!DOCTYPE html><html lang="en"><head><title>{title}</title>{head}</head><body>{body}</body></html>'
        return await read_html(definitions.by_name("generic"), html.encode(), url)

    return read


def ld(*things: Any) -> str:
    """One script of JSON-LD with each of `things`."""
    return "".join(f'<script type="application/ld+json">{json.dumps(thing)}</script>' for thing in things)


def counter(action: Any, count: Any) -> dict[str, Any]:
    return {"@type": "InteractionCounter", "interactionType": action, "userInteractionCount": count}


def counts(post: Post | None) -> dict[str, int]:
    assert post is not None
    return {name: value for name in METRICS if (value := getattr(post, name)) is not None}


@pytest.mark.browser
@pytest.mark.parametrize(
    "action",
    (
        "LikeAction",
        "http://schema.org/LikeAction",
        "https://schema.org/LikeAction",
        {"@type": "LikeAction"},
        {"@type": "http://schema.org/LikeAction"},
    ),
)
async def test_an_action_is_known_in_every_way_of_writing_it(read: Read, action: Any) -> None:
    article = {"@type": "Article", "url": PIER, "headline": "Tides", "interactionStatistic": counter(action, 12)}
    report = await read(CANONICAL + ld(article))
    assert report.outcome is Outcome.OK, report.reason
    assert counts(report.post) == {"likes": 12}


@pytest.mark.browser
async def test_a_page_says_in_json_who_wrote_it_and_when_and_how_often_it_was_read(read: Read) -> None:
    article = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": PIER},
        "headline": "High & dry",
        "datePublished": "2025-03-04T05:06:07Z",
        "author": [{"@type": "Person", "name": "Ada Tide"}],
        "commentCount": 0,
        "interactionStatistic": [
            counter("https://schema.org/ViewAction", "1,234"),
            counter("https://schema.org/LikeAction", 56),
            counter("https://schema.org/DislikeAction", 99),
            counter("https://schema.org/ShareAction", 7),
            counter("https://schema.org/BookmarkAction", 8),
            counter("https://schema.org/FollowAction", 1000),
        ],
    }
    for script in (ld(article), ld([article]), ld({"@graph": [{"@type": "WebSite", "url": PIER}, article]})):
        post = (await read(CANONICAL + script)).post
        assert counts(post) == {"views": 1234, "likes": 56, "reposts": 7, "replies": 0, "bookmarks": 8}
        assert post is not None
        assert (post.title, post.author_name, post.url) == ("High & dry", "Ada Tide", PIER)
        assert post.time == datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.browser
async def test_two_counts_of_one_kind_are_none(read: Read) -> None:
    shares = [counter("ShareAction", 7), counter("ShareAction", 9), counter("LikeAction", 3)]
    report = await read(CANONICAL + ld({"@type": "Article", "url": PIER, "interactionStatistic": shares}))
    assert counts(report.post) == {"likes": 3}


@pytest.mark.browser
@pytest.mark.parametrize(
    "thing",
    (
        {"@type": "Person", "url": PIER, "interactionStatistic": [counter("LikeAction", 8)]},
        {"@type": "ProfilePage", "url": PIER, "mainEntity": {"@type": "Person", "url": PIER,
         "interactionStatistic": counter("LikeAction", 8), "agentInteractionStatistic": counter("WriteAction", 7)}},
        {"@type": "Article", "url": PIER, "video": {"@type": "VideoObject", "url": PIER,
         "interactionStatistic": counter("WatchAction", 5000)}},
        {"@type": "VideoObject", "mainEntityOfPage": PIER, "interactionStatistic": counter("WatchAction", 5000)},
        {"@type": "Article", "url": PIER, "comment": [{"@type": "Comment", "url": f"{PIER}#comment-1",
         "interactionStatistic": counter("LikeAction", 3)}]},
        {"@type": "Comment", "mainEntityOfPage": PIER, "interactionStatistic": counter("LikeAction", 3)},
        {"@type": "Product", "url": PIER, "aggregateRating": {"@type": "AggregateRating", "ratingCount": 88,
         "reviewCount": 77}},
        {"@type": "Article", "interactionStatistic": counter("LikeAction", 3)},
        {"@type": "Article", "url": "https://pier.example/other", "commentCount": 4},
    ),
    ids=("author", "profile", "video in an article", "video", "comment", "comment on the page", "rating",
         "without an address", "another page"),
)  # fmt: skip
async def test_what_is_said_of_something_else_is_not_said_of_the_page(read: Read, thing: dict[str, Any]) -> None:
    report = await read(CANONICAL + ld(thing))
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.browser
async def test_the_likes_of_a_comment_are_not_those_of_the_article_above_it(read: Read) -> None:
    comment = {"@type": "Comment", "url": f"{PIER}#c1", "interactionStatistic": counter("LikeAction", 3)}
    article = {"@type": "Article", "url": PIER, "commentCount": 1, "comment": comment}
    body = '<section class="comments"><button aria-label="3 likes"></button></section>'
    report = await read(CANONICAL + ld(article), body)
    assert counts(report.post) == {"replies": 1}


@pytest.mark.browser
async def test_a_page_that_says_it_is_a_video_has_the_views_of_its_video(read: Read) -> None:
    video = {"@type": "VideoObject", "url": PIER, "name": "Ebb", "interactionStatistic": counter("WatchAction", 5000)}
    report = await read(f'{CANONICAL}<meta property="og:type" content="video.other">{ld(video)}')
    assert counts(report.post) == {"views": 5000}


@pytest.mark.browser
async def test_each_post_of_a_list_has_its_own_address(read: Read) -> None:
    posts = [
        {"@type": "BlogPosting", "url": f"{PIER}/{n}", "headline": f"Tide {n}",
         "interactionStatistic": counter("LikeAction", n)} for n in (1, 2)
    ]  # fmt: skip
    clip = {"@type": "VideoObject", "url": f"{PIER}/3", "interactionStatistic": counter("WatchAction", 3)}
    listed = {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": clip}]}
    report = await read(CANONICAL + ld({"@type": "Blog", "url": PIER, "blogPost": posts}, listed), url=f"{PIER}/2")
    assert [(post.id, counts(post)) for post in report.posts] == [
        ("pier.example/tides/1", {"likes": 1}),
        ("pier.example/tides/2", {"likes": 2}),
        ("pier.example/tides/3", {"views": 3}),
    ]
    of_the_list = await read(CANONICAL + ld({"@type": "Blog", "url": PIER, "blogPost": posts}))
    assert of_the_list.outcome is Outcome.SELECTOR_DRIFT


@pytest.mark.browser
async def test_microdata_is_read_in_its_new_way_and_in_its_old_one(read: Read) -> None:
    likes = "https://schema.org/LikeAction"
    new = f"""
    <article itemscope itemtype="https://schema.org/BlogPosting">
      <span itemprop="author" itemscope itemtype="https://schema.org/Person"><a itemprop="url" href="/ada"><b itemprop="name">Ada</b></a></span>
      <span itemprop="about" itemscope itemtype="https://schema.org/Person"><a itemprop="url" href="/bo"></a>
        <span itemprop="interactionStatistic" itemscope><meta itemprop="interactionType" content="{likes}"><meta itemprop="userInteractionCount" content="900"></span></span>
      <h1 itemprop="headline">Tides</h1><link itemprop="url" href="/tides"><time itemprop="datePublished" datetime="2025-03-04T05:06:07Z"></time>
      <div itemprop="interactionStatistic" itemscope itemtype="https://schema.org/InteractionCounter"><link itemprop="interactionType" href="{likes}"><span itemprop="userInteractionCount">12</span></div>
      <div itemprop="comment" itemscope itemtype="https://schema.org/Comment"><a itemprop="url" href="/tides#c1"></a><p itemprop="text">Mine!</p>
        <div itemprop="interactionStatistic" itemscope><meta itemprop="interactionType" content="{likes}"><meta itemprop="userInteractionCount" content="3"></div></div>
      <div itemprop="video" itemscope itemtype="https://schema.org/VideoObject"><link itemprop="url" href="/tides"><meta itemprop="interactionCount" content="UserPlays:70"></div>
    </article>"""  # noqa: E501
    (post,) = (await read("", new)).posts
    assert (post.id, counts(post), post.title, post.author_name) == (
        "pier.example/tides", {"likes": 12}, "Tides", "Ada",
    )  # fmt: skip
    assert post.time == datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert post.text is None
    old = """
    <div itemscope itemtype="http://schema.org/Article"><a itemprop="url" href="/tides">Tides</a>
      <meta itemprop="interactionCount" content="UserPageVisits:1200">
      <meta itemprop="interactionCount" content="UserLikes:34">
      <meta itemprop="interactionCount" content="UserComments: 5">
      <meta itemprop="interactionCount" content="UserTweets:6"></div>"""
    (post,) = (await read("", old)).posts
    assert counts(post) == {"views": 1200, "likes": 34, "replies": 5}


@pytest.mark.browser
async def test_a_post_without_an_address_does_not_take_that_of_its_author(read: Read) -> None:
    body = """
    <article itemscope itemtype="https://schema.org/DiscussionForumPosting">
      <span itemprop="author" itemscope itemtype="https://schema.org/Person"><a itemprop="url" href="/a">A</a></span>
      <div itemprop="interactionStatistic" itemscope><meta itemprop="interactionType" content="LikeAction">
        <meta itemprop="userInteractionCount" content="12"></div></article>"""
    report = await read("", body)
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.browser
async def test_open_graph_names_the_page_and_one_label_its_count(read: Read) -> None:
    head = f'<meta property="og:url" content="{PIER}"><meta property="og:title" content="Tides today">'
    report = await read(head, '<main><button aria-label="1,204 likes">1.2K</button></main>', title="Tides | Pier")
    assert report.outcome is Outcome.OK, report.reason
    assert (report.posts[0].title, counts(report.post)) == ("Tides today", {"likes": 1204})


@pytest.mark.browser
@pytest.mark.parametrize(
    "body",
    (
        '<a aria-label="3 likes"></a><a aria-label="4 likes"></a>',
        '<aside><a aria-label="3 likes"></a></aside>',
        '<div id="comments"><a aria-label="3 likes"></a></div>',
        '<article>One</article><article><a aria-label="3 likes"></a></article>',
        '<a aria-label="What 3 people like"></a>',
        '<div class="video-player"><a aria-label="3 views"></a></div>',
        "<p>3 likes</p>",
    ),
)
async def test_a_label_that_may_belong_to_something_else_says_nothing(read: Read, body: str) -> None:
    report = await read(CANONICAL, body)
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.browser
async def test_a_page_that_names_another_one_as_itself_is_not_the_one_that_was_asked_for(read: Read) -> None:
    article = {"@type": "Article", "url": "https://pier.example/", "commentCount": 4}
    head = '<link rel="canonical" href="https://pier.example/">' + ld(article)
    report = await read(head, '<button aria-label="12 likes"></button>')
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())
    assert counts((await read(head, url="https://www.pier.example/?utm_source=x")).post) == {"replies": 4}


@pytest.mark.browser
async def test_a_page_that_says_nothing_of_itself_is_no_success(read: Read) -> None:
    report = await read("", "<p>Nothing</p>")
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.parametrize(
    ("title", "outcome"),
    (
        ("Tides", None),
        ("404 boats in one harbour", None),
        ("What was not found", None),
        ("Page not found - Pier", Outcome.NOT_FOUND),
        ("404 | Pier", Outcome.NOT_FOUND),
        ("404: Not Found", Outcome.NOT_FOUND),
    ),
)
def test_a_title_that_only_says_that_there_is_nothing_is_known(
    definitions: Definitions, title: str, outcome: Outcome | None
) -> None:
    tale = definitions.by_name("generic").tell_tales[0]
    shows = re.search(tale.text or "", title, re.IGNORECASE)
    assert (tale.outcome if shows else None) is outcome
