"""Job runs: what a run wrote is counted from the rows."""

from __future__ import annotations

import pytest

from scraper.store import runs
from scraper.store.database import Database
from scraper.store.errors import NothingWritten


async def test_what_a_run_wrote_is_counted_from_the_rows_and_not_told_by_it(database: Database) -> None:
    other, run = await runs.start(database, "metrics_scraper"), await runs.start(database, "metrics_scraper")
    post = await database.pool.fetchval(
        "insert into posts (site, post_id, url) values ('demo', '1', 'u') returning id"
    )
    for outcome in ("ok", "timeout", "timeout"):
        await database.fetch("record_outcome", run, "demo", "u", post, outcome, None, 0.1, None)
    await database.fetch("record_outcome", other, "demo", "u", post, "ok", None, 0.1, None)
    await database.pool.execute("insert into snapshots (post, run) values ($1, $2)", post, run)
    counted = await runs.finish(database, run, status="success", reason=None, peak_bytes=123)
    assert (counted.pages, counted.rows_written) == (3, 1)
    assert await runs.outcomes(database, run) == {"timeout": 2, "ok": 1}
    row = await database.pool.fetchrow(
        "select status, peak_bytes, finished_at >= started_at from job_runs where id=$1", run
    )
    assert row is not None
    assert tuple(row) == ("success", 123, True)


async def test_a_run_that_wrote_nothing_says_so(database: Database) -> None:
    run = await runs.start(database, "reply_harvester")
    counted = await runs.finish(database, run, status="success", reason=None, peak_bytes=None)
    assert (counted.pages, counted.rows_written) == (0, 0)


async def test_a_run_ends_once(database: Database) -> None:
    run = await runs.start(database, "metrics_scraper")
    await runs.finish(database, run, status="failed", reason="first", peak_bytes=None)
    with pytest.raises(NothingWritten, match=f"run {run} is not running"):
        await runs.finish(database, run, status="success", reason="second", peak_bytes=None)
    assert await database.pool.fetchval("select reason from job_runs") == "first"


async def test_a_job_that_was_put_off_is_a_row_with_its_reason(database: Database) -> None:
    await runs.skip(database, "metrics_scraper", "300 MiB needed, but 12 MiB left")
    row = await database.pool.fetchrow("select job, status, reason, finished_at is not null from job_runs")
    assert row is not None
    assert tuple(row) == ("metrics_scraper", "skipped", "300 MiB needed, but 12 MiB left", True)


async def test_runs_whose_process_is_gone_are_closed_and_those_of_other_jobs_are_not(database: Database) -> None:
    await runs.start(database, "metrics_scraper")
    done = await runs.start(database, "metrics_scraper")
    await runs.finish(database, done, status="success", reason=None, peak_bytes=None)
    await runs.start(database, "reply_harvester")
    assert await runs.close_abandoned(database, "metrics_scraper") == 1
    assert await runs.close_abandoned(database, "metrics_scraper") == 0
    rows = await database.pool.fetch("select job, status, reason from job_runs order by id")
    assert [tuple(row) for row in rows] == [
        ("metrics_scraper", "failed", "its process ended without a word"),
        ("metrics_scraper", "success", None),
        ("reply_harvester", "running", None),
    ]
