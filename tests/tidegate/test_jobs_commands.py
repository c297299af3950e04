"""`tidegate jobs`: what it shows is what is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from scraper.store.database import Database
from tests.tidegate.rows import run_sql
from tidegate.settings import JOBS

Said = tuple[int, str, str]
Say = Callable[..., Said]

SCHEDULES = """
insert into schedules (job, rule, next_at, last_at, skips, paused_at) values
    ('metrics_scraper', 'every 5m', now() + interval '200 seconds', now(), 0, null),
    ('learn', 'cron 0 7 * * * in UTC', now() + interval '5 hours', null, 0, now()),
    ('plan', 'never', now(), null, 2, null)
"""
RUNS = """
insert into job_runs (job, status, reason, started_at, finished_at, pages, rows_written, peak_bytes) values
    ('metrics_scraper', 'failed', 'nobody answered', now() - interval '3 hours', now() - interval '2 hours',
     7, 0, null),
    ('learn', 'skipped', 'not enough memory: 16 MiB needed', now() - interval '70 minutes',
     now() - interval '70 minutes', 0, 0, null),
    ('metrics_scraper', 'success', null, now() - interval '600 seconds', now() - interval '590 seconds',
     20, 19, 104857600),
    ('metrics_scraper', 'running', null, now() - interval '30 seconds', null, 0, 0, null)
"""
TASKS = """
insert into tasks (run, job, payload, state, finished_at)
select 4, 'metrics_scraper', '{}', state, case state when 'done' then now() end
from unnest(array['done', 'open', 'open']) state
"""
ALARM = """
insert into alarms (job, kind, says, raised_at, cleared_at) values
    ('metrics_scraper', 'stale', 'it has not ended well for 5 hours', now(), null),
    ('learn', 'quiet', 'it is over', now(), now())
