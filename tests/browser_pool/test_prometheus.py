"""The metrics of a pool, as Prometheus scrapes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from browser_pool import LeaseEnded, LeaseRefused, PoolSettings, UnifiedBrowserPool
from browser_pool.events import (
    AddressQuarantined,
    BrowserLaunched,
    BrowserLost,
    BrowserRecycled,
    EndpointDown,
    LeaseGranted,
    LeaseOver,
    PoolEvent,
    RequestRefused,
)
from browser_pool.instrumentation.prometheus import PoolMetrics
from tidegate.demo import DemoSite

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

ADDRESS = "https://example.com/a/page"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Iterator[PoolMetrics]:
    """Of a pool that was never opened: what happens is told by the test."""
    with PoolMetrics(UnifiedBrowserPool(PoolSettings()), registry) as metrics:
        yield metrics


def scraped(registry: CollectorRegistry) -> dict[str, float]:
    """What a scrape brings, by name and labels, without the buckets and what is 0."""
    lines = generate_latest(registry).decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples if float(value) and "_created" not in name}


@pytest.mark.parametrize(
    ("event", "sample"),
    (
        (LeaseGranted(1, "x", "job", 0.3, 7), 'browser_pool_leases_granted_total{site="x"}'),
        (LeaseOver(1, "x", "job", "expired", 2.0, 3), 'browser_pool_leases_over_total{how="expired",site="x"}'),
        (
            RequestRefused("x", "job", "memory", "no room", 1.0),
            'browser_pool_requests_refused_total{reason="memory",site="x"}',
        ),
        (
            BrowserLaunched("local", "150.0", uses_driver=True, is_sandboxed=None, seconds=1.0),
            'browser_pool_browsers_launched_total{endpoint="local",uses_driver="true"}',
        ),
        (
            BrowserLost("http://far:9222", "150.0", 1.0),
            'browser_pool_browsers_lost_total{endpoint="http://far:9222"}',
        ),
        (
            BrowserRecycled("local", "fat", 1.0, 7),
            'browser_pool_browsers_recycled_total{endpoint="local",why="fat"}',
        ),
        (EndpointDown("ws://far", "it hung up", 0.5), 'browser_pool_endpoint_down_total{endpoint="ws://far"}'),
        (AddressQuarantined(ADDRESS, 3), "browser_pool_addresses_quarantined_total"),
    ),
)
def test_each_thing_that_happens_is_counted(
    registry: CollectorRegistry, metrics: PoolMetrics, event: PoolEvent, sample: str
) -> None:
    assert sample not in scraped(registry)
    metrics._pool._hooks.tell(event)
    metrics._pool._hooks.tell(event)
    assert scraped(registry)[sample] == 2


def test_how_long_leases_are_waited_for_and_held_is_told_as_distributions(
    registry: CollectorRegistry, metrics: PoolMetrics
) -> None:
    for waited, held in ((0.25, 1.5), (8.0, 250.0)):
        metrics.count(LeaseGranted(1, "x", "", waited, 7))
        metrics.count(LeaseOver(1, "x", "", "released", held, 1))
    found = scraped(registry)
    assert found['browser_pool_lease_waited_seconds_bucket{le="0.5"}'] == 1
    assert found['browser_pool_lease_waited_seconds_bucket{le="10.0"}'] == 2
    assert found["browser_pool_lease_waited_seconds_sum"] == 8.25
    assert found['browser_pool_lease_held_seconds_bucket{le="120.0"}'] == 1
    assert found["browser_pool_lease_held_seconds_sum"] == 251.5


def test_neither_an_address_nor_a_job_becomes_a_label(registry: CollectorRegistry, metrics: PoolMetrics) -> None:
    metrics.count(AddressQuarantined(ADDRESS, 3))
    metrics.count(LeaseGranted(1, "x", "job 17", 0.1, 7))
    metrics.count(LeaseOver(1, "x", "job 17", "released", 0.1, 1))
    metrics.count(RequestRefused("x", "job 17", "slot", f"somebody reads {ADDRESS}", 1.0))
    metrics.count(EndpointDown("local", f"it died at {ADDRESS}", 0.5))
    told = generate_latest(registry).decode()
    assert 'site="x"' in told
    assert "example.com" not in told
    assert "job 17" not in told


def test_one_registry_has_room_for_two_pools_with_prefixes_of_their_own(
    registry: CollectorRegistry, metrics: PoolMetrics
) -> None:
    other = UnifiedBrowserPool(PoolSettings())
    with pytest.raises(ValueError, match="browser_pool_leases_granted"):
        PoolMetrics(other, registry)
    with PoolMetrics(other, registry, prefix="other") as its:
        its.count(LeaseGranted(1, "y", "", 0.1, 7))
        metrics.count(LeaseGranted(1, "x", "", 0.1, 7))
        found = scraped(registry)
    assert found['other_leases_granted_total{site="y"}'] == found['browser_pool_leases_granted_total{site="x"}'] == 1


def test_what_was_closed_counts_no_more_and_leaves_nothing_in_the_registry(registry: CollectorRegistry) -> None:
    pool = UnifiedBrowserPool(PoolSettings())
    metrics = PoolMetrics(pool, registry)
    metrics.close()
    metrics.close()
    pool._hooks.tell(AddressQuarantined(ADDRESS, 3))
    assert generate_latest(registry) == b""
    kept = {sample.name: sample.value for family in metrics.collect() for sample in family.samples}
    assert kept["browser_pool_addresses_quarantined_total"] == 0
    with PoolMetrics(pool, registry):
        assert b"browser_pool_contexts" in generate_latest(registry)


@pytest.mark.browser
async def test_the_gauges_are_the_pool_at_the_moment_of_the_scrape(
    make_pool: MakePool, demo_site: DemoSite, registry: CollectorRegistry, eventually: Eventually
) -> None:
    leased, free = 'browser_pool_contexts{state="leased"}', 'browser_pool_contexts{state="free"}'
    async with make_pool(max_contexts=1) as pool:
        with PoolMetrics(pool, registry):
            assert scraped(registry) == {}
            async with pool.lease(site="x") as lease:
                await lease.open(f"{demo_site.url}/robots.txt", timeout_seconds=20)
                waiting = asyncio.create_task(pool.lease(site="y", deadline=1.0).__aenter__())
                await eventually(lambda: pool.statistics().waiting == 1)
                found = scraped(registry)
                assert (found[leased], found["browser_pool_requests_waiting"]) == (1, 1)
                assert free not in found
                with pytest.raises(LeaseRefused):
                    await waiting
            await eventually(lambda: pool.statistics().free == 1)
            found = scraped(registry)
            assert leased not in found
            assert "browser_pool_requests_waiting" not in found
            assert found[free] == found["browser_pool_pages_opened_total"] == 1
            assert found['browser_pool_leases_granted_total{site="x"}'] == 1
            assert found['browser_pool_leases_over_total{how="released",site="x"}'] == 1
            assert found['browser_pool_requests_refused_total{reason="slot",site="y"}'] == 1


@pytest.mark.browser
async def test_what_the_pool_counts_itself_and_what_the_events_tell_is_the_same(
    make_pool: MakePool, registry: CollectorRegistry, eventually: Eventually
) -> None:
    async def overstay(pool: UnifiedBrowserPool) -> None:
        async with pool.lease(site="x", deadline=0.3) as lease:
            await lease.evaluate("() => new Promise(() => {})")

    async with make_pool() as pool:
        with PoolMetrics(pool, registry):
            async with pool.lease(site="x"), pool.lease(site="x"):
                pass
            with pytest.raises(LeaseEnded):
                await overstay(pool)
            browser = pool.browser
            assert browser is not None
            browser.kill()
            await eventually(lambda: pool.statistics().browsers_lost == 1)
            async with pool.lease(site="x"):
                pass
            now, found = pool.statistics(), scraped(registry)
            assert found['browser_pool_leases_granted_total{site="x"}'] == now.granted == 4
            assert found['browser_pool_leases_over_total{how="released",site="x"}'] == 3
            assert found['browser_pool_browsers_lost_total{endpoint="local"}'] == now.browsers_lost
            assert found['browser_pool_browsers_launched_total{endpoint="local",uses_driver="false"}'] == 1
            assert found["browser_pool_contexts_made_total"] == now.contexts_made
