"""What happens in a pool, as OpenTelemetry spans. Needs `tidegate[otel]`.

A lease is a span from asking to its end, with the moment in which it was granted as an event; a request that got none
is a span that failed. Addresses are in none of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Self

from opentelemetry.trace import Span, Status, StatusCode, Tracer

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

Attributes = Mapping[str, str | int | bool]
SECOND_NS = 1_000_000_000
USUAL = frozenset({"released"})
"""How a lease ends that nothing has happened to."""


class PoolTraces:
    """The spans of `pool`, from now until `close`; `with PoolTraces(pool, tracer): ...` does that by itself."""

    def __init__(self, pool: UnifiedBrowserPool, tracer: Tracer, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._tracer = tracer
        self._now_ns = now_ns
        self._leases: dict[int, Span] = {}
        self._forget = pool.on_event(self.trace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Trace no more; what is open ends now."""
        self._forget()
        for span in self._leases.values():
            span.end()
        self._leases.clear()

    def trace(self, event: PoolEvent) -> None:
        """The hook. See `events.Hooks`."""
        match event:
            case LeaseGranted():
                span = self._begun("lease", event.waited_seconds, {"site": event.site, "job": event.job})
                span.add_event("granted", {"alone": event.was_alone}, self._now_ns())
                span.set_attributes({"waited_seconds": event.waited_seconds, "reserved_bytes": event.reserved_bytes})
                self._leases[event.number] = span
            case LeaseOver():
                if (ended := self._leases.pop(event.number, None)) is not None:
                    ended.set_attributes({"how": event.how, "pages": event.pages})
                    self._end(ended, "" if event.how in USUAL else event.how)
            case RequestRefused():
                asked = {"site": event.site, "job": event.job, "reason": event.reason}
                self._end(self._begun("lease", event.waited_seconds, asked), event.detail or event.reason)
            case BrowserLaunched():
                launched: Attributes = {
                    "endpoint": event.endpoint,
                    "version": event.version,
                    "driver": event.uses_driver,
                }
                self._end(self._begun("browser.launch", event.seconds, launched))
            case BrowserLost():
                self._end(self._begun("browser.lost", 0, {"endpoint": event.endpoint}), "the browser is gone")
            case BrowserRecycled():
                recycled: Attributes = {"endpoint": event.endpoint, "why": event.why, "held_bytes": event.held_bytes}
                self._end(self._begun("browser.recycle", 0, recycled))
            case EndpointDown():
                self._end(self._begun("endpoint.down", 0, {"endpoint": event.endpoint}), event.detail)
            case AddressQuarantined():
                self._end(self._begun("address.quarantine", 0, {"deaths": event.deaths}), "it has killed too often")

    def _begun(self, name: str, seconds_ago: float, attributes: Attributes) -> Span:
        return self._tracer.start_span(
            name, attributes=attributes, start_time=self._now_ns() - int(seconds_ago * SECOND_NS)
        )

    def _end(self, span: Span, failed: str = "") -> None:
        if failed:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(self._now_ns())
