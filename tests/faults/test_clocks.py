"""Workers whose clocks are apart: the database's clock tells when a run is due, once for all of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.faults.crew import Crew, shared_database, until

pytestmark = [pytest.mark.database, pytest.mark.browser, pytest.mark.processes]

AHEAD_SECONDS = 5
EVERY_SECONDS = 3
RUNS = 6

AHEAD = f"""
import datetime, time
real_time, real = time.time, datetime.datetime

class Ahead(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds={AHEAD_SECONDS})

    @classmethod
    def utcnow(cls):
        return real.utcnow() + datetime.timedelta(seconds={AHEAD_SECONDS})

time.time = lambda: real_time() + {AHEAD_SECONDS}
datetime.datetime = Ahead
import sys
from tidegate.cli import main
sys.argv = ["tidegate", "worker"]
sys.exit(main())
"""


@pytest.mark.slow
async def test_two_workers_whose_clocks_are_apart_ask_for_each_run_once(
    migrated_dsn: str, new_crew: Callable[..., Crew]
) -> None:
    off = dict.fromkeys(("metrics_scraper", "reply_harvester", "plan", "reply", "maintenance"), "off")
    crew = new_crew(migrated_dsn, schedules=json.dumps({"learn": f"every {EVERY_SECONDS}s"} | off))
    behind, ahead = crew.start(), crew.start_python("-c", AHEAD)
    await behind.ready()
    await ahead.ready()
    async with shared_database(migrated_dsn) as look:

        async def both_have_worked() -> bool:
            workers = await look.fetch("select worker, count(*) from job_runs group by worker")
            return len(workers) == 2 and sum(row["count"] for row in workers) >= RUNS

        await until("both have begun runs", both_have_worked)
        rows = await look.fetch("select started_at, status, worker from job_runs order by id")
        assert {row["status"] for row in rows} <= {"success", "running"}
        # Each may begin a little late, but there are no more of them than there was time for.
        span_seconds = (rows[-1]["started_at"] - rows[0]["started_at"]).total_seconds()
        assert (len(rows) - 2) * EVERY_SECONDS <= span_seconds
        # Alone, the one whose clock is ahead has to tell when the next one is due.
        behind.send(signal.SIGTERM)
        assert await behind.ended() == 0
        pauses: set[tuple[datetime, float]] = set()
        asked = await look.fetchval("select last_at from schedules")

        async def has_asked_twice() -> bool:
            row = await look.fetchrow("select last_at, next_at - last_at as pause from schedules")
            if row is not None and row["last_at"] > asked:
                pauses.add((row["last_at"], row["pause"].total_seconds()))
            return len(pauses) >= 2

        await until("it has asked for two runs", has_asked_twice)
    assert all(abs(seconds - EVERY_SECONDS) < AHEAD_SECONDS / 2 for _, seconds in pauses)
    assert await crew.ask_to_end() == [0]
    await crew.nothing_is_left_over()
