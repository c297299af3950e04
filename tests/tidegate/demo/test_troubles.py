"""Each trouble does what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Dialog, Error, Page

from tidegate.demo import DemoSite, DemoSiteError, Kind, Trouble
from tidegate.demo.troubles import STATES

# The demo site itself: what reads it is tested elsewhere.
pytestmark = pytest.mark.slow

Show = Callable[[str], Awaitable[list[dict[str, Any]]]]


def test_a_trouble_is_written_as_a_kind_with_or_without_an_amount() -> None:
    assert Trouble.parse("slow") == Trouble(Kind.SLOW, 2.0)
    assert Trouble.parse("memory:0") == Trouble(Kind.MEMORY, 0.0)
    assert Trouble.parse("crash") == Trouble(Kind.CRASH)


@pytest.mark.parametrize("text", ("", "tired", "slow:-1", "slow:soon", "memory:inf", "memory:nan", "crash:3"))
def test_what_is_no_trouble_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Trouble.parse(text)


@pytest.mark.browser
async def test_a_page_asked_for_an_unknown_trouble_says_which_there_are(site: DemoSite, page: Page) -> None:
    response = await page.request.get(f"{site.url}/?trouble=tired")
    assert response.status == 400
    assert "login_wall" in await response.text()


@pytest.mark.browser
@pytest.mark.parametrize("kind", tuple(STATES))
@pytest.mark.parametrize("prefix", ("", "/light"))
async def test_a_state_is_shown_with_its_words_and_status(
    kind: Kind, prefix: str, site: DemoSite, page: Page
) -> None:
    response = await page.goto(f"{site.url}{prefix}{site.world.posts[0].path}?trouble={kind}")
    state = STATES[kind]
    assert response is not None
    assert response.status == state.status
    await page.locator(f'main[data-state="{state.name}"]').get_by_text(state.words).wait_for()
    assert await page.locator("article").count() == 0


@pytest.mark.browser
async def test_a_limited_visitor_hears_when_to_come_back(site: DemoSite, page: Page) -> None:
    for path in ("/", "/api/feed"):
        response = await page.request.get(f"{site.url}{path}?trouble=rate_limited:90")
        assert (response.status, response.headers["retry-after"]) == (429, "90")


@pytest.mark.browser
async def test_a_post_can_be_given_a_trouble_at_the_start(page: Page, show: Show) -> None:
    async with DemoSite(seed=7, posts=12) as untroubled:
        walled, other = (post for post in untroubled.world.posts[:2])
    async with DemoSite(seed=7, posts=12, troubles={walled.id: "login_wall"}) as site:
        await show(site.post_url(walled))
        assert await page.locator("main").get_attribute("data-state") == "login-wall"
        assert (await page.request.get(f"{site.url}/api/post/{walled.id}")).status == 401
        assert other.id in [article["id"] for article in await show(site.post_url(other))]


def test_a_site_can_not_be_given_an_unknown_trouble() -> None:
    with pytest.raises(ValueError, match="no such trouble: 'tired'"):
        DemoSite(troubles={"1": "tired"})


@pytest.mark.browser
async def test_the_whole_site_can_be_in_trouble_for_a_while(page: Page, show: Show) -> None:
    async with DemoSite(seed=7, posts=12) as site:
        post = site.world.posts[0]
        await site.set_trouble("rate_limited:7")
        for address in (site.url, site.post_url(post)):
            response = await page.request.get(address)
            assert (response.status, response.headers["retry-after"]) == (429, "7")
        with pytest.raises(DemoSiteError, match="no such trouble: 'tired'"):
            await site.set_trouble("tired")
        await site.set_trouble(None)
        assert post.id in [article["id"] for article in await show(site.post_url(post))]


@pytest.mark.browser
@pytest.mark.parametrize("prefix", ("", "/light"))
async def test_a_lying_site_shows_another_post_or_none_of_the_id_that_was_asked_for(
    prefix: str, site: DemoSite, show: Show
) -> None:
    asked = site.world.posts[3]
    [other] = await show(f"{site.url}{prefix}{asked.path}?trouble=wrong_post")
    assert other["id"] in {post.id for post in site.world.posts} - {asked.id}
    mislabelled = await show(f"{site.url}{prefix}{asked.path}?trouble=wrong_id")
    assert mislabelled
    assert asked.id not in [article["id"] for article in mislabelled]


@pytest.mark.browser
async def test_a_slow_page_comes_after_what_was_asked_for_later(site: DemoSite, page: Page) -> None:
    order: list[str] = []

    async def get(name: str, query: str) -> None:
        assert (await page.request.get(f"{site.url}/{query}")).status == 200
        order.append(name)

    asked_before = await _pages_asked(site)
    slow = asyncio.create_task(get("slow", "?trouble=slow:0.7"))
    while await _pages_asked(site) == asked_before:
        pass
    await get("quick", "")
    await slow
    assert order == ["quick", "slow"]


@pytest.mark.browser
async def test_a_hanging_page_is_never_answered_but_ends_with_the_server(chromium: Browser) -> None:
    context = await chromium.new_context()
    async with DemoSite(seed=7, posts=5) as site:
        hanging = asyncio.create_task(context.request.get(f"{site.url}/?trouble=hang", timeout=0))
        while await _pages_asked(site) == 0:
            pass
        assert (await context.request.get(site.url)).status == 200
        assert not hanging.done()
    with pytest.raises(Error, match=r"hang up|ECONNRESET"):
        await hanging
    await context.close()


@pytest.mark.browser
async def test_changed_selectors_leave_the_words_and_none_of_the_marks(
    site: DemoSite, page: Page, show: Show
) -> None:
    post = next(post for post in site.world.posts if post.quoted_id)
    assert await show(f"{site.post_url(post)}?trouble=changed_selectors") == []
    assert post.text in await page.locator("main").inner_text()
    marks = "[data-post-id], [data-text], [data-quoted], [rel], time, [role=group], [aria-label*=replies]"
    marks += ", [data-end-of-feed]"
    assert await page.locator("main").locator(marks).count() == 0


@pytest.mark.browser
async def test_a_greedy_page_takes_what_it_was_told_to_and_can_then_be_read(
    site: DemoSite, page: Page, show: Show
) -> None:
    post = site.world.posts[0]
    articles = await show(f"{site.post_url(post)}?trouble=memory:96")
    assert post.id in [article["id"] for article in articles]
    assert await _heap_bytes(page) > 96 * 2**20


@pytest.mark.browser
async def test_an_endlessly_greedy_page_goes_on_and_is_never_ready(site: DemoSite, page: Page) -> None:
    await page.goto(f"{site.url}/?trouble=memory:0")
    await page.wait_for_function("() => Number(document.documentElement.dataset.eatenMb) >= 160")
    assert await page.locator('main[aria-busy="true"]').count() == 1
    assert await page.locator("article").count() == 0


@pytest.mark.browser
async def test_a_leaky_page_leaves_more_behind_with_each_visit(site: DemoSite, page: Page, show: Show) -> None:
    left = []
    for _ in range(3):
        assert await show(f"{site.url}/?trouble=leaky:2")
        left.append(await page.evaluate("() => Number(document.documentElement.dataset.leakedMb)"))
    assert left == [2, 4, 6]


@pytest.mark.browser
async def test_a_crashing_page_takes_its_renderer_and_nothing_else(
    site: DemoSite, page: Page, chromium: Browser
) -> None:
    async with page.expect_event("crash"):
        await page.goto(f"{site.url}/?trouble=crash", wait_until="commit")
    context = await chromium.new_context()
    other = await context.new_page()
    await other.goto(site.url)
    await other.locator("article").first.wait_for()
    await context.close()


@pytest.mark.browser
async def test_alerts_never_end(site: DemoSite, page: Page) -> None:
    dialogs: asyncio.Queue[Dialog] = asyncio.Queue()
    page.on("dialog", dialogs.put_nowait)
    await page.goto(f"{site.url}/?trouble=alerts", wait_until="commit")
    for _ in range(5):
        dialog = await dialogs.get()
        assert dialog.type == "alert"
        await dialog.dismiss()


@pytest.mark.browser
async def test_a_looping_page_answers_nothing_while_others_are_read(
    site: DemoSite, page: Page, chromium: Browser
) -> None:
    async with page.expect_response("**/api/feed*") as answered:
        await page.goto(f"{site.url}/?trouble=js_loop", wait_until="commit")
    await answered.value
    title = asyncio.create_task(page.evaluate("() => document.title"))
    context = await chromium.new_context()
    other = await context.new_page()
    await other.goto(site.url)
    await other.locator("article").first.wait_for()
    assert not title.done()
    await page.context.close()
    with pytest.raises(Error, match="closed"):
        await title
    await context.close()


@pytest.mark.browser
async def test_a_download_is_no_page(site: DemoSite, page: Page) -> None:
    with pytest.raises(Error, match="Download is starting"):
        await page.goto(f"{site.url}/?trouble=download")


@pytest.mark.browser
async def test_a_redirect_loop_is_given_up_by_the_browser(site: DemoSite, page: Page) -> None:
    with pytest.raises(Error, match="ERR_TOO_MANY_REDIRECTS"):
        await page.goto(f"{site.url}/?trouble=redirect_loop")


@pytest.mark.browser
async def test_a_redirect_can_lead_to_a_file(site: DemoSite, page: Page) -> None:
    with pytest.raises(Error, match="ERR_UNSAFE_REDIRECT"):
        await page.goto(f"{site.url}/?trouble=redirect_file")


@pytest.mark.browser
async def test_a_redirect_can_lead_to_a_private_address(site: DemoSite, page: Page) -> None:
    response = await page.request.get(f"{site.url}/?trouble=redirect_private", max_redirects=0)
    assert (response.status, response.headers["location"]) == (302, "http://10.255.255.1/")


@pytest.mark.browser
async def test_a_storm_of_popups_opens_as_many_as_it_was_told_to(site: DemoSite, page: Page, show: Show) -> None:
    assert await show(f"{site.url}/?trouble=popups:3")
    assert len(page.context.pages) == 4


@pytest.mark.browser
async def test_a_clinging_page_asks_before_it_is_left(site: DemoSite, page: Page, show: Show) -> None:
    await show(f"{site.url}/?trouble=beforeunload")
    await page.locator("h1").click()
    async with page.expect_event("dialog") as asked:
        leaving = asyncio.create_task(page.goto(f"{site.url}/@alice"))
    dialog = await asked.value
    assert dialog.type == "beforeunload"
    await dialog.accept()
    await leaving


@pytest.mark.browser
async def test_a_broken_api_is_shown_as_an_error(site: DemoSite, page: Page, show: Show) -> None:
    assert (await page.request.get(f"{site.url}/api/feed?trouble=api_500")).status == 500
    assert await show(f"{site.url}/?trouble=api_500") == []
    assert await page.locator("main").get_attribute("data-state") == "error"


@pytest.mark.browser
async def test_a_hanging_api_leaves_the_page_busy(site: DemoSite, page: Page, chromium: Browser) -> None:
    async with page.expect_request("**/api/feed*"):
        await page.goto(f"{site.url}/?trouble=api_hang")
    context = await chromium.new_context()
    other = await context.new_page()
    await other.goto(site.url)
    await other.locator("article").first.wait_for()
    assert await page.locator('main[aria-busy="true"]').count() == 1
    await context.close()


@pytest.mark.browser
async def test_a_profile_can_be_empty_that_is_not(site: DemoSite, page: Page, show: Show) -> None:
    assert await show(f"{site.url}/@alice") != []
    assert await show(f"{site.url}/@alice?trouble=empty") == []
    assert await page.locator("main").get_attribute("data-state") == "empty"
    assert await page.locator("[data-followers]").count() == 1


async def _pages_asked(site: DemoSite) -> int:
    requests: dict[str, int] = (await site.stats())["requests"]
    return requests["pages"]


async def _heap_bytes(page: Page) -> int:
    session = await page.context.new_cdp_session(page)
    usage = await session.send("Runtime.getHeapUsage")
    return int(usage["usedSize"])
