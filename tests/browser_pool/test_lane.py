"""The lane over a real page: what one address leaves behind must not befall the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import NavigationFailed, UnifiedBrowserPool
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

SHOWN = """() => new Promise((done) => {
  const articles = () => document.querySelectorAll('article').length;
  const look = () => articles() ? requestAnimationFrame(() => done(articles())) : setTimeout(look, 20);
  look();
})"""
"""How many articles there are, once there are some and their images have had the time to be asked for."""

TITLED = """() => new Promise((done) => {
  const look = () => document.title ? done([location.pathname, document.title]) : setTimeout(look, 5);
  look();
})"""

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("trouble", ("redirect_loop", "redirect_file", "download"))
async def test_a_page_that_failed_does_not_take_the_next_one_along(
    driver_pool: UnifiedBrowserPool, demo_site: DemoSite, trouble: str
) -> None:
    good = f"{demo_site.url}/light{demo_site.world.posts[0].path}"
    async with driver_pool.lease(site="demo") as lease:
        for _ in range(3):
            with pytest.raises(NavigationFailed):
                await lease.open(f"{demo_site.url}/?trouble={trouble}", timeout_seconds=10)
            opened = await lease.open(good, timeout_seconds=10)
            assert (opened.url, opened.status) == (good, 200)


async def test_a_saved_document_is_read_at_its_address_and_nothing_else_is_asked_for(
    driver_pool: UnifiedBrowserPool, demo_site: DemoSite
) -> None:
    before = (await demo_site.stats())["requests"]
    html = b"<!doctype html><title>kept</title><img src='/images/post/1.png'><script src='/client/app.js'></script>"
    async with driver_pool.lease(site="demo") as lease:
        await lease.open(f"{demo_site.url}/@alice", timeout_seconds=10, saved_html=html)
        assert await lease.evaluate(TITLED) == ["/@alice", "kept"]
    assert (await demo_site.stats())["requests"] == before


async def test_what_is_blocked_is_never_asked_for(driver_pool: UnifiedBrowserPool, demo_site: DemoSite) -> None:
    before = (await demo_site.stats())["requests"]
    async with driver_pool.lease(site="demo") as lease:
        await lease.block(["*/images/*", "*/tracker/*"])
        await lease.open(f"{demo_site.url}/", timeout_seconds=10)
        assert await lease.evaluate(SHOWN) > 0
    after = (await demo_site.stats())["requests"]
    assert (after["images"], after["tracker"]) == (before["images"], before["tracker"])
    assert after["api"] > before["api"]
