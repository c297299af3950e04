"""`tidegate site check`: which fields are read, which are not, and what it says of a field that is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.definitions import Definitions
from scraper.drift import Place, Yield
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import Post
from tidegate.errors import UsageError
from tidegate.site_check import judged, what_to_check

Say = Callable[..., tuple[int, str, str]]

PAGES = Path(__file__).parents[1] / "scraper" / "pages"
FRONT = str(PAGES / "hackernews" / "newest-logged-in.html")
TOMORROW = str(PAGES / "hackernews" / "layout-of-tomorrow.html")


@pytest.mark.browser
def test_a_saved_page_is_judged_field_by_field(say: Say) -> None:
    code, out, err = say("site", "check", "hackernews", FRONT)
    assert (code, err) == (0, "")
    assert "athing/story: 5 posts" in out
    score = next(line for line in out.splitlines() if "score" in line and "│" in line)
    assert "3 of 5" in score


@pytest.mark.browser
def test_json_has_the_same(say: Say) -> None:
    code, out, _ = say("site", "check", FRONT, "--json")
    [site] = json.loads(out)
    assert (code, site["site"], site["fine"]) == (0, "hackernews", True)
    [kind] = site["kinds"]
    fields = {field["field"]: field for field in kind["fields"]}
    assert (kind["posts"], fields["id"]["read"], fields["score"]["read"]) == (5, 5, 3)
    assert fields["title"]["required"]
    assert not fields["score"]["required"]
    assert fields["title"]["sources"]


@pytest.mark.browser
def test_a_page_that_the_definition_does_not_know_is_a_failure(say: Say) -> None:
    code, out, _ = say("site", "check", "hackernews", TOMORROW)
    assert code == 1
    assert "selector_drift" in out


def test_what_is_to_be_checked_has_to_be_there(say: Say) -> None:
    code, _, err = say("site", "check", "isso")
    assert code == 2
    assert "isso has no pages to check" in err
    code, _, err = say("site", "check", "myspace")
    assert code == 2
    assert "myspace" in err


def test_without_pages_those_of_the_definition_are_meant() -> None:
    definitions = Definitions.builtin()
    [page] = what_to_check(["hackernews"], definitions)
    assert (page.url, page.saved) == ("https://news.ycombinator.com/news", None)
    assert {page.definition.name for page in what_to_check([], definitions)} >= {"hackernews"}
    with pytest.raises(UsageError, match="no pages to check"):
        what_to_check(["isso"], definitions)


def test_a_field_that_is_read_no_more_is_a_drift() -> None:
    definition = Definitions.builtin().by_name("hackernews")
    posts = tuple(
        Post(str(number), "hackernews", "athing", "story", sources={"id": "item@id", "title": "td"})
        for number in range(30)
    )
    page = PageReport(Outcome.OK, "30 posts", "u", "u", posts=posts)
    score = Place("hackernews", "athing", "story", "score")
    check = judged(definition, [("front", page)], {score: Yield(900, 890, pages=30)})
    [field] = [field for field in check.kinds[0].fields if field.field == "score"]
    assert str(field.drift) == "score never (30 posts of hackernews athing/story now; before in 99% of 900)"
    assert not check.is_fine
    assert judged(definition, [("front", page)], {}).is_fine
