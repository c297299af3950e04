"""robots.txt, from a real server: what it forbids is not opened, and a server that fails forbids everything."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from scraper.outcome import Outcome
from scraper.robots import KEPT_AFTER_FAILURE_SECONDS, MOST_BYTES, Robots

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]

OK = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\n"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


async def test_what_is_disallowed_is_not_opened_and_the_rest_is(serve: Serve) -> None:
    site = await serve(f"{OK}User-agent: *\nDisallow: /private/\nAllow: /private/but-this\n")
    robots = Robots()
    assert (await robots.ask(f"{site}/post/1")).is_allowed
    assert (await robots.ask(f"{site}/private/but-this")).is_allowed
    denied = await robots.ask(f"{site}/private/post/1")
    assert not denied.is_allowed
    assert denied.reason == f"{site}/robots.txt disallows it"


async def test_rules_for_us_by_name_go_before_those_for_all(serve: Serve) -> None:
    site = await serve(f"{OK}User-agent: *\nDisallow:\n\nUser-agent: Tidegate\nDisallow: /\nCrawl-delay: 7\n")
    answer = await Robots().ask(f"{site}/")
    assert (answer.is_allowed, answer.delay_seconds) == (False, 7.0)


async def test_the_delay_that_a_site_asks_for_is_told(serve: Serve) -> None:
    site = await serve(f"{OK}User-agent: *\nCrawl-delay: 2.5\n")
    answer = await Robots().ask(f"{site}/")
    assert (answer.is_allowed, answer.delay_seconds) == (True, 2.5)


async def test_it_says_who_asks_and_asks_once(serve: Serve, asked: list[str]) -> None:
    site = await serve(f"{OK}User-agent: *\nDisallow:\n")
    robots = Robots()
    await asyncio.gather(*(robots.ask(f"{site}/{n}") for n in range(20)))
    assert asked == ["GET /robots.txt HTTP/1.1"]


@pytest.mark.parametrize("status", ("401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "429 Too Many"))
async def test_a_site_without_such_a_file_allows_everything(serve: Serve, status: str) -> None:
    site = await serve(f"HTTP/1.1 {status}\n\nDisallow: /")
    assert (await Robots().ask(f"{site}/any")).is_allowed


@pytest.mark.parametrize(
    ("response", "why"),
    (
        ("HTTP/1.1 500 Internal Server Error\n\n", "answered 500"),
        ("HTTP/1.1 503 Service Unavailable\n\n", "answered 503"),
        ("what is this\n\n", "no answer from"),
        ("", "no answer from"),
        ("HTTP/1.1 302 Found\nLocation: /robots.txt\n\n", "robots.txt"),
        ("HTTP/1.1 302 Found\nLocation: file:///etc/passwd\n\n", "robots.txt"),
    ),
)
async def test_a_site_whose_file_can_not_be_had_allows_nothing_for_now(serve: Serve, response: str, why: str) -> None:
    site = await serve(response)
    answer = await Robots().ask(f"{site}/any")
    assert not answer.is_allowed
    assert why in answer.reason


async def test_a_host_that_can_not_be_reached_allows_nothing_for_now() -> None:
    answer = await Robots().ask("http://127.0.0.1:1/any")
    assert not answer.is_allowed
    assert answer.outcome is Outcome.CONNECTION_REFUSED
    assert "no answer from http://127.0.0.1:1" in answer.reason


async def test_a_redirect_is_followed_where_that_is_fine_and_not_elsewhere(serve: Serve, asked: list[str]) -> None:
    real = await serve(f"{OK}User-agent: *\nDisallow: /\n")
    site = await serve(f"HTTP/1.1 301 Moved\nLocation: {real}/robots.txt\n\n")
    followed = await Robots(may_follow=lambda url: url == f"{real}/robots.txt").ask(f"{site}/any")
    assert followed.reason == f"{site}/robots.txt disallows it"
    assert len(asked) == 2
    refused = await Robots(may_follow=lambda _: False).ask(f"{site}/any")
    assert f"it redirects to {real}/robots.txt" in refused.reason
    assert len(asked) == 3


async def test_of_a_huge_file_the_beginning_counts(serve: Serve) -> None:
    head = f"{OK}User-agent: *\nDisallow: /private/\n".replace("\n", "\r\n").encode()
    site = await serve(head + b"# filler\n" * (MOST_BYTES // 4) + b"Disallow: /\n")
    robots = Robots()
    assert (await robots.ask(f"{site}/post/1")).is_allowed
    assert not (await robots.ask(f"{site}/private/1")).is_allowed


async def test_bytes_that_are_no_text_do_not_stop_it(serve: Serve) -> None:
    site = await serve(OK.replace("\n", "\r\n").encode() + b"\xff\xfe\x00 \nUser-agent: *\nDisallow: /private/\n")
    assert not (await Robots().ask(f"{site}/private/1")).is_allowed


async def test_a_user_and_password_in_an_address_are_neither_sent_nor_said(serve: Serve, asked: list[str]) -> None:
    site = await serve(f"{OK}User-agent: *\nDisallow: /private/\n")
    denied = await Robots().ask(f"{site.replace('http://', 'http://reef:secret@')}/private/1")
    assert not denied.is_allowed
    assert denied.reason == f"{site}/robots.txt disallows it"


RULES = "User-agent: *\r\nDisallow: /\r\n"


def answer(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


GZIP, DEFLATE = "Content-Encoding: gzip", "Content-Encoding: deflate"
PACKED = gzip.compress(RULES.encode())


@pytest.mark.parametrize(
    "response",
    (
        answer(b"\xef\xbb\xbf" + RULES.encode()),
        answer(b"# ours\n\xef\xbb\xbf" + RULES.encode()),
        answer(RULES.encode("utf-16")),
        answer(b"\xfe\xff" + RULES.encode("utf-16-be")),
        answer(PACKED, GZIP),
        answer(PACKED),
        answer(PACKED, "Content-Encoding: X-GZIP"),
        answer(gzip.compress(PACKED), "Content-Encoding: gzip, gzip"),
        answer(gzip.compress(b"\xef\xbb\xbf" + RULES.encode()), GZIP),
        answer(zlib.compress(RULES.encode()), DEFLATE),
        answer(RULES.encode(), "Content-Encoding: identity"),
        answer(gzip.compress(RULES.encode() + b"# filler\n" * MOST_BYTES), GZIP),
    ),
)
async def test_what_disallows_everything_does_so_in_each_coding(serve: Serve, response: bytes) -> None:
    site = await serve(response)
    denied = await Robots().ask(f"{site}/any")
    assert (denied.is_allowed, denied.reason) == (False, f"{site}/robots.txt disallows it")


@pytest.mark.parametrize(
    ("response", "why"),
    (
        (answer(b"\x1b\x07\x00\xf8", "Content-Encoding: br"), "is packed as 'br', which was not asked for"),
        (answer(RULES.encode(), GZIP), "is said to be packed, and can't be unpacked"),
        (answer(RULES.encode("utf-16-le")), "is no text"),
        (answer(bytes(range(128, 256)) * 4), "is no text"),
        (answer(PACKED[:-20], GZIP), "is said to be packed, and can't be unpacked"),
        (answer(b"User-agent: *\nAllow: /a\n").replace(b"Length: 24", b"Length: 36"), "no answer from"),
    ),
)
async def test_what_can_not_be_understood_allows_nothing_and_is_asked_for_again_later(
    serve: Serve, asked: list[str], monkeypatch: pytest.MonkeyPatch, response: bytes, why: str
) -> None:
    site = await serve(response)
    robots = Robots()
    denied = await robots.ask(f"{site}/any")
    assert not denied.is_allowed
    assert why in denied.reason
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_AFTER_FAILURE_SECONDS + 1)
    await robots.ask(f"{site}/any")
    assert len(asked) == 2


@pytest.fixture
async def trickle() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """`await trickle(start)` gives the address of a server that never comes to an end after `start`."""
    servers: list[asyncio.Server] = []
    answers: list[asyncio.Task[None] | None] = []
    is_over = asyncio.Event()

    async def start(first: bytes) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answers.append(asyncio.current_task())
            with suppress(ConnectionError):
                writer.write(first)
                while not is_over.is_set():
                    writer.write(b"x")
                    await writer.drain()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(is_over.wait(), 0.02)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    is_over.set()
    await asyncio.gather(*(task for task in answers if task is not None))
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "first",
    (b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"),
    ids=("the status", "a header", "the text"),
)
async def test_a_site_that_never_comes_to_an_end_is_unreachable_and_remembered_so(
    trickle: Callable[[bytes], Awaitable[str]], monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr("scraper.robots.FETCH_SECONDS", 0.4)
    site, robots = await trickle(first), Robots()
    before = set(threading.enumerate())
    answer = await robots.ask(f"{site}/any")
    assert (answer.is_allowed, answer.outcome) == (False, Outcome.TIMEOUT)
    assert answer.reason == f"no answer from {site}: not within 0.4 s"
    # Asked again it would fail in another way.
    monkeypatch.setattr("scraper.robots.Robots._fetch", None)
    assert await robots.ask(f"{site}/other") == answer
    # No thread is left behind: its connection was cut.
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 20)
        assert not thread.is_alive()


async def test_a_name_that_takes_for_ever_to_resolve_holds_up_nobody_elses_look_ups(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await serve(f"{OK}User-agent: *\nDisallow:\n")
    over, real = threading.Event(), socket.getaddrinfo

    def resolve(host: str, *rest: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            over.wait(30)
        return real(host, *rest, **options)

    monkeypatch.setattr("scraper.robots.FETCH_SECONDS", 0.4)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    robots = Robots()
    try:
        answers = await asyncio.gather(*(robots.ask(f"http://slow-{n}.example/") for n in range(40)))
        assert all(answer.outcome is Outcome.TIMEOUT for answer in answers)
        # All of those still wait in their threads.
        monkeypatch.setattr("scraper.robots.FETCH_SECONDS", 20)
        assert (await robots.ask(f"{site}/any")).is_allowed
        assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
    finally:
        over.set()


async def test_an_address_that_may_not_be_connected_to_gets_no_request(serve: Serve, asked: list[str]) -> None:
    told: list[tuple[str, str]] = []

    def why_refused(url: str, remote: str) -> str | None:
        told.append((url, remote))
        return "a private address"

    site = await serve(f"{OK}User-agent: *\nDisallow:\n")
    answer = await Robots(why_refused=why_refused).ask(f"{site}/any")
    assert answer.reason == f"no answer from {site}: a private address"
    assert told == [(f"{site}/robots.txt", "127.0.0.1")]
    assert not any(asked)


async def test_a_proxy_of_ones_own_may_be_at_a_private_address(
    serve: Serve, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", await serve(f"{OK}User-agent: *\nDisallow: /private/\n"))
    robots = Robots(why_refused=lambda _, __: "a private address")
    assert not (await robots.ask("http://pier.example/private/")).is_allowed
    assert (await robots.ask("http://pier.example/")).is_allowed
    assert asked == ["GET http://pier.example/robots.txt HTTP/1.1"]


async def test_hosts_are_kept_apart(serve: Serve) -> None:
    strict, open_ = await serve(f"{OK}User-agent: *\nDisallow: /\n"), await serve(f"{OK}User-agent: *\nDisallow:\n")
    robots = Robots()
    assert not (await robots.ask(f"{strict}/")).is_allowed
    assert (await robots.ask(f"{open_}/")).is_allowed


@pytest.mark.parametrize(
    ("response", "passed", "asks"),
    (
        ("HTTP/1.1 500 Oops\n\n", 299, 1),
        ("HTTP/1.1 500 Oops\n\n", 301, 2),
        ("HTTP/1.1 404 Not Found\n\n", 23 * 3600, 1),
        ("HTTP/1.1 404 Not Found\n\n", 25 * 3600, 2),
    ),
)
async def test_an_answer_is_kept_for_a_day_and_a_failure_for_minutes(
    serve: Serve, asked: list[str], monkeypatch: pytest.MonkeyPatch, *, response: str, passed: float, asks: int
) -> None:
    site, robots, now = await serve(response), Robots(), [1000.0]
    monkeypatch.setattr("scraper.robots.time.monotonic", lambda: now[0])
    await robots.ask(f"{site}/")
    now[0] += passed
    await robots.ask(f"{site}/")
    monkeypatch.undo()
    assert len(asked) == asks
