"""What happens in a pool, and what it is like, as Prometheus metrics. Needs `tidegate[prometheus]`.

What happens is counted from events. What the pool is like is asked of it when somebody scrapes, and counted nowhere
beside it, so the two can't drift apart. Labels are sites, places and reasons, of which there are few; an address or a
job never is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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
from browser_pool.pool import UnifiedBrowserPool

SECONDS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""From a warm context that is just handed over to a lease of five minutes."""

STATES = ("leased", "free", "cleaning", "closing")


class PoolMetrics(Collector):
    """The metrics of `pool` in `registry`, from now until `close`; `with PoolMetrics(pool): ...` does that by itself.

    One registry has room for one pool: a second one needs a `prefix` of its own. Raises `ValueError` if it is taken.
    """

    def __init__(
        self, pool: UnifiedBrowserPool, registry: CollectorRegistry = REGISTRY, *, prefix: str = "browser_pool"
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._prefix = prefix
        self._counted: list[Counter | Histogram] = []
        self._granted = self._counter("leases_granted", "Leases handed out", "site")
        self._over = self._counter("leases_over", "Leases that have ended, by how", "site", "how")
        self._refused = self._counter("requests_refused", "Requests that got no lease in time", "site", "reason")
        self._launched = self._counter("browsers_launched", "Browsers that came to serve", "endpoint", "uses_driver")
        self._lost = self._counter("browsers_lost", "Browsers that died or hung", "endpoint")
        self._recycled = self._counter("browsers_recycled", "Browsers replaced or given up", "endpoint", "why")
        self._down = self._counter("endpoint_down", "Times that no browser could be had there", "endpoint")
        self._quarantined = self._counter("addresses_quarantined", "Addresses left alone because they kill")
        self._waited = self._histogram("lease_waited_seconds", "From asking to being granted")
        self._held = self._histogram("lease_held_seconds", "From being granted to the end")
        registry.register(self)
        self._forget = pool.on_event(self.count)
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Count no more, and leave the registry as it was. Twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._forget()
            self._registry.unregister(self)

    def count(self, event: PoolEvent) -> None:
        """The hook. See `events.Hooks`."""
        match event:
            case LeaseGranted():
                self._granted.labels(event.site).inc()
                self._waited.observe(event.waited_seconds)
            case LeaseOver():
                self._over.labels(event.site, event.how).inc()
                self._held.observe(event.held_seconds)
            case RequestRefused():
                self._refused.labels(event.site, event.reason).inc()
            case BrowserLaunched():
                self._launched.labels(event.endpoint, str(event.uses_driver).lower()).inc()
            case BrowserLost():
                self._lost.labels(event.endpoint).inc()
            case BrowserRecycled():
                self._recycled.labels(event.endpoint, event.why).inc()
            case EndpointDown():
                self._down.labels(event.endpoint).inc()
            case AddressQuarantined():
                self._quarantined.inc()

    def describe(self) -> Iterator[Metric]:
        """The names, for the registry to see whether they are taken. The pool is not asked for it."""
        for counted in self._counted:
            yield from counted.describe()
        yield from self._asked_of_the_pool()

    def collect(self) -> Iterator[Metric]:
        """What was counted, and the pool at the moment of the scrape."""
        for counted in self._counted:
            yield from counted.collect()
        now = self._pool.statistics()
        contexts, waiting, made, closed, alone, pages = self._asked_of_the_pool()
        for state in STATES:
            contexts.add_metric((state,), getattr(now, state))
        waiting.add_metric((), now.waiting)
        made.add_metric((), now.contexts_made)
        closed.add_metric((), now.contexts_closed)
        alone.add_metric((), now.granted_alone)
        pages.add_metric((), now.pages_opened)
        yield from (contexts, waiting, made, closed, alone, pages)

    def _asked_of_the_pool(self) -> tuple[GaugeMetricFamily | CounterMetricFamily, ...]:
        name = self._prefix
        return (
            GaugeMetricFamily(f"{name}_contexts", "Contexts by what they are doing", labels=("state",)),
            GaugeMetricFamily(f"{name}_requests_waiting", "Requests that wait for a lease", labels=()),
            CounterMetricFamily(f"{name}_contexts_made", "Contexts made", labels=()),
            CounterMetricFamily(f"{name}_contexts_closed", "Contexts closed", labels=()),
            CounterMetricFamily(f"{name}_leases_granted_alone", "Let in because nobody was at work", labels=()),
            CounterMetricFamily(f"{name}_pages_opened", "Pages opened", labels=()),
        )

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        counter = Counter(f"{self._prefix}_{name}", what, labels, registry=None)
        self._counted.append(counter)
        return counter

    def _histogram(self, name: str, what: str) -> Histogram:
        histogram = Histogram(f"{self._prefix}_{name}", what, buckets=SECONDS, registry=None)
        self._counted.append(histogram)
        return histogram
