"""What a page says takes no longer than its length allows. Limits guard against hanging; the worst took hours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.extraction import extract, extracting
from scraper.markup import text_of_html
from scraper.outcome import Outcome
from scraper.page import in_turns, sealed
from scraper.reader import MAX_ANSWER_CHARACTERS, MAX_CHARACTERS, MAX_ITEMS, MOST_SEARCHED, RawItem, Reading
from scraper.recognition import own_addresses
from scraper.records import MOST_RECORDS, RecordBook
from tests.hostile.conftest import Evil, Visit, pier
from tests.hostile.test_fuzz import NOW, reading
from tests.needs import rest_slow

SECONDS = 30.0
"""Far more than each of these takes on a slow machine, and far less than it took."""

BITS = ("1", "1 ", "1,", "a", " ", "(", "/", "/@a", "-", ".", "\n", "1 like, ", "x/", "≈1 ")
HEADS = ("", "1", "/@", "https://x.com/")
TAILS = ("!", "\n!")
SITES = list(Definitions.builtin())


def long_strings(length: int) -> Iterator[str]:
    for bit in BITS:
        for head in HEADS:
            for tail in TAILS:
                yield head + bit * (length // len(bit) - 8) + tail


class Clock:
    """The processor time of this thread, so that others on the machine don't count."""

    def __init__(self) -> None:
        self._began = time.thread_time()

    def check(self) -> None:
        assert time.thread_time() - self._began < SECONDS


@pytest.mark.parametrize("length", rest_slow((MAX_CHARACTERS, MOST_SEARCHED)))
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_no_string_keeps_the_patterns_of_a_site_busy(site: Definition, length: int) -> None:
    clock = Clock()
    for number, (_, kind) in enumerate(site.kinds):
        for text in long_strings(length):
            said = (text,) * len(kind.places)
            extract(site, reading(RawItem(kind=number, values=said, single=True, quoted=None)), read_at=NOW)
            clock.check()


def test_what_is_not_searched_is_told_if_it_leaves_something_unknown() -> None:
    site = pier()
    kind = site.kinds[0][1]
    searched = kind.model_copy(
        update={
            "fields": {
                **kind.fields,
                "author": tuple(one.model_copy(update={"pattern": "by (.*)"}) for one in kind.fields["author"]),
            }
        }
    )
    layout = site.layouts[0].model_copy(update={"items": (searched,)})
    values = tuple({"id": "7", "author": "by " + "x" * MOST_SEARCHED}.get(name) for name, _ in searched.places)
    item = RawItem(kind=0, values=values, single=True, quoted=None)
    (post,) = extract(site.model_copy(update={"layouts": (layout,)}), reading(item), read_at=NOW).posts
    assert post.author is None
    assert post.warnings == (f"author: longer than {MOST_SEARCHED} characters, and not searched",)


