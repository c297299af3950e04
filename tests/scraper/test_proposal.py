"""What is proposed for a page, and what that then reads on it, in the browser."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from browser_pool import Lane
from scraper.definitions import load_definition
from scraper.page import PageReport, sealed
from scraper.proposals.draft import Draft
from scraper.proposals.page import SCRIPT, Facts, task
from scraper.proposals.proposal import propose
from scraper.proposals.text import Heading, definition_text

pytestmark = pytest.mark.browser

ReadHtml = Callable[..., Awaitable[PageReport]]
Look = Callable[..., Awaitable[Facts]]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHOLE = "() => new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))"
PAGE = "https://pier.example/latest"


@dataclass(frozen=True, slots=True)
class Tried:
    """A draft, its text, and what that reads."""

    draft: Draft
    text: str
    report: PageReport


Try = Callable[..., Awaitable[Tried]]


@pytest.fixture
def look(lane: Lane) -> Look:
    async def facts_of(body: str, url: str = PAGE, **limits: int) -> Facts:
        html = f'<!doctype html><html lang="en"><title>Pier</title><body>{body}</body></html>'
        await lane.open(url, timeout_seconds=20, saved_html=sealed(html.encode(), javascript=False))
        await lane.evaluate(WHOLE)
        return Facts.model_validate_json(await lane.evaluate(SCRIPT, {**task(), **limits}))

    return facts_of


@pytest.fixture
def attempt(look: Look, read_html: ReadHtml) -> Try:
    """Propose from a page, and read it by that."""

    async def tried(body: str, url: str = PAGE) -> Tried:
        facts = await look(body, url)
        draft = propose(facts, now=NOW)
        assert draft is not None
        text = definition_text(draft, Heading("pier", url, facts.language))
        html = f'<!doctype html><html lang="en"><title>Pier</title><body>{body}</body></html>'
        report = await read_html(load_definition("pier.toml", text), html.encode(), url)
        return Tried(draft, text, report)

    return tried


def article(number: int, *, body: str = "", author: str = "ada") -> str:
    return (
        f'<article class="css-1x2y3z post" data-post-id="{number}"><a rel="author" href="/@{author}">Ada {number}</a>'
        f'<a class="r-bcqeeo" href="/@{author}/post/{number}"><time datetime="2026-02-0{number % 9 + 1}T10:00:00Z">'
        f'1d</time></a><p class="body">What number {number} has to say about tides.</p>{body}'
        f'<button class="like" title="{number * 7} likes">{number * 7}</button></article>'
    )


async def test_a_list_is_read_by_what_is_proposed_for_it(attempt: Try) -> None:
    tried = await attempt("".join(article(number, author=f"ada{number}") for number in range(11, 19)))
    assert tried.report.outcome.value == "ok"
    assert [post.id for post in tried.report.posts] == [str(number) for number in range(11, 19)]
    first = tried.report.posts[0]
    assert (first.author, first.author_name, first.likes) == ("ada11", "Ada 11", 77)
    assert first.text == "What number 11 has to say about tides."
    assert first.time == datetime(2026, 2, 3, 10, tzinfo=UTC)
    assert first.url == "https://pier.example/@ada11/post/11"


async def test_selectors_are_none_that_a_tool_has_made_up(attempt: Try) -> None:
    tried = await attempt("".join(article(number) for number in range(11, 19)))
    assert tried.draft.css == "article[data-post-id]"
    assert "css-1x2y3z" not in tried.text
    assert "r-bcqeeo" not in tried.text


async def test_a_post_in_two_rows_is_read_from_both(attempt: Try) -> None:
    rows = "".join(
        f'<tr class="story" id="{number}"><td><a href="vote?id={number}&how=up">up</a></td><td class="title">'
        f'<a href="https://elsewhere.example/{number}">All about number {number}</a></td></tr>'
        f'<tr><td></td><td><span class="score">{number} points</span> by <a href="user?id=bob{number}">bob</a> '
        f'<span class="age" title="2026-02-01T10:00:00Z"><a href="item?id={number}">2 hours ago</a></span> '
        f'| <a href="item?id={number}">{number + 1}&nbsp;comments</a></td></tr>'
        for number in range(101, 107)
    )
    tried = await attempt(f"<table>{rows}</table>")
    first = tried.report.posts[0]
    assert (tried.draft.permalink, len(tried.report.posts)) == ("/item?id={id}", 6)
    assert (first.id, first.author, first.score, first.replies) == ("101", "bob101", 101, 102)
    assert (first.title, first.link) == ("All about number 101", "https://elsewhere.example/101")
    assert first.time == datetime(2026, 2, 1, 10, tzinfo=UTC)


async def test_places_that_contradict_each_other_give_no_number(attempt: Try) -> None:
    rows = "".join(
        f'<li class="thing"><a class="title" href="/post/{number}">A title of number {number}</a> '
        f'<a href="/user/cy{number}">cy{number}</a> <span class="score low">{number} points</span>'
        f'<span class="score high">{number + 1} points</span></li>'
        for number in range(201, 208)
    )
    tried = await attempt(f"<ul>{rows}</ul>")
    assert {post.score for post in tried.report.posts} == {None}
    assert any("says otherwise in 7 of 7 posts" in note for note in tried.draft.fields["score"].notes)


async def test_a_list_of_links_is_no_list_of_posts(look: Look) -> None:
    links = "".join(f'<li><a href="/topic/{number}">Topic {number}</a></li>' for number in range(20))
    assert propose(await look(f"<nav><ul>{links}</ul></nav><p>Nothing else.</p>"), now=NOW) is None


async def test_comments_are_told_apart_by_the_fragment_of_their_links(attempt: Try) -> None:
    def comment(name: str, inner: str = "") -> str:
        return (
            f'<li class="comment" id="c_{name}"><a href="/u/dee">dee</a> <a href="/s/1/tides#c_{name}">link</a> '
            f'<span title="2026-02-01 10:00:00 -0500">1d</span><div class="comment-text">Said by {name}, at length.'
            f"</div>{inner}</li>"
        )

    nested = comment("aaaaa", f"<ol>{comment('bbbbb')}{comment('ccccc')}</ol>")
    tried = await attempt(f"<ol>{nested}{comment('ddddd')}</ol>", "https://pier.example/s/1/tides")
    assert [post.id for post in tried.report.posts] == ["aaaaa", "bbbbb", "ccccc", "ddddd"]
    assert tried.report.posts[0].text == "Said by aaaaa, at length."
    assert tried.report.posts[0].url == "https://pier.example/s/1/tides#c_aaaaa"


async def test_what_is_quoted_is_not_read_for_the_post(attempt: Try) -> None:
    quoted = (
        '<blockquote class="quote"><a rel="author" href="/@zoe">Zoe</a><time datetime="2020-01-01T00:00:00Z">6y'
        '</time><p class="body">Something quite different was said there, long ago.</p><i></i><b></b></blockquote>'
    )
    articles = [article(number, body=quoted if number % 2 else "") for number in range(11, 19)]
    # A post that says nothing itself, and quotes.
    articles[0] = articles[0].replace('<p class="body">What number 11 has to say about tides.</p>', "", 1)
    tried = await attempt("".join(articles))
    assert tried.draft.quoted is not None
    first = tried.report.posts[0]
    assert (first.text, first.author) == (None, "ada")
    assert first.quoted is not None
    assert first.quoted.author == "zoe"


async def test_the_post_of_a_page_without_a_link_to_itself_has_the_id_of_the_page(attempt: Try) -> None:
    focal = article(10).replace('href="/@ada/post/10"', 'href="#"').replace(' data-post-id="10"', "")
    others = "".join(article(number).replace(f' data-post-id="{number}"', "") for number in range(11, 16))
    tried = await attempt(focal + others, "https://pier.example/@ada/post/10")
    assert tried.report.outcome.value == "ok"
    assert [post.id for post in tried.report.posts] == ["10", "11", "12", "13", "14", "15"]


async def test_json_that_names_the_posts_goes_first(attempt: Try) -> None:
    rows = [{"id": number, "like_count": number * 1000 + 1} for number in range(11, 19)]
    data = f'<script type="application/json" id="state">{json.dumps({"posts": rows})}</script>'
    shown = [
        article(number).replace(f'"{number * 7} likes">{number * 7}', f'"Likes">{number}K')
        for number in range(11, 19)
    ]
    tried = await attempt("".join(shown) + data)
    first = tried.report.posts[0]
    assert first.likes == 11001
    assert first.sources["likes"] == "script script#state like_count"


async def test_a_page_of_one_post_says_of_itself_what_it_is(attempt: Try) -> None:
    said = {
        "@type": "SocialMediaPosting",
        "url": "https://pier.example/a/1",
        "headline": "High water",
        "author": {"@type": "Person", "name": "Eve"},
        "datePublished": "2026-02-01T10:00:00Z",
        "interactionStatistic": {"interactionType": "https://schema.org/LikeAction", "userInteractionCount": 12},
    }
    tried = await attempt(
        f'<script type="application/ld+json">{json.dumps(said)}</script><p>High water</p>', "https://pier.example/a/1"
    )
    [post] = tried.report.posts
    assert (post.id, post.title, post.author_name, post.likes) == ("pier.example/a/1", "High water", "Eve", 12)


async def test_posts_for_readers_without_javascript_are_looked_for_in_noscript(attempt: Try) -> None:
    tried = await attempt("<noscript>" + "".join(article(number) for number in range(11, 15)) + "</noscript>")
    assert tried.draft.is_in_noscript
    assert len(tried.report.posts) == 4


async def test_an_address_that_needs_more_than_the_number_is_the_id_as_a_whole(attempt: Try) -> None:
    rows = "".join(
        f'<article><h2><a href="/{place}/threads/{number}">On the way to {place} {number}</a></h2>'
        f'<a href="/user/flo">flo</a><time datetime="2026-02-01T10:00:00Z">1d</time></article>'
        for number, place in enumerate(("bay", "cape", "delta", "estuary"), start=41)
    )
    tried = await attempt(rows)
    assert tried.report.posts[0].id == "bay/threads/41"
    assert tried.report.posts[0].url == "https://pier.example/bay/threads/41"


async def test_no_more_of_a_page_is_looked_at_than_is_allowed(look: Look) -> None:
    body = "".join(article(number) for number in range(11, 60))
    assert not (await look(body)).is_cut
    facts = await look(body, max_nodes=100)
    assert facts.is_cut
    assert len(facts.nodes) <= 101
    assert (await look("<div>" * 300, max_depth=50)).is_cut
    few = await look(body, max_characters=500)
    assert few.is_cut
    assert sum(len(value) for node in few.nodes if len(node) == 3 for value in node[2].values()) <= 500


async def test_the_address_of_an_author_is_not_that_of_a_post(look: Look) -> None:
    rows = "".join(
        f'<li class="entry"><a href="/user/gil{number}">gil</a><time datetime="2026-02-01T10:00:00Z">1d</time></li>'
        for number in range(10, 20)
    )
    assert propose(await look(f"<ul>{rows}</ul>"), now=NOW) is None


async def test_what_all_addresses_have_in_common_is_not_part_of_the_id(attempt: Try) -> None:
    tried = await attempt("".join(article(number) for number in range(11, 19)).replace("/@ada/post/", "/tidings/"))
    assert (tried.draft.post_id, tried.draft.permalink) == (r"^/tidings/(\d+)", "/tidings/{id}")
    assert tried.report.posts[0].url == "https://pier.example/tidings/11"
