"""An address that kills is left alone after a while; those that were only near it are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import BrowserGone, NavigationFailed, PageCrashed, UnifiedBrowserPool, UrlQuarantined
from browser_pool.events import AddressQuarantined, PoolEvent
from browser_pool.quarantine import Quarantine
from tests.needs import rest_slow
from tidegate.demo import DemoSite

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

URL = "https://example.com/kills"
OTHER = "https://example.com/other"

IS_READY = """() => new Promise((done) => {
  const isReady = () => document.querySelector('main')?.getAttribute('aria-busy') === 'false';
  const look = () => isReady() ? done(true) : setTimeout(look, 20);
  look();
})"""


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def quarantine(clock: Clock, told: list[tuple[str, int]]) -> Quarantine:
    """After 3 deaths, for 100 seconds."""
    return Quarantine(3, 100.0, on_quarantined=lambda url, deaths: told.append((url, deaths)), clock=clock)


def strike(quarantine: Quarantine, url: str, times: int) -> None:
    for _ in range(times):
        quarantine.strike(url)


def is_open(quarantine: Quarantine, url: str) -> bool:
    try:
        quarantine.check(url)
    except UrlQuarantined:
        return False
    return True


def test_the_last_strike_shuts_an_address_and_no_other(quarantine: Quarantine) -> None:
    strike(quarantine, URL, 2)
    assert is_open(quarantine, URL)
    strike(quarantine, URL, 1)
    assert not is_open(quarantine, URL)
    assert is_open(quarantine, OTHER)
    assert quarantine.quarantined() == (URL,)


def test_the_error_says_how_often_it_killed_and_for_how_long_it_is_shut(quarantine: Quarantine, clock: Clock) -> None:
    strike(quarantine, URL, 3)
    clock.seconds += 40
    with pytest.raises(UrlQuarantined, match="died under it 3 times; it is left alone for 60 s more") as caught:
        quarantine.check(URL)
    assert (caught.value.url, caught.value.deaths, caught.value.seconds_left) == (URL, 3, 60)


def test_it_is_told_once_when_an_address_is_shut(quarantine: Quarantine, told: list[tuple[str, int]]) -> None:
    strike(quarantine, URL, 2)
    assert told == []
    strike(quarantine, URL, 3)
    assert told == [(URL, 3)]


def test_the_part_after_the_hash_makes_no_other_address(quarantine: Quarantine) -> None:
    for part in ("", "#one", "#two"):
        quarantine.strike(URL + part)
    assert not is_open(quarantine, f"{URL}#three")
    assert is_open(quarantine, f"{URL}?page=2")


def test_an_address_that_did_well_starts_anew(quarantine: Quarantine) -> None:
    strike(quarantine, URL, 2)
    quarantine.clear(f"{URL}#part")
    strike(quarantine, URL, 2)
    assert is_open(quarantine, URL)
    quarantine.clear(OTHER)


def test_strikes_are_forgotten_some_time_after_the_last_one(quarantine: Quarantine, clock: Clock) -> None:
    strike(quarantine, URL, 1)
    clock.seconds += 99
    strike(quarantine, URL, 2)
    clock.seconds += 99
    assert not is_open(quarantine, URL)
    clock.seconds += 1
    assert is_open(quarantine, URL)
    assert quarantine.quarantined() == ()
    strike(quarantine, URL, 2)
    assert is_open(quarantine, URL)


def test_strikes_that_are_far_apart_do_not_add_up(quarantine: Quarantine, clock: Clock) -> None:
    for _ in range(5):
        strike(quarantine, URL, 1)
        clock.seconds += 101
    assert is_open(quarantine, URL)


class TestInAPool:
    """With a real renderer that dies."""

    @pytest.fixture(params=rest_slow((False, True)), ids=("bare", "playwright"))
    def needs_page(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    @pytest.mark.browser
    async def test_an_address_that_kills_its_renderer_is_not_opened_again_and_others_are(
        self, make_pool: MakePool, demo_site: DemoSite
    ) -> None:
        kills, harmless = f"{demo_site.url}/?trouble=crash", f"{demo_site.url}/robots.txt"
        told: list[PoolEvent] = []

        async def visit(pool: UnifiedBrowserPool) -> None:
            async with pool.lease(site="a", deadline=60) as lease:
                assert (await lease.open(harmless, timeout_seconds=20)).status == 200
                await lease.open(kills, timeout_seconds=20)
                await lease.evaluate(IS_READY)

        async with make_pool(deaths_per_url=2) as pool:
            pool.on_event(told.append)
            for _ in range(2):
                assert pool.quarantined() == ()
                with pytest.raises(PageCrashed):
                    await visit(pool)
            assert pool.quarantined() == (kills,)
            with pytest.raises(UrlQuarantined) as caught:
                await visit(pool)
            assert (caught.value.url, caught.value.deaths) == (kills, 2)
            assert pool.statistics().browsers_lost == 0
        assert [event for event in told if isinstance(event, AddressQuarantined)] == [AddressQuarantined(kills, 2)]

    @pytest.mark.browser
    async def test_to_be_refused_an_address_leaves_the_lease_as_it_was(
        self, make_pool: MakePool, demo_site: DemoSite, eventually: Eventually
    ) -> None:
        async with make_pool(deaths_per_url=1) as pool:
            pool._table.quarantine.strike(f"{demo_site.url}/robots.txt")
            async with pool.lease(site="a") as lease:
                await lease.open(f"{demo_site.url}/", timeout_seconds=20)
                with pytest.raises(NavigationFailed):
                    await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
                assert await lease.evaluate("() => location.pathname") == "/"
            await eventually(lambda: pool.statistics().free == 1)

    @pytest.mark.browser
    async def test_what_is_read_when_the_pool_closes_has_killed_nothing(
        self, make_pool: MakePool, demo_site: DemoSite
    ) -> None:
        async def hang(pool: UnifiedBrowserPool, opened: asyncio.Event) -> None:
            async with pool.lease(site="a") as lease:
                await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
                opened.set()
                await lease.evaluate("() => new Promise(() => {})")

        async with make_pool(deaths_per_url=1) as pool:
            opened = asyncio.Event()
            hanging = asyncio.create_task(hang(pool, opened))
            await opened.wait()
        await asyncio.gather(hanging, return_exceptions=True)
        assert pool.quarantined() == ()

    @pytest.mark.browser
    async def test_an_innocent_address_that_was_open_when_the_browser_died_is_out_at_its_next_visit(
        self, make_pool: MakePool, demo_site: DemoSite, eventually: Eventually
    ) -> None:
        url = f"{demo_site.url}/robots.txt"

        async def visit(pool: UnifiedBrowserPool, *, browser_dies: bool) -> None:
            async with pool.lease(site="a") as lease:
                await lease.open(url, timeout_seconds=20)
                if browser_dies:
                    assert pool.browser is not None
                    pool.browser.kill()
                    await lease.evaluate("() => new Promise(() => {})")

        async with make_pool(deaths_per_url=2) as pool:
            for _ in range(2):
                with pytest.raises(BrowserGone):
                    await visit(pool, browser_dies=True)
                await eventually(lambda: pool.browser is None)
                await visit(pool, browser_dies=False)
            with pytest.raises(BrowserGone):
                await visit(pool, browser_dies=True)
            assert pool.quarantined() == ()
            await eventually(lambda: pool.browser is None)
            with pytest.raises(BrowserGone):
                await visit(pool, browser_dies=True)
            assert pool.quarantined() == (url,)
