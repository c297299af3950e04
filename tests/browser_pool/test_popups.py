"""Windows that a page opens: closed behind its back, unless a person looks at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from browser_pool import UnifiedBrowserPool
from tests.browser_pool.web import Page, Web, serving
from tests.headed import display, screen, windowed_chromium  # noqa: F401 fixtures

pytestmark = [pytest.mark.browser, pytest.mark.processes]

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

PAGES: dict[str, Page] = {
    "/": "<!doctype html><title>home</title><script>open('/provider')</script>",
    "/provider": "<!doctype html><title>a provider</title><script>document.cookie = 'by=other'</script>",
}


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.mark.parametrize("keeps", (True, False))
async def test_a_window_that_a_page_opens_stays_only_where_it_is_to(
    make_pool: MakePool,
    web: Web,
    display: str,  # noqa: F811 the fixtures
    windowed_chromium: Path,  # noqa: F811
    eventually: Eventually,
    *,
    keeps: bool,
) -> None:
    settings = {"chromium": windowed_chromium, "headed": True, "needs_page": True, "keeps_popups": keeps}
    async with make_pool(max_contexts=1, **settings) as pool, pool.lease(isolation="fresh") as lease:
        seen, context = [], lease.page.context
        context.on("page", lambda page: seen.append(page))  # noqa: PLW0108 Playwright marks what it is given
        await lease.page.goto(f"{web.url}/")
        await eventually(lambda: bool(seen))
        if not keeps:
            await eventually(lambda: len(context.pages) == 1)
            return
        await seen[0].wait_for_load_state()
        assert [page.url for page in context.pages] == [f"{web.url}/", f"{web.url}/provider"]
        assert [cookie["name"] for cookie in await context.cookies()] == ["by"]
