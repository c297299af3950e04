"""Where to listen, as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.listening import NOWHERE, Listen, listen_from


@pytest.mark.parametrize(
    ("text", "listen"),
    (
        ("127.0.0.1:8710", Listen("127.0.0.1", 8710)),
        (" localhost:0 ", Listen("localhost", 0)),
        ("[::1]:80", Listen("::1", 80)),
        ("192.0.2.1:65535", Listen("192.0.2.1", 65535)),
        ("off", NOWHERE),
        ("OFF", NOWHERE),
        (None, None),
    ),
)
def test_a_place_is_read_as_it_is_meant(text: str | None, listen: Listen | None) -> None:
    assert listen_from(text) == listen


@pytest.mark.parametrize("text", ("", "8710", "host", "host:", ":8710", "host:65536", "host:-1", "host:x", "host:٣"))
def test_what_is_no_place_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT, such as 127\.0\.0\.1:8710"):
        listen_from(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    (
        *(("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True)),
        *(("192.0.2.4", False), ("::", False), ("192.168.1.4", False), ("example.com", False)),
    ),
)
def test_only_loopback_is_this_machine_alone(host: str, *, is_loopback: bool) -> None:
    assert Listen(host, 1).is_loopback is is_loopback


@given(st.sampled_from(("127.0.0.1", "::1", "localhost", "::")), st.integers(0, 65_535))
def test_what_a_place_says_of_itself_is_read_as_the_same(host: str, port: int) -> None:
    assert listen_from(str(Listen(host, port))) == Listen(host, port)
