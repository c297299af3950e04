"""Where browsers come from, as a person writes it down."""

from __future__ import annotations

import pytest

from browser_pool import Endpoint
from browser_pool.endpoint import LOCAL, EndpointKind, without_secrets


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    (
        ("local", EndpointKind.LOCAL, ""),
        (" local\n", EndpointKind.LOCAL, ""),
        ("ws://host:3000/", EndpointKind.PLAYWRIGHT, "ws://host:3000/"),
        ("wss://host/some/path?token=1", EndpointKind.PLAYWRIGHT, "wss://host/some/path?token=1"),
        ("http://host:9222", EndpointKind.CDP, "http://host:9222"),
        ("https://host", EndpointKind.CDP, "https://host"),
        ("http://[::1]:9222", EndpointKind.CDP, "http://[::1]:9222"),
        ("ws://host:9222/devtools/browser/1-2", EndpointKind.CDP, "ws://host:9222/devtools/browser/1-2"),
        ("cdp+ws://host:3000/", EndpointKind.CDP, "ws://host:3000/"),
        ("cdp+wss://host/?token=a+b", EndpointKind.CDP, "wss://host/?token=a+b"),
        ("playwright+http://host:3000", EndpointKind.PLAYWRIGHT, "http://host:3000"),
        ("playwright+ws://host/devtools/", EndpointKind.PLAYWRIGHT, "ws://host/devtools/"),
        ("ws://user:pass+word@host:3000/", EndpointKind.PLAYWRIGHT, "ws://user:pass+word@host:3000/"),
    ),
)
def test_an_address_says_who_answers_there(text: str, kind: EndpointKind, url: str) -> None:
    assert Endpoint.parse(text) == Endpoint(kind, url)


@pytest.mark.parametrize(
    "text",
    (
        "",
        "remote",
        "host:9222",
        "ftp://host",
        "file:///usr/bin/chromium",
        "ws://",
        "http:host",
        "firefox+ws://host",
        "local+ws://host",
        "cdp+local",
        "http://host:port",
        "http://host:99999",
        "http://[::1:9222",
        "http://host:0",
    ),
)
def test_what_is_no_place_for_a_browser_is_refused_with_what_to_say_instead(text: str) -> None:
    with pytest.raises(ValueError, match="is no place for a browser: say "):
        Endpoint.parse(text)


@pytest.mark.parametrize(
    ("text", "name"),
    (
        ("local", "local"),
        ("ws://host:3000/path?token=secret", "ws://host:3000"),
        ("wss://user:secret@host/", "wss://host"),
        ("http://us@er:sec@ret@host:9222", "http://host:9222"),
        ("cdp+ws://secret@host:9222/devtools/browser/secret#secret", "ws://host:9222"),
    ),
)
def test_the_name_of_a_place_gives_away_neither_user_nor_password_nor_token(text: str, name: str) -> None:
    assert Endpoint.parse(text).name == name


@pytest.mark.parametrize(
    "text", ("htp://user:secret@host:9222", "user:secret@host", "wss://secret@host:x/?token=secret")
)
def test_what_is_refused_gives_away_no_password_either(text: str) -> None:
    with pytest.raises(ValueError, match="host") as caught:
        Endpoint.parse(text)
    assert "secret" not in str(caught.value)


def test_a_place_that_is_printed_gives_away_no_password_either() -> None:
    assert repr(Endpoint.parse("ws://user:secret@host/")) == "Endpoint('playwright', 'ws://host', max_contexts=None)"


def test_only_a_browser_of_this_machine_takes_memory_of_this_machine() -> None:
    assert [Endpoint.parse(text).is_local for text in ("local", "ws://host/", "http://host")] == [True, False, False]
    assert Endpoint.parse("local") is LOCAL


@pytest.mark.parametrize(
    ("text", "without_page", "with_page"),
    (("local", False, True), ("http://host:9222", False, True), ("ws://host:3000/", True, True)),
)
def test_the_driver_is_used_for_a_page_and_for_a_playwright_server(
    text: str, *, without_page: bool, with_page: bool
) -> None:
    endpoint = Endpoint.parse(text)
    assert endpoint.uses_driver(needs_page=False) is without_page
    assert endpoint.uses_driver(needs_page=True) is with_page


def test_the_same_place_written_twice_is_one() -> None:
    assert Endpoint.parse("http://host:9222") == Endpoint.parse(" http://host:9222 ")
    assert len({Endpoint.parse("http://host"), Endpoint.parse("http://host"), LOCAL}) == 2


@pytest.mark.parametrize(
    ("words", "shown"),
    (
        ("error: ws://u:secret@host/path?token=secret 401", "error: ws://host/path 401"),
        ("wss://host:1/?secret and http://secret@other", "wss://host:1/ and http://other"),
        ("cdp+ws://u:se/c@ret@host is none", "cdp+ws://host is none"),
        ("what is it? nobody knows", "what is it? nobody knows"),
    ),
)
def test_in_what_others_said_the_secrets_of_an_address_are_left_out(words: str, shown: str) -> None:
    assert without_secrets(words) == shown
