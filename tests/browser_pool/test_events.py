"""Those who want to know what happens in a pool are told, and can do it no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import get_args

import pytest
from structlog.testing import capture_logs

from browser_pool import Endpoint, LaunchFailed, LeaseRefused, PoolSettings, UnifiedBrowserPool
from browser_pool.events import (
    AddressQuarantined,
    BrowserLaunched,
    BrowserLost,
    BrowserRecycled,
    EndpointDown,
    Hooks,
    LeaseGranted,
    LeaseOver,
    PoolEvent,
    RequestRefused,
)
from browser_pool.instrumentation.logs import NAMES, log_event
from memory import MemoryGuard, MemoryMonitor
from tidegate.demo import DemoSite

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

LOST = BrowserLost("local", "150.0", 1.0)
DOWN = EndpointDown("http://far:9222", "it hung up", 0.5)

EVENTS: tuple[tuple[PoolEvent, str, str], ...] = (
    (LeaseGranted(1, "x", "job", 0.25, 7), "lease.granted", "debug"),
    (LeaseGranted(1, "x", "job", 0.25, 7, was_alone=True), "lease.granted_alone", "info"),
    (LeaseOver(1, "x", "job", "released", 1.0, 2), "lease.over", "debug"),
    (LeaseOver(1, "x", "job", "spoiled", 1.0, 2), "lease.over", "debug"),
    (LeaseOver(1, "x", "job", "expired", 1.0, 2), "lease.expired", "warning"),
    (LeaseOver(1, "x", "job", "recalled", 1.0, 2), "lease.recalled", "warning"),
    (RequestRefused("x", "job", "memory", "no room", 1.0), "lease.refused", "warning"),
    (
        BrowserLaunched("local", "150.0", uses_driver=True, is_sandboxed=True, seconds=1.0),
        "browser.launched",
        "info",
    ),
    (LOST, "browser.gone", "warning"),
    (BrowserRecycled("local", "fat", 1.0, 7), "browser.recycled", "info"),
    (DOWN, "endpoint.down", "warning"),
    (AddressQuarantined("https://example.com/a", 3), "address.quarantined", "warning"),
)


def kinds(events: list[PoolEvent]) -> list[type[PoolEvent]]:
    return [type(event) for event in events]


def test_every_hook_is_told_of_everything_in_order() -> None:
    first: list[PoolEvent] = []
    second: list[PoolEvent] = []
    hooks = Hooks((first.append,))
    hooks.add(second.append)
    hooks.tell(LOST)
    hooks.tell(DOWN)
    assert first == second == [LOST, DOWN]


def test_a_hook_that_was_taken_off_is_told_nothing_more_and_the_others_are() -> None:
    gone: list[PoolEvent] = []
    kept: list[PoolEvent] = []
    hooks = Hooks()
    take_off = hooks.add(gone.append)
    hooks.add(kept.append)
    hooks.tell(LOST)
    take_off()
    hooks.tell(DOWN)
    assert (gone, kept) == ([LOST], [LOST, DOWN])


def test_a_hook_may_take_itself_off_in_the_middle_of_being_told() -> None:
    told: list[PoolEvent] = []
    hooks = Hooks()

    def once(event: PoolEvent) -> None:
        told.append(event)
        take_off()

    take_off = hooks.add(once)
    hooks.add(told.append)
    hooks.tell(LOST)
    hooks.tell(DOWN)
    assert told == [LOST, LOST, DOWN]


def test_a_hook_that_raises_is_reported_by_name_and_keeps_nobody_from_being_told() -> None:
    def is_broken(event: PoolEvent) -> None:
        raise RuntimeError(f"no room for {event}")

    told: list[PoolEvent] = []
    hooks = Hooks((is_broken, told.append))
    with capture_logs() as logs:
        hooks.tell(LOST)
    assert told == [LOST]
    (line,) = logs
    assert (line["event"], line["log_level"], line["exc_info"]) == ("hook.failed", "error", True)
    assert line["hook"].endswith("is_broken")


@pytest.mark.parametrize(("event", "name", "level"), EVENTS)
def test_each_event_is_logged_under_its_name_with_how_much_it_matters(
    event: PoolEvent, name: str, level: str
) -> None:
    with capture_logs() as logs:
        log_event(event)
    (line,) = logs
    assert (line["event"], line["log_level"]) == (name, level)


def test_a_logged_event_has_the_facts_and_its_seconds_are_short() -> None:
    with capture_logs() as logs:
        log_event(LeaseOver(7, "x", "job", "released", 1.23456, 2))
    (line,) = logs
    assert line == {
        "number": 7, "site": "x", "job": "job", "how": "released", "held_seconds": 1.235, "pages": 2,
        "event": "lease.over", "log_level": "debug",
    }  # fmt: skip


def test_there_is_a_name_for_every_event_and_no_two_share_one() -> None:
    every = set(get_args(PoolEvent))
    assert set(NAMES) == every == {type(event) for event, _, _ in EVENTS}
    assert len({name for name, _ in NAMES.values()}) == len(every)


@pytest.mark.browser
async def test_a_pool_tells_of_its_browser_and_then_of_each_lease(
    chromium: Path, scratch: Path, monitor: MemoryMonitor, demo_site: DemoSite
) -> None:
    told: list[PoolEvent] = []
    settings = PoolSettings(chromium=chromium, scratch=scratch, needs_page=False)
    pool = UnifiedBrowserPool(settings, guard=MemoryGuard(monitor), hooks=(told.append,))
    async with pool, pool.lease(site="x", job="read") as lease:
        await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
        number, promised = lease.number, lease.reservation.promised_bytes
    launched, granted, over = told
    assert isinstance(launched, BrowserLaunched)
    assert (launched.endpoint, launched.uses_driver) == ("local", False)
    assert isinstance(granted, LeaseGranted)
    assert (granted.number, granted.site, granted.job) == (number, "x", "read")
    assert granted.reserved_bytes == promised
    assert isinstance(over, LeaseOver)
    assert (over.number, over.how, over.pages) == (number, "released", 1)


@pytest.mark.browser
async def test_a_hook_that_raises_does_the_pool_no_harm(make_pool: MakePool, demo_site: DemoSite) -> None:
    def is_broken(event: PoolEvent) -> None:
        raise RuntimeError(f"no room for {event}")

    told: list[PoolEvent] = []
    async with make_pool() as pool:
        pool.on_event(is_broken)
        take_off = pool.on_event(told.append)
        with capture_logs() as logs:
            async with pool.lease(site="x") as lease:
                assert (await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)).status == 200
        take_off()
        async with pool.lease(site="x"):
            pass
    assert kinds(told) == [LeaseGranted, LeaseOver]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["hook.failed", "hook.failed"]


@pytest.mark.browser
async def test_what_goes_wrong_is_told_as_well(make_pool: MakePool, eventually: Eventually) -> None:
    async def overstay(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="x", deadline=1.0) as lease:
            waiting = asyncio.create_task(pool.lease(site="y", deadline=0.1).__aenter__())
            with pytest.raises(LeaseRefused):
                await waiting
            await lease.evaluate("() => new Promise(() => {})")

    told: list[PoolEvent] = []
    async with make_pool(max_contexts=1) as pool:
        pool.on_event(told.append)
        with pytest.raises(Exception, match="deadline"):
            await overstay(pool)
        browser = pool.browser
        assert browser is not None
        browser.kill()
        await eventually(lambda: BrowserLost in kinds(told))
    granted, refused, over, lost = told
    assert isinstance(granted, LeaseGranted)
    assert isinstance(refused, RequestRefused)
    assert (refused.site, refused.reason) == ("y", "slot")
    assert isinstance(over, LeaseOver)
    assert over.how == "expired"
    assert isinstance(lost, BrowserLost)


async def test_a_place_that_is_down_is_told_without_its_password(
    scratch: Path, monitor: MemoryMonitor, unused_tcp_port: int
) -> None:
    told: list[PoolEvent] = []
    endpoint = Endpoint.parse(f"http://user:secret@127.0.0.1:{unused_tcp_port}")
    pool = UnifiedBrowserPool(
        PoolSettings(endpoints=(endpoint,), needs_page=False, scratch=scratch),
        guard=MemoryGuard(monitor),
        hooks=(told.append,),
    )
    with pytest.raises(LaunchFailed):
        await pool.__aenter__()
    (down,) = told
    assert isinstance(down, EndpointDown)
    assert down.endpoint == f"http://127.0.0.1:{unused_tcp_port}"
    assert down.pause_seconds > 0
    assert "secret" not in repr(down)
