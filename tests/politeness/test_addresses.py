"""Which addresses may be opened: nothing that leads into a private network, however it is written."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.addresses import AddressPolicy, refusal, refusal_by_looks, refusal_while_waiting

STRICT = AddressPolicy()


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The names that can be resolved, and to what. Numbers resolve to themselves, as everywhere."""
    known: dict[str, str] = {}

    async def resolve(host: str, port: object, **options: Any) -> list[tuple[Any, ...]]:
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]
        return socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    return known


@pytest.mark.parametrize(
    "url",
    (
        "http://127.0.0.1/",
        "HTTP://127.0.0.1:8080/",
        "http://10.1.2.3/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://255.255.255.255/",
        "http://224.0.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[fec0::1]/",
        "http://[64:ff9b:1::a00:1]/",
        "http://[5f00::1]/",
        "http://localhost/",
        "http://LOCALHOST:3000/",
        "http://localhost./",
        "http://anything.localhost/",
        "http://127.0.0.1./",
        "http://user:secret@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1\t/",
    ),
)
async def test_what_leads_to_this_machine_or_a_private_network_is_refused(names: dict[str, str], url: str) -> None:
    assert refusal_by_looks(url, STRICT) is not None
    assert await refusal(url, STRICT) is not None


@pytest.mark.parametrize("url", ("http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/"))
async def test_a_number_in_a_form_that_only_resolvers_know_is_refused_too(names: dict[str, str], url: str) -> None:
    assert "127.0.0.1, a private address" in (await refusal(url, STRICT) or "")


@pytest.mark.parametrize(
    ("url", "why"),
    (
        ("file:///etc/passwd", "not file"),
        ("javascript:alert(1)", "not javascript"),
        ("data:text/html,hello", "not data"),
        ("ftp://example.com/", "not ftp"),
        ("chrome://settings", "not chrome"),
        ("view-source:http://example.com/", "not view-source"),
        ("//example.com/", "without a scheme"),
        ("example.com/page", "without a scheme"),
        ("", "without a scheme"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://:80/", "names no host"),
        ("http://example.com:99999/", "Port out of range"),
        ("http://example.com:eighty/", "not an address"),
        ("http://[::1/", "not an address"),
        ("http://exa mple.com/", "not an address"),
        ("http://example.com\x00.evil/", "not an address"),
    ),
)
async def test_what_is_no_web_address_is_refused_and_why(names: dict[str, str], url: str, why: str) -> None:
    assert why in (refusal_by_looks(url, STRICT) or "")
    assert why in (await refusal(url, STRICT) or "")


@pytest.mark.parametrize(
    "url",
    (
        "http://example.com/",
        "https://example.com:8443/a%20b?q=%31#top",
        "https://user:secret@example.com/",
        "https://example.com./",
        "http://93.184.215.14/",
        "http://[2606:4700::1111]/",
        "https://bücher.example/",
        "http://notlocalhost/",
        "http://localhost.example.com/",
    ),
)
async def test_the_public_internet_may_be_opened(names: dict[str, str], url: str) -> None:
    for host in ("example.com", "bücher.example", "notlocalhost", "localhost.example.com"):
        names[host] = "93.184.215.14"
    assert refusal_by_looks(url, STRICT) is None
    assert await refusal(url, STRICT) is None


async def test_a_public_name_of_a_private_address_is_refused_and_the_address_is_said(names: dict[str, str]) -> None:
    names["intranet.example"] = "10.0.0.7"
    names["metadata.google.internal"] = "169.254.169.254"
    assert "intranet.example is 10.0.0.7" in (await refusal("http://intranet.example/", STRICT) or "")
    assert "169.254.169.254" in (await refusal("http://metadata.google.internal/", STRICT) or "")
    assert "--allow-private" in (await refusal("http://intranet.example/", STRICT) or "")


async def test_a_name_that_nobody_knows_may_be_opened_its_page_will_say_so(names: dict[str, str]) -> None:
    assert await refusal("http://no-such-host.example/", STRICT) is None


@pytest.mark.parametrize(
    ("problem", "why"),
    (
        (TimeoutError(), "could not be had within 10 s"),
        (UnicodeEncodeError("idna", "x", 0, 1, "label too long"), "can be no host's name"),
        (OSError("too many open files"), "could not be had (too many open files)"),
    ),
)
async def test_a_name_of_which_nothing_is_known_is_not_opened_on_a_guess(
    monkeypatch: pytest.MonkeyPatch, problem: Exception, why: str
) -> None:
    async def resolve(*_: Any, **__: Any) -> None:
        raise problem

    def resolve_here(*_: Any, **__: Any) -> None:
        raise problem

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
    assert why in (await refusal("http://slow.example/", STRICT) or "")
    assert why in (refusal_while_waiting("http://slow.example/", STRICT) or "")


async def test_a_name_that_takes_too_long_to_resolve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("scraper.addresses.RESOLVE_SECONDS", 0.01)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    assert "could not be had within 0.01 s" in (await refusal("http://slow.example/", STRICT) or "")


async def test_a_label_that_no_name_can_have_is_refused() -> None:
    assert "can be no host's name" in (await refusal(f"http://{'a' * 64}.example/", STRICT) or "")


async def test_what_was_allowed_is_allowed_and_nothing_beside_it(names: dict[str, str]) -> None:
    policy = AddressPolicy(allowed_hosts=frozenset({"127.0.0.1:8080", "intranet.example"}))
    names["intranet.example"] = names["other.example"] = "10.0.0.7"
    assert await refusal("http://127.0.0.1:8080/", policy) is None
    assert await refusal("http://intranet.example:9000/", policy) is None
    assert await refusal("http://127.0.0.1:8081/", policy) is not None
    assert await refusal("http://other.example/", policy) is not None


async def test_allowing_everything_private_allows_no_other_scheme(names: dict[str, str]) -> None:
    policy = AddressPolicy(allow_private=True)
    assert await refusal("http://192.168.1.1/", policy) is None
    assert await refusal("file:///etc/passwd", policy) is not None


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,30}(/.*)?", fullmatch=True))
def test_whatever_is_written_gets_an_answer(url: str) -> None:
    assert isinstance(refusal_by_looks(url, STRICT), str | None)


@given(st.ip_addresses(v=4).filter(lambda address: address.is_private))
def test_no_way_to_write_a_private_address_of_ipv4_is_public(address: object) -> None:
    for url in (f"http://{address}/", f"http://[::ffff:{address}]/", f"http://x@{address}:1/", f"http://{address}./"):
        assert refusal_by_looks(url, STRICT) is not None
