"""`tidegate scrape`: saved pages in the browser, and how posts are printed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

Say = Callable[..., tuple[int, str, str]]

PAGES = Path(__file__).parents[1] / "scraper" / "pages"
FRONT = str(PAGES / "hackernews" / "newest-logged-in.html")
STATUS = str(PAGES / "x" / "status-with-replies.html")


def test_json_has_every_page_with_its_outcome_and_its_posts(say: Say) -> None:
    code, out, err = say("scrape", FRONT, STATUS, "--format", "json")
    assert (code, err) == (0, "")
    front, status = json.loads(out)
    assert (front["site"], front["outcome"], len(front["posts"])) == ("hackernews", "ok", 5)
    assert (status["site"], status["outcome"]) == ("x", "ok")
    fresh, job = front["posts"][:2]
    assert (fresh["score"], fresh["replies"], fresh["views"]) == (1, 0, None)
    assert (job["author"], job["score"], job["replies"]) == (None, None, None)


def test_jsonl_and_csv_have_a_line_for_each_post(say: Say) -> None:
    _, lines, _ = say("scrape", FRONT, "--format", "jsonl")
    _, table, _ = say("scrape", FRONT, "--format", "csv")
    posts = [json.loads(line) for line in lines.splitlines()]
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [post["id"] for post in posts] == [row["id"] for row in rows]
    assert [row["score"] for row in rows] == ["1", "", "1024", "", "55"]


def test_a_table_shows_unknown_as_a_dash_and_never_as_zero(say: Say) -> None:
    code, out, _ = say("scrape", FRONT)
    assert code == 0
    [bare] = [line for line in out.splitlines() if "Row whose subtext is missing" in line]
    assert "–" in bare  # noqa: RUF001 the dash that is meant
    assert " 0 " not in bare


def test_a_page_that_could_not_be_read_is_said_and_the_others_are_printed(say: Say) -> None:
    changed = str(PAGES / "hackernews" / "layout-of-tomorrow.html")
    code, out, err = say("scrape", FRONT, changed, "--format", "json")
    assert code == 1
    assert [page["outcome"] for page in json.loads(out)] == ["ok", "selector_drift"]
    assert "selector_drift" in err


def test_a_file_that_is_of_no_known_site_does_not_keep_the_others_from_being_read(say: Say, tmp_path: Path) -> None:
    nobody, none = tmp_path / "nobody.html", tmp_path / "none.html"
    nobody.write_text("<!doctype html><p>Nobody knows where this is from.", "utf-8")
    code, out, err = say("scrape", str(nobody), FRONT, str(none), STATUS, "--format", "json")
    assert code == 1
    assert [(page["site"], page["outcome"]) for page in json.loads(out)] == [("hackernews", "ok"), ("x", "ok")]
    assert f"tidegate: {nobody}: can't tell which site this was" in err
    assert f"tidegate: there is no file {none}" in err
    code, out, err = say("scrape", str(nobody), str(none))
    assert (code, out) == (2, "")
    assert "which site this was" in err
    assert "there is no file" in err


def test_text_of_a_page_can_command_neither_terminal_nor_spreadsheet(say: Say, tmp_path: Path) -> None:
    html = Path(FRONT).read_text(encoding="utf-8")
    hostile = "=cmd()|[red]&#27;]0;owned&#7;&#8238;[/red]"
    page = tmp_path / "hostile.html"
    page.write_text(html.replace("Neap &amp; spring", hostile), encoding="utf-8")
    assert hostile in page.read_text(encoding="utf-8")
    _, table, _ = say("scrape", str(page))
    assert "=cmd()|[red]" in table
    assert not {"\x1b", "\x07", "\u202e"} & set(table)
    _, out, _ = say("scrape", str(page), "--format", "csv")
    assert next(csv.DictReader(io.StringIO(out)))["title"].startswith("'=cmd()")
