"""What the browser shows is what is true."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page

from tidegate.demo import DemoSite, Post, World
from tidegate.demo.pages import abbreviated, plural

# The demo site itself: what reads it is tested elsewhere.
pytestmark = pytest.mark.slow

Show = Callable[[str], Awaitable[list[dict[str, Any]]]]


def truth(post: Post, world: World) -> dict[str, Any]:
    """Say what an article should show of `post`."""
    counts = {
        "reply": post.metrics.replies,
        "repost": post.metrics.reposts,
        "like": post.metrics.likes,
        "bookmark": post.metrics.bookmarks,
        "view": post.metrics.views,
    }
    return {
        "id": post.id,
        "promoted": post.is_promoted,
        "context": "Pinned" if post.is_pinned else None,
        "picture": post.picture,
        "label": ", ".join(plural(count, what) for what, count in counts.items()),
        "counts": [abbreviated(count) for count in counts.values()],
        "quoted": words(world.post(post.quoted_id)) if post.quoted_id else None,
        **words(post),
    }


def words(post: Post) -> dict[str, Any]:
    """Say what a quotation shows too."""
    created_at = post.created_at.isoformat().replace("+00:00", "Z")
    return {"path": post.path, "author": post.author.name, "created_at": created_at, "text": post.text}


KINDS: dict[str, Callable[[Post], bool]] = {
    "a plain post": lambda post: post.parent_id is None and post.quoted_id is None,
    "a reply": lambda post: post.parent_id is not None,
    "a quoting post": lambda post: post.quoted_id is not None,
    "a pinned post": lambda post: post.is_pinned,
    "a promoted post": lambda post: post.is_promoted,
    "a post with a picture": lambda post: post.picture is not None,
    "a post of a strange name": lambda post: "<" in post.author.name,
}


@pytest.mark.browser
@pytest.mark.parametrize("kind", tuple(KINDS))
async def test_a_post_page_shows_the_thread_as_it_is(kind: str, site: DemoSite, show: Show) -> None:
    post = next(post for post in site.world.posts if KINDS[kind](post))
    thread = site.world.thread(post.id)
    expected = [truth(one, site.world) for one in (*thread.parents, post, *thread.replies.posts)]
    assert await show(site.post_url(post)) == expected


@pytest.mark.browser
async def test_a_reply_is_not_the_first_article_of_its_own_page(site: DemoSite, show: Show) -> None:
    reply = next(post for post in site.world.posts if post.parent_id is not None)
    articles = await show(site.post_url(reply))
    assert articles[0]["id"] != reply.id
    assert reply.id in [article["id"] for article in articles]


@pytest.mark.browser
async def test_a_light_page_shows_the_same_without_a_script(site: DemoSite, page: Page, show: Show) -> None:
    post = next(post for post in site.world.posts if post.parent_id and site.world.thread(post.id).replies.posts)
    light = await show(f"{site.url}/light{post.path}")
    assert await page.locator("script").count() == 0
    as_html = await page.locator("article").first.evaluate("(article) => article.innerText")
    assert light == await show(site.post_url(post))
    assert as_html == await page.locator("article").first.evaluate("(article) => article.innerText")


@pytest.mark.browser
async def test_a_feed_shows_all_it_has_in_order_drops_what_is_far_and_ends(
    site: DemoSite, page: Page, show: Show
) -> None:
    expected: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        feed = site.world.feed(cursor)
        expected += [post.id for post in feed.posts]
        cursor = feed.cursor
    at_once = [article["id"] for article in await show(site.url)]
    assert at_once == expected[:20]

    seen = dict.fromkeys(at_once)
    most = len(at_once)
    for _ in range(200):
        await page.mouse.wheel(0, 500)
        await page.wait_for_function('() => document.querySelector("main").getAttribute("aria-busy") === "false"')
        shown = await page.locator("article").evaluate_all("(all) => all.map((one) => one.dataset.postId)")
        seen.update(dict.fromkeys(shown))
        most = max(most, len(shown))
        is_below = "() => scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
        if await page.locator("[data-end-of-feed]").count() and await page.evaluate(is_below):
            break
    else:
        pytest.fail("the feed did not end")
    assert list(seen) == expected
    assert len(expected) > 40
    assert most <= 30
    assert expected[0] not in shown


@pytest.mark.browser
async def test_scrolling_back_brings_back_what_was_dropped(site: DemoSite, page: Page, show: Show) -> None:
    first = (await show(site.url))[0]
    end = "() => { scrollTo(0, document.documentElement.scrollHeight);"
    end += ' return document.querySelector("[data-end-of-feed]") !== null; }'
    await page.wait_for_function(end, polling=50)
    dropped = page.locator(f'article[data-post-id="{first["id"]}"]')
    await dropped.wait_for(state="detached")
    await page.evaluate("() => scrollTo(0, 0)")
    await dropped.wait_for(state="visible")


@pytest.mark.browser
async def test_a_profile_shows_its_followers_and_its_own_posts(site: DemoSite, page: Page, show: Show) -> None:
    profile = site.world.profile("alice")
    articles = await show(f"{site.url}/@alice")
    assert articles == [truth(post, site.world) for post in profile.feed.posts]
    followers = page.locator("[data-followers]")
    assert await followers.get_attribute("title") == str(profile.author.followers)
    assert await followers.text_content() == f"{abbreviated(profile.author.followers)} Followers"


@pytest.mark.browser
async def test_somebody_who_never_wrote_has_an_empty_profile(site: DemoSite, page: Page, show: Show) -> None:
    assert await show(f"{site.url}/@quiet") == []
    assert await page.locator("main").get_attribute("data-state") == "empty"
    assert await page.locator("[data-end-of-feed]").count() == 1


@pytest.mark.browser
async def test_a_search_shows_what_it_found(site: DemoSite, show: Show) -> None:
    expected = site.world.search("#tides").posts
    assert expected
    assert await show(f"{site.url}/search?q=%23tides") == [truth(post, site.world) for post in expected]


@pytest.mark.browser
@pytest.mark.parametrize("path", ("/@nobody", "/@alice/post/123", "/light/@alice/post/123", "/no/such/page"))
async def test_what_does_not_exist_is_not_found(path: str, site: DemoSite, page: Page) -> None:
    response = await page.goto(f"{site.url}{path}")
    assert response is not None
    assert response.status == 404
    await page.locator('main[data-state="not-found"] h1').wait_for()


@pytest.mark.processes
async def test_a_later_tick_is_shown_and_known() -> None:
    async with DemoSite(seed=3, posts=12, tick=1) as site:
        post = site.world.posts[0]
        before = site.world.post(post.id).metrics.views
        after = (await site.set_tick(9)).post(post.id).metrics.views
        assert (await site.stats())["tick"] == 9
    assert after == World(3, posts=12, tick=9).post(post.id).metrics.views
    assert after > before


@pytest.mark.browser
async def test_the_script_is_fetched_once_and_weighs_as_much_as_a_real_one(site: DemoSite, page: Page) -> None:
    weights: list[int] = []

    async def weigh(url: str) -> None:
        async with page.expect_response("**/client/app.js*") as coming:
            await page.goto(url)
        weights.append(len(await (await coming.value).body()))

    before = (await site.stats())["requests"]
    await weigh(site.url)
    await weigh(f"{site.url}/@alice")
    after = (await site.stats())["requests"]
    assert min(weights) > 1_600_000
    assert after["pages"] - before["pages"] == 2
    # Style and script, once each.
    assert after["bundle"] - before["bundle"] == 2


@pytest.mark.browser
async def test_the_script_can_be_asked_for_again_by_its_tag(site: DemoSite, page: Page) -> None:
    url = f"{site.url}/client/app.js"
    first = await page.request.get(url)
    again = await page.request.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status, again.status) == (200, 304)
    assert first.headers["content-encoding"] == "gzip"
    plain = await page.request.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert await plain.body() == await first.body()


@pytest.mark.browser
async def test_what_a_visitor_blocks_is_not_asked_for(site: DemoSite, page: Page, show: Show) -> None:
    picture = next(post for post in site.world.posts if post.picture)
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setBlockedURLs", {"urls": ["*/tracker/*", "*/images/*"]})
    before = (await site.stats())["requests"]
    assert await show(site.post_url(picture))
    blocked = (await site.stats())["requests"]
    assert (blocked["tracker"], blocked["images"]) == (before["tracker"], before["images"])
    assert (blocked["pages"], blocked["api"]) == (before["pages"] + 1, before["api"] + 1)

    await session.send("Network.setBlockedURLs", {"urls": []})
    async with page.expect_request("**/tracker/beacon"), page.expect_request("**/images/post/*.png"):
        await show(site.post_url(picture))


@pytest.mark.browser
async def test_robots_may_go_everywhere_but_the_private_part(site: DemoSite, page: Page) -> None:
    robots = await (await page.request.get(f"{site.url}/robots.txt")).text()
    assert robots.splitlines() == ["User-agent: *", "Disallow: /private/", "Allow: /"]
    assert (await page.request.get(f"{site.url}/private/letters")).status == 200
