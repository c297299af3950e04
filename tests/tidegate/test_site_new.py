"""`tidegate site new`: a definition for a page that nobody has described, and what it then reads."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate.demo
from scraper.definitions import load_definition
from tests.browser_pool.web import Web, serving
from tidegate.demo import DemoSite
from tidegate.errors import UsageError
from tidegate.site_new import write_new

Said = tuple[int, str, str]
Say = Callable[..., Said]
Start = Callable[..., subprocess.Popen[str]]

PAGES = Path(__file__).parents[1] / "scraper" / "pages"


@pytest.mark.browser
@pytest.mark.slow
def test_what_is_proposed_for_a_feed_passes_its_check(
    say: Say, demo_site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "shoal.toml"
    code, out, err = say("site", "new", demo_site.url, "--allow-private", "--name=shoal", f"--output={file}")
    assert (code, out) == (0, "")
    assert "posts; in all: id, author" in err
    assert f"tidegate site check shoal {demo_site.url}" in err
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))
    code, out, _ = say("site", "check", "shoal", "--allow-private", "--json")
    [site] = json.loads(out)
    assert (code, site["fine"]) == (0, True)
    [kind] = site["kinds"]
    read = {field["field"]: field["read"] for field in kind["fields"]}
    assert {name for name, count in read.items() if count == kind["posts"]} >= {
        "id", "author", "author_name", "text", "time", "views", "likes", "reposts", "replies", "bookmarks",
    }  # fmt: skip


@pytest.mark.browser
def test_what_it_reads_is_what_is_true(
    say: Say, demo_site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("site", "new", demo_site.url, "--allow-private", "--name=shoal", f"--output={tmp_path / 'shoal.toml'}")
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))
    code, out, _ = say("scrape", demo_site.url, "--site=shoal", "--allow-private", "--format=json")
    [page] = json.loads(out)
    assert code == 0
    assert len(page["posts"]) >= 10
    for post in page["posts"]:
        true = demo_site.world.post(post["id"])
        counts = {name: post[name] for name in ("views", "likes", "reposts", "replies", "bookmarks")}
        assert counts == {name: getattr(true.metrics, name) for name in counts}
        assert (post["author"], post["text"]) == (true.author.handle, true.text)
        assert post["url"].endswith(true.path)


@pytest.mark.browser
@pytest.mark.slow
def test_json_has_the_fields_with_their_sources_and_what_they_gave(say: Say, demo_site: DemoSite) -> None:
    code, out, _ = say("site", "new", demo_site.url, "--allow-private", "--json")
    proposed = json.loads(out)
    fields = {field["field"]: field for field in proposed["fields"]}
    assert (code, proposed["outcome"], proposed["css"]) == (0, "ok", "article[data-post-id]")
    assert fields["id"]["read"] == proposed["posts"]
    assert fields["author"]["sources"][0]["attribute"] == "href"
    assert fields["text"]["example"]
    assert (fields["title"]["sources"], fields["title"]["read"]) == ([], 0)
    assert load_definition("x.toml", proposed["definition"]).name == "local"


@pytest.mark.browser
def test_a_page_of_one_post_is_proposed_with_that_post_in_it(say: Say, demo_site: DemoSite) -> None:
    post = next(iter(demo_site.world.posts))
    code, out, err = say("site", "new", demo_site.post_url(post), "--allow-private", "--json")
    proposed = json.loads(out)
    assert code == 0
    assert "not among them" not in err
    assert proposed["posts"] >= 1


@pytest.mark.browser
def test_a_saved_page_is_read_as_if_it_came_from_its_address(say: Say) -> None:
    page = str(PAGES / "hackernews" / "newest-logged-in.html")
    code, out, err = say("site", "new", page, "--url=https://news.ycombinator.com/newest")
    assert code == 0
    assert "is read already by the definition hackernews" in err
    table = tomllib.loads(out)
    assert (table["name"], table["hosts"]) == ("ycombinator", ["news.ycombinator.com"])
    assert "check" not in table


def test_a_file_that_is_there_is_never_written_over(say: Say, demo_site: DemoSite, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine", encoding="utf-8")
    code, _, err = say("site", "new", demo_site.url, "--allow-private", f"--output={file}")
    assert code == 2
    assert "is there already" in err
    assert file.read_text(encoding="utf-8") == "mine"
    code, _, err = say("site", "new", demo_site.url, "--allow-private", f"--output={tmp_path / 'no' / 'x.toml'}")
    assert (code, "there is no folder" in err) == (2, True)


@pytest.mark.browser
def test_a_page_on_which_nothing_repeats_is_said_with_what_could_be_done(say: Say, tmp_path: Path) -> None:
    page = tmp_path / "about.html"
    page.write_text("<!doctype html><title>About us</title><p>We are a pier.</p>", encoding="utf-8")
    code, out, err = say("site", "new", str(page), "--url=https://pier.example/about")
    assert (code, out) == (1, "")
    assert "nothing on the page repeats" in err
    assert "About us" in err
    assert "docs/sites.md" in err
    code, out, _ = say("site", "new", str(page), "--url=https://pier.example/about", "--json")
    assert (code, json.loads(out)["outcome"]) == (1, "selector_drift")


@pytest.mark.processes
@pytest.mark.slow
async def test_a_page_that_lies_for_what_looks_through_it_is_an_outcome(start: Start) -> None:
    page = """<!doctype html><title>Pier</title><p>We are a pier.</p><script>
    const own = JSON.stringify;
    JSON.stringify = (told) => "nodes" in told ? own({ ...told, url: "http://[" }) : own(told);
    </script>"""
    async with serving(Web({"/": page})) as web:
        process = start("site", "new", web.url, "--allow-private", "--json")
        out, _ = await asyncio.to_thread(process.communicate, timeout=90)
    assert process.returncode == 1
    assert json.loads(out)["outcome"] == "selector_drift"
    assert "can't be looked through" in json.loads(out)["reason"]


def test_a_saved_page_that_does_not_say_where_it_is_from_needs_an_address(say: Say, tmp_path: Path) -> None:
    page = tmp_path / "about.html"
    page.write_text("<!doctype html><p>We are a pier.</p>", encoding="utf-8")
    code, _, err = say("site", "new", str(page))
    assert (code, "--url" in err) == (2, True)


@pytest.mark.parametrize("name", ("", "My Forum", "../x", "1st"))
def test_a_name_that_no_definition_can_have_is_refused(say: Say, name: str) -> None:
    code, _, err = say("site", "new", "https://pier.example/", f"--name={name}")
    assert (code, "can't be the name of a site" in err) == (2, True)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "outcome"),
    (
        ("?trouble=rate_limited", "rate_limited"),
        ("?trouble=not_found", "not_found"),
        ("private/notes", "denied_by_robots"),
    ),
)
def test_what_stands_in_the_way_is_said(say: Say, demo_site: DemoSite, path: str, outcome: str) -> None:
    code, out, err = say("site", "new", f"{demo_site.url.rstrip('/')}/{path}", "--allow-private")
    assert (code, out) == (1, "")
    assert f": {outcome}: " in err


@pytest.mark.browser
def test_what_a_known_site_shows_instead_of_posts_is_known(
    say: Say, demo_site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(Path(tidegate.demo.__file__).parent))
    code, _, err = say("site", "new", f"{demo_site.url.rstrip('/')}/?trouble=login_wall", "--allow-private")
    assert code == 1
    assert ": login_wall: the demo site asks for a login" in err


@pytest.mark.browser
def test_private_addresses_are_refused_unless_they_are_allowed(say: Say, demo_site: DemoSite) -> None:
    code, _, err = say("site", "new", demo_site.url)
    assert (code, "refused_url" in err) == (1, True)


def test_a_file_that_came_to_be_meanwhile_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="by now"):
        write_new(file, "theirs")
    assert file.read_text(encoding="utf-8") == "mine"
