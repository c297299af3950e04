"""A saved page is read in its own charset, as a browser would show it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.needs import rest_slow

Say = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.browser

WHARF = """
name = "wharf"
title = "Wharf"
hosts = ["wharf.example"]
post_id = '/p/(\\d+)'
permalink = "/p/{id}"
[[layouts]]
name = "only"
[[layouts.items]]
name = "post"
css = "article"
required = ["id"]
[layouts.items.fields]
id = [{ attribute = "id" }]
title = [{ css = "h1" }]
likes = [{ css = "b" }]
"""
RUSSIAN = ("ru", "Привет, мир", "1\N{NO-BREAK SPACE}234")
JAPANESE = ("ja", "こんにちは世界", "1,234")
GERMAN = ("de", "Grüße", "1.234")
META = "<meta charset={}>"
EQUIV = '<meta http-equiv="Content-Type" content="text/html; charset={}">'
XML = '<?xml version="1.0" encoding="{}"?>'


def page(language: str, title: str, likes: str, *, head: str = "", before: str = "") -> str:
    return (
        f"{before}<!doctype html><html lang={language}><head>{head}<title>a page</title></head><body>"
        f"<article id=1><h1>{title}</h1><b>{likes}</b></article></body></html>"
    )


@pytest.fixture
def read(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], tuple[str, int]]:
    """The title and the likes of the one post in a saved page."""
    (tmp_path / "wharf.toml").write_text(WHARF, "utf-8")
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))

    def scrape(html: bytes) -> tuple[str, int]:
        (tmp_path / "saved.html").write_bytes(html)
        _, out, err = say("scrape", str(tmp_path / "saved.html"), "--site", "wharf", "--format", "json")
        assert out, err
        [found] = json.loads(out)
        [post] = found["posts"]
        return post["title"], post["likes"]

    return scrape


@pytest.mark.parametrize(
    ("charset", "text"),
    (
        ("windows-1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("shift_jis", JAPANESE),
        ("euc-jp", JAPANESE),
        ("iso-2022-jp", JAPANESE),
        ("iso-8859-1", GERMAN),
        ("utf-8", JAPANESE),
    ),
)
@pytest.mark.parametrize("told", rest_slow((META, EQUIV, XML)), ids=("meta", "http-equiv", "xml"))
def test_the_charset_that_a_page_says_it_has(
    read: Callable[[bytes], tuple[str, int]], charset: str, text: tuple[str, str, str], told: str
) -> None:
    said = told.format(charset)
    html = page(*text, before=said) if told is XML else page(*text, head=said)
    assert read(html.encode(charset)) == (text[1], 1234)


@pytest.mark.parametrize(
    ("mark", "charset"),
    (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ),
)
def test_a_byte_order_mark_goes_before_what_the_page_says(
    read: Callable[[bytes], tuple[str, int]], mark: bytes, charset: str
) -> None:
    html = page(*RUSSIAN, head=META.format("windows-1251"))
    assert read(mark + html.encode(charset)) == (RUSSIAN[1], 1234)


def test_what_a_program_has_saved_as_utf_8_is_that_whatever_its_site_had_said(
    read: Callable[[bytes], tuple[str, int]],
) -> None:
    html = page(*RUSSIAN, head=META.format("windows-1251"))
    assert read(html.encode()) == (RUSSIAN[1], 1234)


def test_a_page_that_says_nothing_is_utf_8_if_it_can_be(read: Callable[[bytes], tuple[str, int]]) -> None:
    assert read(page(*JAPANESE).encode()) == (JAPANESE[1], 1234)
    assert read(page(*GERMAN).encode("iso-8859-1")) == (GERMAN[1], 1234)


def test_a_page_that_was_cut_in_the_middle_of_a_character_is_still_utf_8(
    read: Callable[[bytes], tuple[str, int]],
) -> None:
    whole = page(*JAPANESE).encode()
    assert read(whole + "世".encode()[:2]) == (JAPANESE[1], 1234)
