"""OpenTelemetry traces, where somebody has asked for them: OTEL_EXPORTER_OTLP_ENDPOINT, and `tidegate[otel]`.

All that OpenTelemetry itself lets be set by its variables (headers, service name, sampler) holds here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog

from browser_pool import UnifiedBrowserPool
from scraper.feed import FeedReport
from scraper.outcome import Outcome
from scraper.page import PageReport

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = structlog.get_logger()

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORT_SECONDS: Final = 3
"""So long one delivery may take; a collector that is gone holds nobody up at the end."""
SECOND_NS: Final = 1_000_000_000

OnReport = Callable[[str, PageReport | FeedReport], None]


class Traces:
    """The spans of this process; without a tracer there are none."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self.tracer = tracer

    @property
    def on_report(self) -> OnReport | None:
        """What `VisitSettings.on_report` is to be."""
        return self._page if self.tracer is not None else None

    @asynccontextmanager
    async def of(self, pool: UnifiedBrowserPool) -> AsyncIterator[None]:
        """Trace `pool` while inside."""
        if self.tracer is None:
            yield
            return
        from browser_pool.instrumentation.traces import PoolTraces  # noqa: PLC0415 it needs OpenTelemetry

        with PoolTraces(pool, self.tracer):
            yield

    def _page(self, site: str, report: PageReport | FeedReport) -> None:
        """A page or a feed as a span of its own. Its address, which may tell of somebody, is not in it."""
        if self.tracer is None:
            return
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 as above

        now = time.time_ns()
        is_page = isinstance(report, PageReport)
        posts = len(report.posts) if isinstance(report, PageReport) else report.count
        span = self.tracer.start_span(
            "page" if is_page else "feed",
            start_time=now - int(report.seconds * SECOND_NS),
            attributes={"site": site, "outcome": report.outcome.value, "posts": posts, "layout": report.layout or ""},
        )
        if report.outcome not in {Outcome.OK, Outcome.EMPTY}:
            span.set_status(Status(StatusCode.ERROR, report.reason))
        span.end(now)


@asynccontextmanager
async def open_traces() -> AsyncIterator[Traces]:
    """Traces that are sent where OpenTelemetry's variables say, until this is left; none where they say nothing."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        yield Traces()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 as above
    except ImportError:
        log.warning("traces.not_possible", why="OpenTelemetry is not installed: pip install 'tidegate[otel]'")
        yield Traces()
        return
    ours = {"service.name": "tidegate", "service.version": version("tidegate")}
    if name := os.environ.get("OTEL_SERVICE_NAME"):
        ours["service.name"] = name
    provider = TracerProvider(resource=Resource.create(ours), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))
    try:
        yield Traces(provider.get_tracer("tidegate"))
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * EXPORT_SECONDS):
                await asyncio.to_thread(provider.shutdown)