@pytest.mark.parametrize("bit", ("<", "<a ", "<a b='", '<a b="', "<!--", "<![CDATA[", "</", "<a/", "&#9", "='"))
def test_html_in_json_takes_no_longer_than_it_is_long(bit: str) -> None:
    clock = Clock()
    text_of_html(bit * (400_000 // len(bit)))
    clock.check()


@pytest.mark.parametrize("number", ("&#" + "9" * 5000 + ";", "&#x" + "f" * 5000))
def test_a_character_of_a_number_without_measure_is_none(number: str) -> None:
    assert text_of_html(f"a{number} b") == "a\ufffd b"


@pytest.mark.parametrize("same", (False, True), ids=("each of another post", "all of one post"))
def test_json_of_as_many_objects_as_fit_is_not_looked_through_one_by_one(*, same: bool) -> None:
    text = "[" + ",".join(f'{{"likes":1,"id":{0 if same else number}}}' for number in range(300_000)) + "]"
    clock = Clock()
    book = RecordBook(pier())
    book.add([[text]])
    clock.check()
    assert len(book) == MOST_RECORDS
    assert same or book.ids(0)[-1] == "299999"


@pytest.mark.parametrize("html", (b"<!-- a -->" * 60 + b"<html>", b"<!--" * 100_000, b"<!doctype " * 50_000))
def test_what_a_saved_page_begins_with_is_read_once(html: bytes) -> None:
    clock = Clock()
    assert sealed(html, javascript=False).endswith(html[-5:])
    clock.check()


@pytest.mark.parametrize("tag", (b"<link rel=canonical ", b"<meta property='og:url' ", b"<link "))
def test_the_head_of_a_saved_page_is_read_once(tag: bytes) -> None:
    clock = Clock()
    assert own_addresses(tag * 10_000) == []
    clock.check()


@pytest.mark.parametrize(
    "html", (b"<a ", b"<a b=", b"<a b='", b'<a b="c', b"<" * 3, b"<a" + b" b=c" * 40 + b">", b" <a>")
)
def test_a_page_is_searched_for_the_marks_of_all_sites_once(html: bytes) -> None:
    clock = Clock()
    assert Definitions.builtin().for_html(html * (1_000_000 // len(html))) is None
    clock.check()


LIE = """<script>
const own = JSON.stringify;
JSON.stringify = (report) => { WAY; return own(report) };
</script>"""
LIES = {
    "more posts than were asked for": f"report.items = Array({2 * MAX_ITEMS + 1}).fill(report.items[0])",
    "no address": "report.url = report.next = 'http://['",
    "a number without end": "report.waited_ms = 1; report.left = { toJSON: () => '9'.repeat(9000) }",
    "a place that is none": "report.items[0].kind = 99; report.items[0].above = -5",
}


@pytest.mark.browser
@pytest.mark.parametrize("lie", LIES)
async def test_a_page_that_lies_for_the_reader_is_an_outcome_and_nothing_else(
    evil: Evil, visit: Visit, lie: str
) -> None:
    page = "<!doctype html><article data-id=7><p>Hello</p></article>" + LIE.replace("WAY", LIES[lie])
    report = await visit(await evil({"/post/7": page}) + "/post/7")
    assert report.outcome is Outcome.SELECTOR_DRIFT
    assert report.posts == ()


@pytest.mark.browser
@pytest.mark.parametrize("lie", (f"'x'.repeat({MAX_ANSWER_CHARACTERS + 1})", "({length: 1})", "undefined"))
async def test_what_the_reader_gets_for_json_is_refused_in_the_page_if_it_is_no_string_or_too_long(
    evil: Evil, visit: Visit, lie: str
) -> None:
    page = f"<!doctype html><article data-id=7><p>Hello</p></article><script>JSON.stringify = () => {lie}</script>"
    report = await visit(await evil({"/post/7": page}) + "/post/7")
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())
    assert "too much to be read" in report.reason


def test_no_zero_byte_of_a_page_that_lies_for_the_reader_reaches_anybody() -> None:
    item = RawItem(kind=0, values=("7\0", "\0\0Hello\\u0000"), single=True, quoted=None)
    (read,) = Reading.of(reading(item).model_dump_json()).items
    assert read.values == ("7", "Hello\\u0000")


@pytest.mark.browser
async def test_half_a_character_as_language_or_next_page_spoils_nothing(evil: Evil, visit: Visit) -> None:
    page = (
        "<!doctype html><article data-id=7><p>Hello</p></article>"
        "<script>document.documentElement.lang = '\\ud800'.repeat(1e6)</script>"
    )
    report = await visit(await evil({"/post/7": page}) + "/post/7")
    assert report.outcome is Outcome.OK
    assert len(str(report.evidence["language"])) <= MAX_CHARACTERS


@pytest.mark.browser
async def test_an_address_of_megabytes_is_cut(evil: Evil, visit: Visit) -> None:
    page = (
        "<!doctype html><article data-id=7><p>Hello</p></article>"
        "<script>history.replaceState(0, '', '?' + 'a'.repeat(1e6))</script>"
    )
    report = await visit(await evil({"/post/7": page}) + "/post/7")
    assert report.outcome is Outcome.OK
    assert len(report.final_url) <= MAX_CHARACTERS


async def test_whatever_there_is_to_do_for_a_page_its_time_limit_ends_it() -> None:
    clock = Clock()

    def endless() -> Generator[None, None, None]:
        while True:
            yield
            clock.check()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await in_turns(endless())


def test_posts_and_texts_of_json_are_made_one_a_step() -> None:
    kind = pier().kinds[0][1]
    items = [
        RawItem(kind=0, values=(str(number),) * len(kind.places), single=True, quoted=None) for number in range(9)
    ]
    assert sum(1 for _ in extracting(pier(), reading(*items), read_at=NOW)) == 9
    assert sum(1 for _ in RecordBook(pier()).adding([["{}"] * 9])) == 9
