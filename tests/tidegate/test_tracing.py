"""OpenTelemetry traces: what a run looks like at a collector, and that one which is gone holds nobody up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from browser_pool import LeaseRefused
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from tidegate.demo import DemoSite
from tidegate.program import open_program
from tidegate.settings import Settings, load_settings
from tidegate.tracing import open_traces

DEMO = Path(__file__).parents[2] / "tidegate" / "demo"


class Collector:
    """An OTLP endpoint on loopback; `spans` are those that have come."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resource: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip  # noqa: PLC0415 only where it is used

                    body = gzip.decompress(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    collector.resource = {one.key: one.value.string_value for one in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing: a test is quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def named(self, name: str) -> list[dict[str, Any]]:
        """The attributes of the spans of this name."""
        return [
            {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
            for span in self.spans
            if span.name == name
        ]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with closing(Collector()) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server.server_port}")
        yield collector


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, allow_private=True, evidence_mb=0)


@pytest.mark.browser
async def test_a_run_is_seen_as_leases_and_pages_with_their_outcomes(
    collector: Collector, settings: Settings, demo_site: DemoSite
) -> None:
    definitions = Definitions.builtin().load(DEMO)
    demo = definitions.by_name("demo")
    async with open_program(settings, definitions=definitions) as program:
        async with program.pool.lease(site="demo", job="reading", deadline=60) as lease:
            for path in ("/", "/@nobody/post/1"):
                await program.visitor.read(lease, demo_site.url + path, demo)
        with pytest.raises(LeaseRefused):
            async with program.pool.lease(site="late", deadline=0):
                pass
    assert collector.resource["service.name"] == "tidegate"
    [launch] = collector.named("browser.launch")
    assert launch["endpoint"] == "local"
    lease_spans = {one["site"]: one for one in collector.named("lease")}
    assert (lease_spans["demo"]["job"], lease_spans["demo"]["how"], lease_spans["demo"]["pages"]) == (
        "reading",
        "released",
        2,
    )
    assert lease_spans["late"]["reason"]
    pages = collector.named("page")
    assert [one["outcome"] for one in pages] == [Outcome.OK.value, Outcome.NOT_FOUND.value]
    assert pages[0]["posts"] == 20
    failed = {span.name for span in collector.spans if span.status.code == 2}
    assert failed == {"lease", "page"}
    assert demo_site.url not in str(collector.spans)


@pytest.mark.browser
async def test_a_lease_that_is_open_at_the_end_has_a_span_too(collector: Collector, settings: Settings) -> None:
    async with open_traces() as traces, open_program(settings) as program:
        lease = program.pool.lease(site="open", deadline=60)
        async with traces.of(program.pool):
            await lease.__aenter__()
        await lease.__aexit__(None, None, None)
    assert [one["site"] for one in collector.named("lease")] == ["open", "open"]


async def test_without_an_endpoint_there_are_no_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    async with open_traces() as traces:
        assert (traces.tracer, traces.on_report) == (None, None)


@pytest.mark.browser
async def test_a_collector_that_is_gone_is_not_waited_for_for_long(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, demo_site: DemoSite
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    definitions = Definitions.builtin().load(DEMO)
    async with open_program(settings, definitions=definitions) as program, program.pool.lease(site="demo") as lease:
        report = await program.visitor.read(lease, f"{demo_site.url}/", definitions.by_name("demo"))
    assert report.outcome is Outcome.OK
