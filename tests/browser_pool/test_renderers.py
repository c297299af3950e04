"""What a page holds is put down to that page, and not to another that happens to be as large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import psutil
import pytest

from browser_pool import LeaseRequest, UnifiedBrowserPool
from browser_pool.context import ContextState, WarmContext
from browser_pool.renderers import AGAIN_AFTER_PAGES, AGAIN_AFTER_SECONDS, fitting, must_ask
from tests.needs import rest_slow
from tidegate.demo import DemoSite

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]
MIB = 1 << 20
TAKE = "(mb) => { window.taken = new Uint8Array(mb << 20).fill(1); return window.taken.length; }"


@pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize(
    ("said", "before", "after", "found"),
    (
        (0.20, {7: 0.20}, {7: 0.20}, 7),
        (0.204, {7: 0.19}, {7: 0.21}, 7),
        (0.20, {7: 0.10, 8: 0.20}, {7: 0.10, 8: 0.25}, 8),
        (0.20, {7: 0.20, 8: 0.20}, {7: 0.20, 8: 0.20}, None),
        (0.20, {7: 0.10, 8: 0.30}, {7: 0.19, 8: 0.31}, None),
        (0.20, {7: 0.20}, {}, 7),
        (0.20, {}, {7: 0.20}, None),
    ),
)
def test_the_process_is_the_one_that_had_worked_as_long_as_the_page_says(
    said: float, before: dict[int, float], after: dict[int, float], found: int | None
) -> None:
    assert fitting(said, before, after) == found


def test_it_is_asked_after_a_page_and_a_moment_later_until_it_is_known_and_seldom_after_that() -> None:
    context = WarmContext(1, "a", LeaseRequest("a").identity)
    assert not must_ask(context, 100.0)
    context.pages = 1
    assert must_ask(context, 100.0)
    context.asked_at_page, context.asked_at_seconds = 1, 100.0
    assert not must_ask(context, 100.1)
    assert must_ask(context, 100.0 + AGAIN_AFTER_SECONDS)
    context.pages = 2
    assert must_ask(context, 100.1)
    context.renderer_pid = 7
    assert not must_ask(context, 200.0)
    context.pages = 1 + AGAIN_AFTER_PAGES
    assert must_ask(context, 200.0)
    context.state = ContextState.CLOSING
    assert not must_ask(context, 200.0)


@pytest.mark.browser
async def test_each_page_is_charged_with_what_its_own_process_holds(
    make_pool: MakePool, demo_site: DemoSite, eventually: Eventually
) -> None:
    async with make_pool() as pool, pool.lease(site="first") as first, pool.lease(site="second") as second:
        for lease, megabytes in ((first, 10), (second, 200)):
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=10)
            assert await lease.evaluate(TAKE, megabytes) == megabytes * MIB
        await eventually(lambda: None not in {first.context.renderer_pid, second.context.renderer_pid})
        # They are weighed one after the other.
        await eventually(lambda: (second.context.held_bytes or 0) > 200 * MIB and bool(first.context.held_bytes))
        assert 10 * MIB < (first.context.held_bytes or 0) < 100 * MIB
        for lease in (first, second):
            assert lease.context.renderer_pid is not None
            assert "--type=renderer" in psutil.Process(lease.context.renderer_pid).cmdline()
