"""What a definition says in notations of the browser is refused on load where the browser would refuse it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from itertools import product
from random import Random

import pytest
from pydantic import TypeAdapter, ValidationError

from browser_pool import Lane
from scraper.browser_patterns import why_not_in_browsers
from scraper.notations import BrowserPattern, Host, Selector

PIECES = (
    "a", "b*", "d{2}", "f{,3}", "g{", "}", "]", "*+", "{2}+", "(", "(?:", "(?=", "(?<=", "(?P<n>", "(?>", "(?i)",
    "(?im-s:", "(?x:", "(?#", "(?(1)", ")", ")*", "){2}", "|", r"\1", r"\01", r"\0", r"\123", r"\-", r"\.", r"\/",
    r"\'", r"\é", r"\A", r"\Z", r"\a", r"\b", r"\d", r"\x41", r"\u0041", r"\U00000041", r"\N{BULLET}", "[", "[^",
    r"[\-", r"[\b]", r"[\1]", r"[\0]", r"[\w-]", "[]]", "[[]", "[(]", r"[\']", "💧",
)  # fmt: skip
SET_OF_BRACKET = re.compile(r"(?<!\\)\[\^?\]")
"""A set that begins with "]" is no mistake in a browser, but another set there."""


async def refused_by_browser(lane: Lane, patterns: Sequence[str]) -> set[str]:
    script = """({ patterns }) => patterns.filter((one) => {
      try { new RegExp(one, "u"); return false; } catch { return true; }
    })"""
    return set(await lane.evaluate(script, {"patterns": list(patterns)}))


def is_python(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern)
    except re.error:
        return False
    return True


@pytest.mark.browser
async def test_what_browsers_refuse_of_pythons_expressions_is_refused_on_load_and_nothing_else(
    lane: Lane,
) -> None:
    threes = Random(0).sample(sorted(product(PIECES, repeat=3)), 20_000)
    written = {"".join(pieces) for pieces in (*product(PIECES, repeat=1), *product(PIECES, repeat=2), *threes)}
    patterns = [one for one in sorted(written) if is_python(one) and not SET_OF_BRACKET.search(one)]
    refused = await refused_by_browser(lane, patterns)
    assert {one for one in patterns if why_not_in_browsers(one)} == refused
    assert len(refused) > 1000
    assert len(patterns) - len(refused) > 500


@pytest.mark.parametrize(
    ("pattern", "says"),
    (
        (r"a\-b", "write -"),
        (r"\Aa", r"write \^"),
        (r"a\Z", r"write \$"),
        ("(?P<number>a)", "no names"),
        ("(?i)a", "ignore case anyway"),
        ("(?>a)b", r"write \(\?:"),
        ("a*+", r"leave the second \+ out"),
        ("a{,3}", r"\{0,3\}"),
        ("[]a]", r"has that as \\\]"),
        ("(?=a)*", "can't be repeated"),
        ("(", "unterminated"),
    ),
)
def test_an_expression_that_browsers_lack_is_answered_with_what_to_write(pattern: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TypeAdapter(BrowserPattern).validate_python(pattern)


@pytest.mark.browser
async def test_what_is_refused_as_a_selector_is_none(lane: Lane) -> None:
    refused = (
        "", "  ", "article[", "article]", "a:is(b", "a)", "[a='b]", '[a="b]', "a,", ",a", "a,,b", "//div", "a { }",
        "a;", "[a=b)", "[href=/x]", "/* nothing */", "a, /* nothing */", "a!", "a:not([b)]",
    )  # fmt: skip
    # What is open at the end is closed by the browser, but then swallows the selectors that come after it.
    script = """({ selectors }) => selectors.filter((one) => {
      try { document.querySelector(one + ", i").matches("i"); return true; } catch { return false; }
    })"""
    await lane.evaluate("() => { document.documentElement.innerHTML = '<i></i>'; }")
    assert await lane.evaluate(script, {"selectors": list(refused)}) == []
    for selector in refused:
        with pytest.raises(ValidationError, match="a CSS selector"):
            TypeAdapter(Selector).validate_python(selector)


@pytest.mark.browser
async def test_selectors_of_all_kinds_are_taken(lane: Lane) -> None:
    taken = [
        "a", "a > b ~ c + d", ":scope > .x", "a[href*='/p/'], b:is(.c, [d=\"e]\"])", r".\/x\,", "[title='(']", "#é",
        "a:not(:has(> b, c))", "li:nth-child(2n + 1 of .x)", "*|a", "[a='\\'']", "a\n  ,\n  b", "a /* b, */ c",
    ]  # fmt: skip
    script = "({ selectors }) => { for (const one of selectors) document.querySelector(one); }"
    await lane.evaluate(script, {"selectors": taken})
    for selector in taken:
        assert TypeAdapter(Selector).validate_python(selector) == selector


@pytest.mark.parametrize(
    ("written", "host"),
    (
        ("pier.example", "pier.example"),
        ("www.pier.example", "pier.example"),
        ("Pier.Example", "pier.example"),
        ("pier.example.", "pier.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("pier.example:08080", "pier.example:8080"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]", "[::1]"),
        ("[0:0::1]:80", "[::1]:80"),
        ("*", "*"),
    ),
)
def test_a_host_is_written_in_one_way(written: str, host: str) -> None:
    assert TypeAdapter(Host).validate_python(written) == host


@pytest.mark.parametrize(
    ("written", "says"),
    (
        ("https://Pier.example/forum", 'as "Pier.example"'),
        ("pier.example/forum", 'as "pier.example"'),
        ("/forum", 'as "pier.example"'),
        ("*.pier.example", "subdomains are included"),
        ("pier.example:0", "from 1 to 65535"),
        ("pier.example:65536", "from 1 to 65535"),
        ("pier.example:http", "a host"),
        ("::1", r"\[::1\]"),
        ("[::g]", "a host"),
        ("a b", "a host"),
        ("ada@pier.example", "a host"),
        ("", "a host"),
        ("ü" * 70, "a host"),
    ),
)
def test_what_is_no_host_is_answered_with_one(written: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TypeAdapter(Host).validate_python(written)
