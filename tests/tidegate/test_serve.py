"""`tidegate serve`, as an operator runs it: it says where things are, does what is due, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.store.embedded import EmbeddedPostgres
from tests.faults.crew import Crew, everything_is_read_once, follow_all, run_is_over, shared_database, until
from tidegate.demo import DemoSite
from tidegate.settings import JOBS

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture
def crew(open_folder: Path, chromium: Path, request: pytest.FixtureRequest) -> Iterator[Crew]:
    """One program with a data folder of its own."""
    crew = Crew(None, open_folder / f"serve {abs(hash(request.node.name))}")
    yield crew
    crew.end()


@pytest.mark.database
async def test_it_says_where_things_are_does_what_is_due_and_ends_in_order_with_nothing_left(crew: Crew) -> None:
    server = EmbeddedPostgres(crew.folder / "data")
    async with DemoSite(seed=21, posts=20) as site:
        async with server:
            await follow_all(server.dsn, site)
        serving = crew.start("serve")
        await serving.ready()
        assert [event["folder"] for event in serving.events("postgres.started")] == [str(crew.folder / "data")]
        [ready] = serving.events("worker.ready")
        assert ready["jobs"] == list(JOBS)
        async with shared_database(server.dsn) as look:
            run = await run_is_over(look)
            assert (run["status"], run["pages"], run["rows_written"]) == ("success", 20, 20)
            await everything_is_read_once(server.dsn, site)
        assert len(crew.left_over()) > 3, "this is how what is left over would be found"
        serving.send(signal.SIGTERM)
        assert await serving.ended() == 0
    assert [event["event"] for event in serving.said][-2:] == ["worker.ended", "loop.ended"]
    assert server.pid is None
    await crew.nothing_is_left_over()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
@pytest.mark.slow
async def test_with_nothing_to_do_it_ends_in_order_as_well(
    open_folder: Path, crew: Crew, number: signal.Signals
) -> None:
    serving = crew.start("serve")
    await serving.ready()
    serving.send(number)
    assert await serving.ended() == 0
    assert "Traceback" not in serving.last_words()
    await crew.nothing_is_left_over()


@pytest.mark.slow
async def test_a_job_that_is_paused_is_not_run_until_it_is_resumed(open_folder: Path, chromium: Path) -> None:
    off = dict.fromkeys(("reply_harvester", "plan", "reply", "maintenance"), "off")
    rules = {"metrics_scraper": "every 1d", "learn": "every 1d"} | off
    crew = Crew(None, open_folder / "serve paused", schedules=json.dumps(rules))
    server = EmbeddedPostgres(crew.folder / "data")
    try:
        serving = crew.start("serve")
        await serving.ready()
        async with shared_database(server.dsn) as look:

            async def runs_of(job: str, count: int) -> None:
                async def are_over() -> bool:
                    over = "select count(*) = $2 from job_runs where job = $1 and status = 'success'"
                    return bool(await look.fetchval(over, job, count))

                await until(f"{job} has run {count} times", are_over)

            await runs_of("metrics_scraper", 1)
            await runs_of("learn", 1)
            assert await crew.start("jobs", "pause", "metrics_scraper").ended() == 0
            for count in (2, 3):
                # Both are due; whatever is asked for is asked for at the same tick.
                await look.execute("update schedules set next_at = now() - interval '1 minute'")
                await runs_of("learn", count)
            await runs_of("metrics_scraper", 1)
            assert await crew.start("jobs", "resume", "metrics_scraper").ended() == 0
            await runs_of("metrics_scraper", 2)
        assert await crew.ask_to_end() == [0]
        await crew.nothing_is_left_over()
    finally:
        crew.end()


IMPATIENT = """
import sys, tidegate.serving
tidegate.serving.DATABASE_PATIENCE_SECONDS = 1.0
from tidegate.cli import main
sys.argv = ["tidegate", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
async def test_a_port_that_no_database_answers_at_is_waited_for_and_then_said_in_one_line(
    open_folder: Path, chromium: Path
) -> None:
    crew = Crew("postgresql://nobody:secret@127.0.0.1:1/nowhere", open_folder / "serve without")
    for command in ("serve", "worker"):
        failing = crew.start_python("-c", IMPATIENT, command)
        assert await failing.ended() == 1
        assert failing.events("database.waited_for")
        last = failing.last_words().splitlines()[-1]
        assert last.startswith("tidegate: no database at postgresql://nobody:***@127.0.0.1:1/nowhere: ")
        assert "TIDEGATE_DATABASE_URL" in last
        assert "Traceback" not in failing.last_words()
        assert "secret" not in failing.last_words()
    await crew.nothing_is_left_over()


async def test_one_that_is_told_to_end_while_it_waits_for_its_database_ends(
    open_folder: Path, chromium: Path
) -> None:
    crew = Crew("postgresql://nobody@127.0.0.1:1/nowhere", open_folder / "serve and wait")
    try:
        waiting = crew.start("worker")

        async def waits() -> bool:
            return bool(waiting.events("database.waited_for"))

        await until("it waits", waits)
        waiting.send(signal.SIGTERM)
        assert await waiting.ended() == 0
        assert len(waiting.events("database.waited_for")) < 8, "it did not wait to the end"
        await crew.nothing_is_left_over()
    finally:
        crew.end()


TOLD_AT_ONCE = """
import signal, sys
from tidegate import cli
cli.app = lambda **_: signal.raise_signal(signal.Signals(int(sys.argv[2])))
cli.main()
"""


@pytest.mark.parametrize(("command", "number"), (("serve", signal.SIGINT), ("worker", signal.SIGTERM)))
async def test_one_that_is_told_to_end_before_it_has_begun_has_ended_in_order(
    crew: Crew, command: str, number: signal.Signals
) -> None:
    told = crew.start_python("-c", TOLD_AT_ONCE, command, str(number.value))
    assert await told.ended() == 0
    assert told.last_words() == ""


async def test_a_command_that_is_no_service_and_is_told_to_end_before_it_has_begun_has_not_succeeded(
    crew: Crew,
) -> None:
    told = crew.start_python("-c", TOLD_AT_ONCE, "run", str(signal.SIGTERM.value))
    assert await told.ended() == -signal.SIGTERM
