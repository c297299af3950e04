"""A page that did not come: the outcome says whether it was the name, the connection, TLS or the answer."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from browser_pool import Lease, NavigationFailed, PoolSettings, UnifiedBrowserPool
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.outcome import Outcome
from scraper.unreachable import of_failure
from scraper.visit import Visitor, VisitSettings
from tests.needs import rest_slow

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]
NOBODY = "nobody.example"

ANSWERS = {
    "/204": "HTTP/1.1 204 No Content\n\n",
    "/205": "HTTP/1.1 205 Reset Content\nContent-Length: 0\n\n",
    "/moved": "HTTP/1.1 302 Found\nLocation: /204\n\n",
    "/download": "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Disposition: attachment\n\n<p>a page",
    "/archive": "HTTP/1.1 200 OK\nContent-Type: application/zip\n\nPK",
    "/nothing": "",
}
WORDS = {
    "/204": "HTTP 204, and no page",
    "/205": "HTTP 205, and no page",
    "/moved": "HTTP 204, and no page",
    "/download": "it is a download",
    "/archive": "it is a download",
    "/nothing": "ERR_EMPTY_RESPONSE",
}


@pytest.fixture(scope="module", params=(False, True), ids=("bare", "playwright"))
async def each_pool(
    chromium: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[UnifiedBrowserPool]:
    """Its Chromium knows no name but this machine's, and asks no name server."""
    alone = tmp_path_factory.mktemp("chromium") / "chromium"
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    alone.write_text(f'#!/bin/sh\nexec {shlex.quote(str(chromium))} {shlex.quote(rules)} "$@"\n')
    alone.chmod(0o755)
    settings = PoolSettings(chromium=alone, max_contexts=1, needs_page=bool(request.param))
    async with UnifiedBrowserPool(settings) as pool:
        yield pool


@pytest.fixture
async def page(each_pool: UnifiedBrowserPool) -> AsyncIterator[Lease]:
    async with each_pool.lease(deadline=60) as lease:
        yield lease


@pytest.fixture(autouse=True)
def _knows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *more: object, **named: object) -> object:
        if host == NOBODY:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def unused() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@pytest.fixture
async def no_tls() -> AsyncIterator[int]:
    """The port of a server that does not speak TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def visitor(*, heed_robots: bool) -> Visitor:
    return Visitor(AddressPolicy(allow_private=True), VisitSettings(page_seconds=10, heed_robots=heed_robots))


@pytest.mark.browser
@pytest.mark.parametrize("heed_robots", (True, False), ids=("robots.txt first", "the page itself"))
async def test_a_host_that_is_not_there_is_told_by_what_is_missing(
    page: Lease, demo: Definition, no_tls: int, unused: int, *, heed_robots: bool
) -> None:
    polite = visitor(heed_robots=heed_robots)
    found = {}
    for name, url in (
        ("name", f"http://{NOBODY}/"),
        ("port", f"http://127.0.0.1:{unused}/"),
        ("TLS", f"https://127.0.0.1:{no_tls}/"),
    ):
        report = await polite.read(page, url, demo)
        feed = await polite.harvest(page, url, demo, limit=5)
        assert (feed.outcome, feed.reason) == (report.outcome, report.reason)
        found[name] = report.outcome
    assert found == {
        "name": Outcome.DNS_FAILED,
        "port": Outcome.CONNECTION_REFUSED,
        "TLS": Outcome.TLS_FAILED,
    }


@pytest.mark.browser
@pytest.mark.parametrize("path", rest_slow(ANSWERS))
async def test_an_answer_that_is_no_page_is_told_in_words(
    page: Lease, demo: Definition, serve: Serve, path: str
) -> None:
    site = await serve(ANSWERS)
    report = await visitor(heed_robots=False).read(page, site + path, demo)
    assert report.outcome is Outcome.HTTP_ERROR
    assert WORDS[path] in report.reason
    assert not report.is_interrupted


@pytest.mark.parametrize(
    ("code", "outcome"),
    (
        ("ERR_NAME_NOT_RESOLVED", Outcome.DNS_FAILED),
        ("ERR_DNS_TIMED_OUT", Outcome.DNS_FAILED),
        ("ERR_CONNECTION_REFUSED", Outcome.CONNECTION_REFUSED),
        ("ERR_CONNECTION_RESET", Outcome.CONNECTION_REFUSED),
        ("ERR_ADDRESS_UNREACHABLE", Outcome.CONNECTION_REFUSED),
        ("ERR_CONNECTION_TIMED_OUT", Outcome.TIMEOUT),
        ("ERR_TIMED_OUT", Outcome.TIMEOUT),
        ("ERR_CERT_AUTHORITY_INVALID", Outcome.TLS_FAILED),
        ("ERR_CERT_DATE_INVALID", Outcome.TLS_FAILED),
        ("ERR_SSL_VERSION_OR_CIPHER_MISMATCH", Outcome.TLS_FAILED),
        ("ERR_HTTP2_PROTOCOL_ERROR", Outcome.HTTP_ERROR),
        ("ERR_EMPTY_RESPONSE", Outcome.HTTP_ERROR),
        ("ERR_TOO_MANY_REDIRECTS", Outcome.INTERSTITIAL),
        ("ERR_UNSAFE_PORT", Outcome.REFUSED_URL),
        ("ERR_SOMETHING_OF_TOMORROW", Outcome.TIMEOUT),
    ),
)
def test_each_code_of_chromium_has_its_outcome_and_stands_in_the_reason(code: str, outcome: Outcome) -> None:
    verdict = of_failure(NavigationFailed("https://a.example/", code))
    assert verdict.outcome is outcome
    assert code in verdict.reason
