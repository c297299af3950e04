"""`tidegate debug`: why a page was read as it was, what is kept of it, and the same again without the network."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper.definitions import Definitions
from scraper.outcome import Outcome
from tests.browser_pool.web import Web, serving
from tidegate.debug import folder
from tidegate.debug import look as look_module
from tidegate.debug.look import Sight, Watch, look
from tidegate.demo import DemoSite
from tidegate.program import definitions_for, open_program
from tidegate.scrape import understand
from tidegate.settings import Settings, load_settings
from tidegate.window import until_done

pytestmark = pytest.mark.browser

Say = Callable[..., tuple[int, str, str]]
Start = Callable[..., subprocess.Popen[str]]

PAGES = Path(__file__).parents[2] / "scraper" / "pages"
FRONT = str(PAGES / "hackernews" / "newest-logged-in.html")
TOMORROW = str(PAGES / "hackernews" / "layout-of-tomorrow.html")

PIER = """
name = "pier"
title = "Pier"
hosts = ["127.0.0.1"]
schemes = ["http"]
post_id = '/post/(\\d+)'
permalink = "/post/{id}"
[saved]
base_url = "http://127.0.0.1/"
[politeness]
requests_per_second = 50
[[layouts]]
name = "plain"
[[layouts.items]]
name = "post"
css = "article"
required = ["id", "likes"]
[[layouts.items.records]]
response = "*/data*"
having = "likes"
id = "id"
[layouts.items.fields]
id = [{ attribute = "id" }]
text = [{ css = "p" }]
likes = [{ record = "likes" }]
"""

SECRETS = ("cookie-value-77", "storage-value-88", "query-value-99", "header-value-55", "typed-value-44")
PAGE = """<!doctype html><title>Pier</title><script>
document.cookie = "sid=cookie-value-77; path=/";
localStorage.setItem("session", "storage-value-88");
addEventListener("DOMContentLoaded", async () => {
  const headers = { "X-Csrf-Token": "header-value-55" };
  await fetch("/send", { method: "POST", body: ["typed", "value", "44"].join("-") });
  const told = await (await fetch("/data?access_token=query-value-99", { headers })).json();
  const text = `Hello ${document.cookie} ${localStorage.session}`;
  document.body.innerHTML = `<article id="${told.id}"><p>${text}</p></article>`;
});
</script><body>"""


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    data = ("application/json", '{"id": "12", "likes": 34}')
    async with serving(Web({"/post/12": PAGE, "/data": data, "/send": ("text/plain", "")})) as web:
        yield web


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    place = tmp_path / "sites"
    place.mkdir()
    (place / "pier.toml").write_text(PIER)
    return place


@pytest.fixture
def settings(tmp_path: Path, sites: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", sites_dir=sites, allow_private=True, evidence_mb=0)


async def seen(settings: Settings, source: str, watch: Watch, then: folder.Then | None = None) -> Sight:
    async def hold(*_: Any) -> None:
        raise AssertionError("nobody is to be waited for")

    definitions = definitions_for(settings)
    site = then.site if then else None
    page = understand(source, definitions, site=site, url=then.url if then else None)
    async with open_program(settings, definitions=definitions, pool=watch.pool(None)) as program:
        return await look(program, page, watch, hold=hold, then=then)


def everything_in(place: Path) -> Iterator[tuple[str, bytes]]:
    """Each file, and each member of an archive."""
    for path in sorted(place.iterdir()):
        yield path.name, path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name)


async def test_nothing_that_is_kept_has_a_cookie_or_a_token_in_it(
    settings: Settings, web: Web, tmp_path: Path
) -> None:
    place = tmp_path / "kept"
    sight = await seen(settings, f"{web.url}/post/12", Watch(trace=True, folder=place))
    assert (sight.report.outcome, sight.report.posts[0].likes) == (Outcome.OK, 34)
    assert {path.name for path in place.iterdir()} == {
        "page.html", "page.webp", "outlined.webp", "responses.json", "report.json", "network.har", "trace.zip",
    }  # fmt: skip
    # The page did send and show all of them.
    data = next(one for one in web.asked if one.path.startswith("/data"))
    assert ("cookie-value-77" in data.headers["cookie"], data.headers["x-csrf-token"]) == (True, "header-value-55")
    found = [(name, secret) for name, data in everything_in(place) for secret in SECRETS if secret.encode() in data]
    assert found == []
    assert "Hello sid=redacted redacted" in (place / "page.html").read_text()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_the_har_says_what_went_over_the_network(settings: Settings, web: Web, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    await seen(settings, f"{web.url}/post/12", Watch(folder=place))
    har = json.loads((place / "network.har").read_text())["log"]
    told = {entry["request"]["url"].removeprefix(web.url): entry for entry in har["entries"]}
    assert list(told)[:3] == ["/post/12", "/send", "/data?access_token=redacted"]
    assert told["/data?access_token=redacted"]["response"]["content"]["text"] == '{"id": "12", "likes": 34}'
    assert told["/send"]["request"]["postData"]["text"] == "redacted"
    assert har["browser"]["version"]


@pytest.mark.slow
async def test_a_replay_reads_the_same_without_the_network(settings: Settings, web: Web, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    await seen(settings, f"{web.url}/post/12", Watch(folder=place))
    asked = len(web.asked)
    then = folder.read(place)
    again = await seen(settings, str(then.page), Watch(), then)
    assert (again.report.outcome, again.changed) == (Outcome.OK, ())
    assert again.report.posts[0].likes == 34
    assert (again.folder, len(web.asked)) == (None, asked)


@pytest.mark.slow
async def test_a_replay_by_a_definition_that_was_broken_since_says_which_field_and_why(
    settings: Settings, sites: Path, web: Web, tmp_path: Path
) -> None:
    place = tmp_path / "kept"
    await seen(settings, f"{web.url}/post/12", Watch(folder=place))
    (sites / "pier.toml").write_text(PIER.replace('css = "p"', 'css = "p.words"'))
    then = folder.read(place)
    again = await seen(settings, str(then.page), Watch(), then)
    assert [str(one) for one in again.changed] == ["12: text was Hello sid=redacted redacted, is unknown"]
    assert again.diagnosis is not None
    [(_, text)] = again.diagnosis.lost
    assert text.why == "its place says nothing (p.words: 0 on the page; of its parts: p 1, .words 0)"


async def test_a_page_that_does_not_come_is_an_outcome_and_says_why(settings: Settings, tmp_path: Path) -> None:
    sight = await seen(settings, "http://127.0.0.1:9/post/1", Watch(folder=tmp_path / "kept"))
    assert sight.report.outcome not in {Outcome.OK, Outcome.EMPTY}
    told = json.loads((tmp_path / "kept" / "report.json").read_text())
    assert told["outcome"] == sight.report.outcome.value


@pytest.mark.slow
async def test_a_page_that_is_busy_with_itself_is_given_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "AGAIN_SECONDS", 0.5)
    settings = settings.model_copy(update={"page_seconds": 2.0})
    busy = "<!doctype html><article id=12><p>Hello</p></article><script>for (;;);</script>"
    async with serving(Web({"/post/12": busy})) as web, asyncio.timeout(90):
        sight = await seen(settings, f"{web.url}/post/12", Watch(folder=tmp_path / "kept"))
    assert sight.report.outcome is Outcome.TIMEOUT
    assert sight.diagnosis is None


def test_a_saved_page_is_told_field_by_field(say: Say, tmp_path: Path) -> None:
    code, out, err = say("debug", FRONT, "--keep", str(tmp_path / "kept"))
    assert (code, err) == (0, "")
    assert "athing/story: 5 posts" in out
    score = next(line for line in out.splitlines() if line.startswith("│ score"))
    assert "3 of 5" in score
    assert f"tidegate debug --replay {tmp_path / 'kept'}" in out
    # A saved page has no network.
    assert not (tmp_path / "kept" / "network.har").exists()
    code, out, _ = say("debug", "--replay", str(tmp_path / "kept"))
    assert code == 0
    assert "as it was on" in out


@pytest.mark.slow
def test_json_has_the_same_and_a_page_that_is_not_known_is_a_failure(say: Say, tmp_path: Path) -> None:
    code, out, _ = say("debug", TOMORROW, "--json", "--keep", str(tmp_path / "kept"))
    told = json.loads(out)
    assert (code, told["outcome"], told["site"], told["posts"]) == (1, "selector_drift", "hackernews", [])
    assert any(kind["why"] for kind in told["kinds"])
    assert told["folder"] == str(tmp_path / "kept")


@pytest.mark.slow
def test_wrong_use_is_told_in_a_line(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (tmp_path / "there").mkdir()
    for words, said in (
        ((), "name one page to look at"),
        ((FRONT, "--replay", str(tmp_path)), "name one page to look at"),
        (("--replay", str(tmp_path)), "is no folder of `tidegate debug`"),
        ((FRONT, "--headed"), "no window can be opened here: there is no screen"),
        ((FRONT, "--slow-mo", "-1"), "--slow-mo"),
        ((FRONT, "--keep", str(tmp_path / "there")), "is there already"),
    ):
        code, out, err = say("debug", *words)
        assert (code, out) == (2, "")
        assert said in err
        assert "Traceback" not in err


@pytest.mark.processes
def test_a_window_stays_open_on_failure_until_enter_is_pressed(display: str, start: Start, tmp_path: Path) -> None:
    process = start(
        "debug",
        TOMORROW,
        "--headed",
        "--pause-on-failure",
        "--devtools",
        "--slow-mo",
        "5",
        "--keep",
        str(tmp_path / "kept"),
    )
    assert process.stderr is not None
    assert "press Enter here, or close the window" in process.stderr.readline()
    assert process.poll() is None
    out, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 1
    assert "selector_drift" in out
    assert (tmp_path / "kept" / "outlined.webp").stat().st_size > 0


@pytest.mark.processes
def test_a_window_of_a_page_that_is_fine_is_not_waited_for(display: str, start: Start, tmp_path: Path) -> None:
    process = start("debug", FRONT, "--headed", "--pause-on-failure", "--keep", str(tmp_path / "kept"))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ok: 5 posts" in out


@pytest.mark.processes
async def test_a_window_that_is_closed_ends_the_wait(display: str, settings: Settings, demo_site: DemoSite) -> None:
    told: list[str] = []

    async def hold(window: Any, _: Sight) -> None:
        for page in window.pages:
            await page.close()
        await until_done(window, asyncio.Event())
        told.append("closed")

    watch = Watch(headed=True, pause=True)
    definitions = Definitions.builtin().load(Path(__file__).parents[3] / "tidegate" / "demo")
    page = understand(f"{demo_site.url}/", definitions, site="demo", url=None)
    async with open_program(settings, definitions=definitions, pool=watch.pool(None)) as program:
        sight = await look(program, page, watch, hold=hold)
    assert (told, sight.report.outcome) == (["closed"], Outcome.OK)
