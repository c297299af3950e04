"""`tidegate run JOB`, as a user runs it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.crew import everything_is_read_once, follow_all, run_is_over, shared_database, until
from tidegate.demo import DemoSite, World
from tidegate.demo_run import FOLDER
from tidegate.settings import JOBS

Start = Callable[..., "subprocess.Popen[str]"]
Say = Callable[..., tuple[int, str, str]]
PATIENCE_SECONDS = 120
SEED, POSTS = 22, 12
IDS = [post.id for post in World(SEED, posts=POSTS).posts]


@pytest.fixture
def run(start: Start, migrated_dsn: str, chromium: Any, monkeypatch: pytest.MonkeyPatch) -> Start:
    """`run("learn")` starts `tidegate run learn` on a database of its own."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(FOLDER))
    monkeypatch.setenv("TIDEGATE_ALLOW_PRIVATE", "true")
    return lambda *words: start("run", *words)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
async def test_it_reads_what_is_due_and_prints_what_came_of_it(
    run: Start, migrated_dsn: str, left_over: Callable[[], list[str]]
) -> None:
    async with DemoSite(seed=SEED, posts=POSTS, troubles={IDS[5]: "login_wall"}) as site:
        await follow_all(migrated_dsn, site)
        code, out, err = await _finished(run("metrics_scraper"))
        assert (code, err) == (0, "")
        first, *outcomes = out.splitlines()
        assert first.startswith(f"metrics_scraper: success, {POSTS} pages, {POSTS - 1} rows, ")
        assert [line.split() for line in outcomes[:2]] == [["ok", str(POSTS - 1)], ["login_wall", "1"]]
        assert outcomes[2].strip() == f"1 of {POSTS} pages were not read: 1 login_wall"
        code, out, _ = await _finished(run("metrics_scraper", "--json"))
        report = json.loads(out)
        assert (code, report["status"], report["pages"]) == (0, "success", 0), "nothing is due any more"
    assert left_over() == []


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.slow
async def test_the_numbers_it_prints_are_those_of_the_database(run: Start, migrated_dsn: str) -> None:
    async with DemoSite(seed=SEED, posts=POSTS) as site:
        await follow_all(migrated_dsn, site)
        code, out, _ = await _finished(run("metrics_scraper", "--json"))
        report = json.loads(out)
        assert (code, report["number"], report["rows_written"]) == (0, 1, POSTS)
        assert report["outcomes"] == {"ok": POSTS}
        await everything_is_read_once(migrated_dsn, site)


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
async def test_a_run_that_another_one_stands_in_the_way_of_is_skipped_with_exit_code_1(
    run: Start, migrated_dsn: str
) -> None:
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles={IDS[5]: "slow:600"}) as site,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        first = run("metrics_scraper", "--verbose")
        await until("it is at work", lambda: look.fetchval("select count(at_post) from tasks"))
        code, out, _ = await _finished(run("metrics_scraper"))
        assert code == 1
        assert out.startswith("metrics_scraper: skipped")
        assert "run 1, begun at " in out
        assert "is still going" in out
        first.send_signal(signal.SIGKILL)


@pytest.mark.database
@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.slow
async def test_a_signal_ends_it_in_order_and_what_it_was_at_is_left_to_the_next(
    run: Start,
    start: Start,
    migrated_dsn: str,
    left_over: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIDEGATE_DASHBOARD", "off")
    monkeypatch.setenv("TIDEGATE_DRAIN_SECONDS", "1")
    async with (
        DemoSite(seed=SEED, posts=POSTS, troubles={IDS[5]: "slow:600"}) as site,
        DemoSite(seed=SEED, posts=POSTS) as plain,
        shared_database(migrated_dsn) as look,
    ):
        await follow_all(migrated_dsn, site)
        first = run("metrics_scraper")
        at = "select count(*) from tasks t join posts p on p.id = t.at_post where p.post_id = $1"
        await until("it is at the slow page", lambda: look.fetchval(at, IDS[5]))
        first.send_signal(signal.SIGTERM)
        code, out, err = await _finished(first)
        assert (code, out) == (128 + signal.SIGTERM, "")
        assert err.splitlines()[-1] == "tidegate: stopped by SIGTERM; what was read is kept"
        assert left_over() == []
        await look.execute("update posts set url = replace(url, $1, $2)", site.url, plain.url)
        worker = start("worker")
        row = await run_is_over(look)
        assert (row["id"], row["status"], row["pages"]) == (1, "success", POSTS)
        await everything_is_read_once(migrated_dsn, site)
        assert await look.fetchval("select sum(failures + deaths) from tasks") == 0
        worker.send_signal(signal.SIGTERM)
        assert (await _finished(worker))[0] == 0
    assert left_over() == []


@pytest.mark.parametrize("words", (("nonsense",), ("Metrics_Scraper",), ("",)))
def test_a_job_that_there_is_not_is_wrong_usage_and_the_others_are_named(say: Say, words: tuple[str, ...]) -> None:
    said = f"tidegate: there is no job {words[0]}; there are {', '.join(JOBS)}\n"
    assert say("run", *words) == (2, "", said)


@pytest.mark.parametrize("words", ((), ("learn", "plan"), ("learn", "--no-such-option")))
def test_wrong_words_are_wrong_usage_in_one_line(say: Say, words: tuple[str, ...]) -> None:
    code, out, err = say("run", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("url", "said"),
    (
        ("postgresql://nobody:secret@127.0.0.1:1/nowhere", "postgresql://nobody:***@127.0.0.1:1/nowhere"),
        ("nonsense", "nonsense"),
    ),
)
def test_without_a_database_one_line_says_so(say: Say, monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", url)
    code, out, err = say("run", "learn")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"tidegate: no database at {said}")
    assert "secret" not in err


async def _finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    return await asyncio.to_thread(finish, process)