"""


@pytest.fixture
def on_a_database(say: Say, monkeypatch: pytest.MonkeyPatch, migrated_dsn: str) -> Say:
    """`say`, on a database of its own."""
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)
    monkeypatch.setenv("COLUMNS", "200")
    return say


@pytest.fixture
def worked(on_a_database: Say, migrated_dsn: str) -> Say:
    """The same, on one in which jobs have run."""
    assert on_a_database("jobs", "list")[0] == 0
    for statement in (SCHEDULES, RUNS, TASKS, ALARM):
        run_sql(migrated_dsn, statement)
    return on_a_database


def lines_of(said: Said) -> dict[str, str]:
    """The lines of a table, by their first word."""
    code, out, err = said
    assert (code, err) == (0, "")
    return {line.split()[0]: line for line in out.splitlines() if line.strip()}


@pytest.mark.database
def test_before_anything_has_run_it_says_how_that_begins(on_a_database: Say) -> None:
    code, out, err = on_a_database("jobs", "list")
    assert (code, err) == (0, "")
    assert out == "No job has a schedule yet: `tidegate serve` writes them down when it first runs.\n"


@pytest.mark.database
def test_the_list_has_every_scheduled_job_with_its_next_and_its_last_run_and_open_alarms(worked: Say) -> None:
    lines = lines_of(worked("jobs", "list"))
    assert set(lines) == {"job", "metrics_scraper", "learn", "alarm:"}
    assert "every 5m" in lines["metrics_scraper"]
    assert "in 3 min" in lines["metrics_scraper"]
    assert "running" in lines["metrics_scraper"]
    assert "paused" in lines["learn"]
    assert "not enough memory: 16 MiB needed" in lines["learn"]
    assert "metrics_scraper stale since" in lines["alarm:"]
    assert "it has not ended well for 5 hours" in lines["alarm:"]


@pytest.mark.database
def test_the_list_as_json_has_the_rows_of_the_database(worked: Say) -> None:
    code, out, _ = worked("jobs", "list", "--json")
    found = json.loads(out)
    assert code == 0
    assert [row["job"] for row in found["jobs"]] == ["learn", "metrics_scraper"]
    assert (found["jobs"][1]["run"], found["jobs"][1]["status"], found["jobs"][0]["status"]) == (
        4,
        "running",
        "skipped",
    )
    assert found["jobs"][0]["paused_at"] is not None
    assert [alarm["kind"] for alarm in found["alarms"]] == ["stale"]


@pytest.mark.database
def test_the_runs_are_the_last_ones_first_with_what_is_left_of_an_open_one(worked: Say) -> None:
    code, out, err = worked("jobs", "runs")
    assert (code, err) == (0, "")
    numbered = [line.split() for line in out.splitlines()[1:]]
    assert [words[0] for words in numbered] == ["4", "3", "2", "1"]
    assert numbered[0][1:3] == ["metrics_scraper", "running"]
    assert "1/3" in numbered[0]
    assert numbered[1][-4:] == ["0", "20", "19", "100"]
    assert numbered[1][5] == "10.0"
    assert numbered[2][2] == "skipped"
    assert "not enough memory: 16 MiB needed" in out
    assert "nobody answered" in out


@pytest.mark.database
@pytest.mark.parametrize(
    ("words", "numbers"),
    (
        (("metrics_scraper",), [4, 3, 1]),
        (("--limit", "2"), [4, 3]),
        (("learn", "--limit", "5"), [2]),
        (("maintenance",), []),
    ),
)
def test_the_runs_of_one_job_and_so_many_of_them(worked: Say, words: tuple[str, ...], numbers: list[int]) -> None:
    code, out, _ = worked("jobs", "runs", *words, "--json")
    assert code == 0
    assert [row["id"] for row in json.loads(out)] == numbers


def paused_of(dsn: str) -> list[str]:
    return [row["job"] for row in run_sql(dsn, "select job from schedules where paused_at is not null order by job")]


@pytest.mark.database
def test_a_job_is_paused_and_resumed_and_the_list_says_so(worked: Say, migrated_dsn: str) -> None:
    assert worked("jobs", "pause", "metrics_scraper") == (0, "metrics_scraper is paused\n", "")
    assert paused_of(migrated_dsn) == ["learn", "metrics_scraper"]
    assert "paused" in lines_of(worked("jobs", "list"))["metrics_scraper"]
    assert worked("jobs", "pause", "metrics_scraper")[0] == 0, "twice is harmless"
    assert worked("jobs", "resume", "metrics_scraper") == (0, "metrics_scraper runs again\n", "")
    assert paused_of(migrated_dsn) == ["learn"]
    assert "paused" not in lines_of(worked("jobs", "list"))["metrics_scraper"]


@pytest.mark.database
@pytest.mark.parametrize("what", ("pause", "resume"))
def test_a_job_that_there_is_not_is_wrong_usage_and_the_others_are_named(worked: Say, what: str) -> None:
    code, out, err = worked("jobs", what, "nonsense")
    assert (code, out, err) == (2, "", f"tidegate: there is no job nonsense; there are {', '.join(JOBS)}\n")


@pytest.mark.database
def test_the_runs_of_a_job_that_there_is_not_are_wrong_usage_as_well(worked: Say) -> None:
    code, out, err = worked("jobs", "runs", "nonsense")
    assert (code, out, err) == (2, "", f"tidegate: there is no job nonsense; there are {', '.join(JOBS)}\n")


@pytest.mark.database
@pytest.mark.parametrize("job", ("maintenance", "plan"))
def test_a_job_without_a_schedule_can_not_be_paused_and_it_says_why(worked: Say, migrated_dsn: str, job: str) -> None:
    code, out, err = worked("jobs", "pause", job)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{job} has no schedule" in err
    assert paused_of(migrated_dsn) == ["learn"]


@pytest.mark.parametrize("words", (("list",), ("runs",), ("pause", "learn"), ("resume", "learn")))
def test_without_a_database_one_line_says_so(
    say: Say, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nowhere")
    code, out, err = say("jobs", *words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("tidegate: no database at postgresql://nobody:***@127.0.0.1:1/nowhere: ")
    assert "secret" not in err


@pytest.mark.database
async def test_what_the_jobs_are_called_is_what_the_settings_know(database: Database) -> None:
    from tidegate.all_jobs import all_jobs  # noqa: PLC0415 it brings Playwright along
    from tidegate.program import open_program  # noqa: PLC0415 as above
    from tidegate.settings import load_settings  # noqa: PLC0415 as above

    settings: Any = load_settings(max_contexts=1)
    async with open_program(settings) as program:
        assert [job.name for job in await all_jobs(program, database)] == list(JOBS)
