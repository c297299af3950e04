"""What is a secret by its name, and what by its value, wherever it turns up."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.redaction import LEAST_CHARACTERS, Redaction, secrets_of, secrets_of_request

COOKIE = 'ab"c/d+e=\u00e4\u00f6'


@pytest.mark.parametrize(
    "name",
    ("Cookie", "set-cookie", "Authorization", "X-CSRF-Token", "x-api-key", "proxy-authorization", "X-Session-Id"),
)
def test_a_header_that_carries_a_secret_by_its_name_loses_its_value(name: str) -> None:
    assert Redaction().header(name, "anything") == "redacted"


@pytest.mark.parametrize("name", ("content-type", "accept", "referer", "x-request-id"))
def test_any_other_header_stays(name: str) -> None:
    assert Redaction().header(name, "as it is") == "as it is"


def test_an_address_keeps_what_it_asks_for_and_loses_what_lets_it() -> None:
    url = "https://ann:pw@pier.test/api?page=2&access_token=abc&sig=def#top"
    assert Redaction().url(url) == "https://pier.test/api?page=2&access_token=redacted&sig=redacted#top"
    assert Redaction().url("https://pier.test/api?b=%2F&a=") == "https://pier.test/api?b=%2F&a="


def test_a_value_is_found_as_it_is_and_as_json_and_as_addresses_write_it() -> None:
    redaction = Redaction([COOKIE])
    for written in (COOKIE, quote(COOKIE), quote(COOKIE, safe=""), json.dumps(COOKIE), json.dumps({"a": [COOKIE]})):
        assert "redacted" in redaction.text(f"before {written} after")
        assert "c/d" not in redaction.text(written)
        assert b"redacted" in redaction.data(written.encode())


def test_a_value_that_is_a_part_of_another_does_not_leave_the_rest_of_it() -> None:
    assert Redaction(["secret", "secret-and-more"]).text("secret-and-more secret") == "redacted redacted"


def test_what_is_short_or_a_word_of_every_page_is_no_secret() -> None:
    assert Redaction(["1", "en", "default", "false"]).text("1 en default false") == "1 en default false"


def test_the_secrets_of_a_browser_are_its_cookies_and_its_local_storage() -> None:
    state = {
        "cookies": [{"name": "sid", "value": "one"}],
        "origins": [{"origin": "https://pier.test", "localStorage": [{"name": "token", "value": "two"}]}],
    }
    assert secrets_of(state) == ["one", "two"]
    assert secrets_of({}) == []


def test_what_a_request_calls_a_secret_is_one_wherever_else_it_stands() -> None:
    headers = [
        ("cookie", "sid=first-one; lang=de"),
        ("set-cookie", "sid=second-one; Path=/; HttpOnly\nb=third-one; Secure"),
        ("authorization", "Bearer fourth-one"),
        ("accept", "text/html"),
    ]
    found = set(secrets_of_request("https://pier.test/?page=2&token=fifth-one", headers))
    assert {"first-one", "second-one", "third-one", "fourth-one", "fifth-one"} <= found
    left = Redaction(found).text("Path=/; text/html; page=2; HttpOnly; Bearer; first-one, fourth-one")
    assert left == "Path=/; text/html; page=2; HttpOnly; Bearer; redacted, redacted"


def test_a_tree_keeps_its_shape() -> None:
    tree = {
        "cookies": [{"name": "sid", "value": "x"}],
        "headers": [{"name": "Cookie", "value": "sid=x"}, {"name": "accept", "value": "*/*"}],
        "postData": {"mimeType": "text/plain", "text": "typed"},
        "url": "https://pier.test/?token=x",
        "size": 3,
        "nothing": None,
    }
    assert Redaction().tree(tree) == {
        "cookies": [],
        "headers": [{"name": "Cookie", "value": "redacted"}, {"name": "accept", "value": "*/*"}],
        "postData": {"mimeType": "text/plain", "text": "redacted"},
        "url": "https://pier.test/?token=redacted",
        "size": 3,
        "nothing": None,
    }


@pytest.mark.parametrize("named", ({"_sha1": "sent.dat"}, {"text": "", "_file": "resources/sent.dat"}))
def test_of_a_trace_the_lines_lose_headers_the_files_values_and_what_was_sent_is_left_out(
    named: dict[str, str], tmp_path: Path
) -> None:
    line = {
        "snapshot": {
            "request": {"headers": [{"name": "cookie", "value": "x"}], "postData": named},
            "response": {"content": {"_sha1": "got.html"}},
        }
    }
    raw, place = tmp_path / "raw.zip", tmp_path / "trace.zip"
    with zipfile.ZipFile(raw, "w") as trace:
        trace.writestr("trace.network", json.dumps(line, separators=(",", ":")) + "\n")
        trace.writestr("trace.trace", '{"text":"the-secret"}\nnot json the-secret\n')
        trace.writestr("resources/sent.dat", "what somebody typed")
        trace.writestr("resources/got.html", "<p>the-secret")
    Redaction(["the-secret"]).trace(raw, place)
    with zipfile.ZipFile(place) as trace:
        told = {name: trace.read(name).decode() for name in trace.namelist()}
    assert sorted(told) == ["resources/got.html", "trace.network", "trace.trace"]
    [network] = [json.loads(one) for one in told["trace.network"].splitlines()]
    assert network["snapshot"]["request"]["headers"] == [{"name": "cookie", "value": "redacted"}]
    assert told["trace.trace"] == '{"text": "redacted"}\nnot json redacted\n'
    assert told["resources/got.html"] == "<p>redacted"


@given(st.text(min_size=LEAST_CHARACTERS, max_size=40), st.text(max_size=40))
def test_no_value_is_left_however_a_page_writes_it(value: str, around: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    redaction = Redaction([value])
    for written in (value, json.dumps(value)[1:-1], quote(value, safe="")):
        left = redaction.text(around.replace(value, "") + written)
        # What is left of a value that is harmless, as "default", is meant to be.
        assert written not in left or redaction.text(value) == value or written in "redacted"
