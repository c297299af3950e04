"""What a page wrote gives no orders: to a terminal, or to a spreadsheet that opens a file of ours."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from tidegate.formats import Scraped, without_formula, write
from tidegate.options import Format
from tidegate.terminal import disarmed

URL = "https://x.example/1"
ORDERS = "a\x1b]0;title\x07b\x9b2Jc\u202ed\re\x7f"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_but_tabs_and_line_ends(text: str) -> None:
    shown = disarmed(text)
    assert not {*shown} & {*map(chr, range(9)), "\x0b", "\x0c", *map(chr, range(14, 32)), "\x7f", "\x9b", "\u202e"}
    assert "\r" not in shown.replace("\r\n", "")


@given(st.text())
def test_json_means_the_same_disarmed(text: str) -> None:
    assert json.loads(disarmed(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize("sign", ("=", "+", "-", "@", *"\uff1d\uff0b\uff0d\uff20"))
@pytest.mark.parametrize("before", ("", " ", "\n", "\t", "\r", "\xa0", "\ufeff", "\u200b", " \u200b\n "))
def test_what_a_spreadsheet_would_run_is_marked_as_text(before: str, sign: str) -> None:
    assert without_formula(f"{before}{sign}1+1") == f"'{before}{sign}1+1"


@pytest.mark.parametrize("text", ("", " ", "1-1", "a=1", "ü=1", "'=1", "海 = sea", "\u200b"))
def test_other_text_is_as_it_was(text: str) -> None:
    assert without_formula(text) == text


def scraped() -> list[Scraped]:
    post = Post(id="1", site="x", layout="page", text=ORDERS)
    return [Scraped(URL, "x", PageReport(Outcome.OK, "", URL, URL, posts=(post,)))]


@pytest.mark.parametrize("format_", Format)
def test_a_terminal_gets_no_orders_in_any_format(format_: Format) -> None:
    said = io.StringIO()
    write(scraped(), format_, Console(file=said, force_terminal=True, color_system=None, width=200))
    assert said.getvalue() == disarmed(said.getvalue())


def test_csv_in_a_file_is_exact() -> None:
    said = io.StringIO(newline="")
    write(scraped(), Format.CSV, Console(file=said, width=200))
    [row] = csv.DictReader(io.StringIO(said.getvalue(), newline=""))
    assert row["text"] == ORDERS


@pytest.mark.processes
def test_an_export_that_a_terminal_shows_gives_it_no_orders() -> None:
    """A real one, as far as the program can tell."""
    program = (
        "import asyncio\n"
        "from tidegate.outputs import opened\n"
        "async def main():\n"
        "    async with opened(None) as write:\n"
        f"        await write({ORDERS!r}.encode())\n"
        "asyncio.run(main())\n"
    )
    ours, its = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", program], stdout=its, check=True, timeout=60)  # noqa: S603 ours
        shown = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(its)
    assert shown == disarmed(ORDERS)
