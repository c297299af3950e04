"""`tidegate opportunities`, as a person uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from scraper.store.database import Database
from tests.tidegate.rows import run_sql

pytestmark = pytest.mark.database

Said = tuple[int, str, str]
Say = Callable[..., Said]

NASTY = "tides\x1b[31mred\x1b[0m"


@pytest.fixture
def dsn(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three conversations: 1 and 2 are open, 3 has a draft."""

    async def work() -> None:
        async with Database(migrated_dsn):
            pass

    asyncio.run(work())
    finished = "insert into job_runs (job, status, finished_at) values ('reply_harvester', 'success', now())"
    run_sql(migrated_dsn, finished)
    for number, (site, state) in enumerate((("pier", "open"), ("quay", "open"), ("pier", "drafted")), 1):
        run_sql(
            migrated_dsn,
            "insert into opportunities (site, post_id, url, author, text, likes, score, tier, because, run,"
            " expires_at, state) values ($1, $2, 'https://pier.example/' || $2, 'ada', $3, 7, $4, 'hot', 'young', 1,"
            " now() + interval '5 hours', $5)",
            site,
            str(number),
            NASTY,
            number / 10,
            state,
        )
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", migrated_dsn)
    return migrated_dsn


def test_the_best_come_first_and_nothing_in_them_moves_the_terminal(say: Say, dsn: str) -> None:
    code, out, _ = say("opportunities", "list", "--format", "json")
    assert code == 0
    assert [(row["id"], row["state"]) for row in json.loads(out)] == [(3, "drafted"), (2, "open"), (1, "open")]
    _, table, _ = say("opportunities", "list")
    assert "\x1b" not in table
    _, out, err = say("opportunities", "list", "--site", "quay", "--limit", "1", "--format", "json")
    assert [row["site"] for row in json.loads(out)] == ["quay"]
    assert "these are the first 1" in err


def test_what_is_dismissed_is_closed_and_what_has_a_draft_is_not(say: Say, dsn: str) -> None:
    code, out, err = say("opportunities", "dismiss", "1", "3", "9", "99999999999999999999")
    assert (code, out) == (1, "1 dismissed\n")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["3", "9", "99999999999999999999"]
    assert "`tidegate drafts`" in err
    states = run_sql(dsn, "select state from opportunities order by id")
    assert [row["state"] for row in states] == ["rejected", "open", "drafted"]
    assert say("opportunities", "dismiss", "2")[0] == 0
    assert say("opportunities", "dismiss", "2")[0] == 1


def test_where_none_is_open_it_is_said(say: Say, dsn: str) -> None:
    run_sql(dsn, "update opportunities set state = 'expired'")
    code, _, err = say("opportunities", "list")
    assert (code, err) == (0, "tidegate: there are no open conversations\n")
