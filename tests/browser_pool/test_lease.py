"""A lease of a real Chromium: what it gives, when it ends, and what the next one finds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import Identity, LeaseEnded, LeaseRequest, NavigationFailed, UnifiedBrowserPool
from tidegate.demo import DemoSite

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]


def all_free(pool: UnifiedBrowserPool, count: int) -> Callable[[], bool]:
    return lambda: pool.statistics().free == count and pool.statistics().closing == 0


async def test_a_lease_gives_a_page_that_can_be_opened_and_asked(
    pool: UnifiedBrowserPool, demo_site: DemoSite
) -> None:
    async with pool.lease(site="demo") as lease:
        opened = await lease.open(f"{demo_site.url}/", timeout_seconds=20)
        assert opened.status == 200
        assert await lease.evaluate("() => document.title")
        assert await lease.page.title()
        assert pool.statistics().leased == 1
    assert pool.statistics().leased == 0


async def test_the_browser_says_what_it_is(pool: UnifiedBrowserPool) -> None:
    async with pool.lease() as lease:
        agent = await lease.evaluate("() => navigator.userAgent")
    assert agent.endswith(" Tidegate")


async def test_the_same_site_and_identity_get_the_same_context_again(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    numbers = []
    for _ in range(3):
        async with pool.lease(site="a") as lease:
            numbers.append(lease.context.number)
        await eventually(all_free(pool, 1))
    assert len(set(numbers)) == 1


@pytest.mark.parametrize("other", ({"site": "b"}, {"site": "a", "identity": Identity(locale="de-DE")}))
async def test_another_site_or_identity_never_gets_it(
    pool: UnifiedBrowserPool, eventually: Eventually, other: dict[str, object]
) -> None:
    async with pool.lease(site="a") as lease:
        first = lease.context.number
    await eventually(all_free(pool, 1))
    async with pool.lease(**other) as lease:  # type: ignore[arg-type]
        assert lease.context.number != first


async def test_an_identity_is_worn(pool: UnifiedBrowserPool) -> None:
    identity = Identity(name="berlin", locale="de-DE", timezone="Europe/Berlin", user_agent="Reader/1")
    async with pool.lease(identity=identity) as lease:
        worn = await lease.evaluate(
            "() => [navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent]"
        )
    assert worn == ["de-DE", "Europe/Berlin", "Reader/1"]


async def test_what_one_context_stores_another_does_not_see(pool: UnifiedBrowserPool, demo_site: DemoSite) -> None:
    async with pool.lease(site="a") as one, pool.lease(site="b") as other:
        for lease in (one, other):
            await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
        await one.evaluate("() => { document.cookie = 'who=one'; }")
        assert await one.evaluate("() => document.cookie") == "who=one"
        assert await other.evaluate("() => document.cookie") == ""


async def test_fresh_means_that_nobody_used_it_before_and_nobody_will_after(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    async with pool.lease(site="a") as lease:
        warm = lease.context.number
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a", isolation="fresh") as lease:
        fresh = lease.context.number
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        again = lease.context.number
    assert fresh != warm
    assert again == warm


async def test_the_next_user_finds_a_blank_page(
    pool: UnifiedBrowserPool, demo_site: DemoSite, eventually: Eventually
) -> None:
    async with pool.lease(site="a") as lease:
        await lease.open(f"{demo_site.url}/", timeout_seconds=20)
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        assert await lease.evaluate("() => [location.href, document.body.innerText]") == ["about:blank", ""]


async def test_what_was_hung_on_a_page_that_was_handed_out_does_not_reach_the_next_user(
    pool: UnifiedBrowserPool, demo_site: DemoSite, eventually: Eventually
) -> None:
    heard: list[str] = []
    async with pool.lease(site="a") as lease:
        first = lease.context.number
        lease.page.on("request", lambda request: heard.append(request.url))
        await lease.page.expose_function("spy", lambda: None)
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        assert lease.context.number == first
        await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
        assert await lease.evaluate("() => typeof spy") == "undefined"
    assert heard == []


async def test_what_one_user_blocked_the_next_one_can_open(
    pool: UnifiedBrowserPool, demo_site: DemoSite, eventually: Eventually
) -> None:
    fetch = "() => fetch('/robots.txt', {cache: 'no-store'}).then((got) => got.status, () => 'blocked')"
    async with pool.lease(site="a") as lease:
        await lease.block(["*robots.txt*"])
        await lease.open(f"{demo_site.url}/client/app.css", timeout_seconds=20)
        assert await lease.evaluate(fetch) == "blocked"
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a") as lease:
        await lease.open(f"{demo_site.url}/client/app.css", timeout_seconds=20)
        assert await lease.evaluate(fetch) == 200


async def test_after_its_end_each_verb_says_that_it_is_over(pool: UnifiedBrowserPool) -> None:
    async with pool.lease() as lease:
        pass
    with pytest.raises(LeaseEnded, match="use a page only inside its lease"):
        await lease.open("about:blank", timeout_seconds=1)
    with pytest.raises(LeaseEnded):
        await lease.evaluate("() => 1")
    with pytest.raises(LeaseEnded):
        await lease.block(["*"])
    with pytest.raises(LeaseEnded):
        await lease.reclaim()
    with pytest.raises(LeaseEnded):
        _ = lease.page


async def test_giving_it_back_twice_is_harmless(pool: UnifiedBrowserPool, eventually: Eventually) -> None:
    lease = await pool.acquire(LeaseRequest("a"))
    pool.release(lease)
    pool.release(lease)
    await eventually(all_free(pool, 1))
    async with pool.lease(site="a"):
        pool.release(lease)
        assert pool.statistics().leased == 1


async def test_the_deadline_cancels_the_body_and_destroys_the_context(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    happened: list[object] = []
    expired_before = pool.statistics().expired

    async def body() -> None:
        async with pool.lease(site="a", deadline=0.5) as lease:
            happened.append(lease.context.number)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                happened.append("cancelled")
                raise

    with pytest.raises(LeaseEnded, match="deadline"):
        await body()
    await eventually(all_free(pool, 0))
    assert pool.statistics().expired == expired_before + 1
    async with pool.lease(site="a") as lease:
        assert happened == [happened[0], "cancelled"]
        assert lease.context.number != happened[0]


async def test_the_deadline_ends_a_body_that_waits_for_its_page(pool: UnifiedBrowserPool) -> None:
    with pytest.raises(LeaseEnded):
        async with pool.lease(deadline=0.5) as lease:
            await lease.evaluate("() => new Promise(() => {})")


async def test_what_is_acquired_and_never_released_is_taken_back_at_its_deadline(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    lease = await pool.acquire(LeaseRequest("a", deadline_seconds=0.5))
    await eventually(lambda: pool.statistics().leased == 0)
    with pytest.raises(LeaseEnded):
        await lease.evaluate("() => 1")


async def test_a_timeout_of_the_bodys_own_is_its_own(pool: UnifiedBrowserPool) -> None:
    with pytest.raises(TimeoutError):
        async with pool.lease():
            raise TimeoutError("mine")


async def test_a_body_that_is_cancelled_gives_its_slot_back_and_its_context_is_not_used_again(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    holds = asyncio.Event()

    async def body() -> None:
        async with pool.lease(site="a"):
            holds.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await holds.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(all_free(pool, 0))
    assert pool.statistics().leased == 0


async def test_an_error_of_the_site_or_of_the_caller_leaves_the_context_warm(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    used: list[int] = []

    async def body(*, fails: bool) -> None:
        async with pool.lease(site="a") as lease:
            used.append(lease.context.number)
            await lease.open("http://127.0.0.1:1/" if fails else "about:blank", timeout_seconds=5)
            _ = 1 // 0

    for fails, error in ((True, NavigationFailed), (True, NavigationFailed), (False, ZeroDivisionError)):
        with pytest.raises(error):
            await body(fails=fails)
        await eventually(all_free(pool, 1))
    assert len(set(used)) == 1


async def test_a_worn_context_is_replaced_while_the_pool_serves(make_pool: MakePool, eventually: Eventually) -> None:
    numbers = []
    async with make_pool(pages_per_context=2) as pool:
        for _ in range(4):
            async with pool.lease(site="a") as lease:
                numbers.append(lease.context.number)
                await lease.open("about:blank", timeout_seconds=5)
            await eventually(lambda: pool.statistics().cleaning == pool.statistics().closing == 0)
        assert numbers[0] == numbers[1] != numbers[2] == numbers[3]
        assert pool.statistics().pages_opened == 4


async def test_an_isolation_that_does_not_exist_is_an_error_and_not_a_guess(pool: UnifiedBrowserPool) -> None:
    with pytest.raises(ValueError, match="Fresh"):
        async with pool.lease(isolation="Fresh"):
            pass


async def test_opening_that_is_cancelled_leaves_no_context_behind_in_chromium(
    pool: UnifiedBrowserPool, eventually: Eventually
) -> None:
    for pause in (0, 1, 2, 4, 8, 16, 32):
        task = asyncio.create_task(pool.acquire(LeaseRequest("a", is_fresh=True)))
        for _ in range(pause):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await eventually(lambda: not pool._table.contexts)
    async with pool.lease(site="last", isolation="fresh") as lease:
        browser = lease.page.context.browser
        assert browser is not None
        session = await browser.new_browser_cdp_session()
        contexts = (await session.send("Target.getBrowserContexts"))["browserContextIds"]
        await session.detach()
    assert len(contexts) == 1
