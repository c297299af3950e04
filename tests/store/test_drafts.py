"""Drafts and planned posts: what a person decides, and what follows for the conversation and for the weights."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from scraper.store import drafts, planned
from scraper.store.database import Database
from scraper.store.drafts import DailyLimits
from scraper.store.errors import NothingWritten
from scraper.store.spending import DailyBudget, Spent
from scraper.store.weights import Arm, Kind

pytestmark = pytest.mark.database

ARM = Arm(Kind.REPLY, "template", "question")
POST_ARM = Arm(Kind.POST, "template", "note")
RUN = "insert into job_runs (job, status, finished_at) values ('reply', 'success', now())"
LIMITS = DailyLimits(drafts=5, drafts_an_author=2)


@pytest.fixture
async def database(database: Database) -> Database:
    """With a run and a conversation, and without verdicts and spending."""
    await database.pool.execute("truncate verdicts, learnt, generator_spending, blocked_authors restart identity")
    await database.pool.execute(RUN)
    await talk(database, 1)
    return database


async def talk(database: Database, number: int, *, author: str = "ada", hours: float = 5) -> int:
    """A conversation that is open for some hours more."""
    row: int = await database.pool.fetchval(
        "insert into opportunities (site, post_id, url, author, text, score, tier, because, run, expires_at)"
        " values ('pier', $1, 'https://pier.example/posts/' || $1, $2, 'How do tides work?', 0.5, 'hot', 'young', 1,"
        " clock_timestamp() + $3) returning id",
        *(str(number), author, timedelta(hours=hours)),
    )
    return row


async def draft(database: Database, opportunity: int = 1, text: str = "What surprised you?") -> int | None:
    return await drafts.add(database, 1, opportunity, ARM, text, limits=LIMITS)


async def state(database: Database, opportunity: int = 1) -> str:
    found: str = await database.pool.fetchval("select state from opportunities where id = $1", opportunity)
    return found


async def said(database: Database) -> list[tuple[Any, ...]]:
    rows = await database.pool.fetch("select kind, subject, generator, arm, is_success from verdicts order by id")
    return [tuple(row) for row in rows]


async def plan(database: Database, text: str = "Notes on tides.", **more: Any) -> int | None:
    settings = {"posts_a_day": 5, "keep": timedelta(days=1), "seen_up_to": 0, "is_new": lambda _: True, **more}
    return await planned.add(database, 1, "tides", POST_ARM, text, **settings)


async def test_a_draft_takes_its_conversation_out_of_the_open_ones(database: Database) -> None:
    number = await draft(database)
    assert (number, await state(database)) == (1, "drafted")
    assert not await drafts.candidates(database, limit=10, limits=LIMITS)
    row = await drafts.one(database, 1)
    assert (row["text"], row["state"], row["conversation"]) == (
        "What surprised you?",
        "waiting",
        "How do tides work?",
    )


async def test_of_many_workers_one_drafts_a_conversation(database: Database) -> None:
    made = await asyncio.gather(*(draft(database) for _ in range(8)))
    assert sorted(made, key=bool) == [None] * 7 + [1]


async def test_the_limits_of_a_day_hold_for_workers_that_draft_at_once(database: Database) -> None:
    talks = [await talk(database, number, author=f"writer {number % 4}") for number in range(2, 20)]
    made = await asyncio.gather(*(draft(database, one) for one in talks))
    assert len([one for one in made if one]) == LIMITS.drafts
    assert await drafts.left_today(database, LIMITS) == 0
    most = await database.pool.fetchval(
        "select max(n) from (select count(*) n from drafts d join opportunities o on o.id = d.opportunity"
        " group by o.author) of_author"
    )
    assert most <= LIMITS.drafts_an_author


async def test_the_drafts_of_yesterday_count_no_more(database: Database) -> None:
    await draft(database)
    await database.pool.execute("update drafts set made_at = made_at - interval '1 day'")
    assert await drafts.left_today(database, LIMITS) == LIMITS.drafts


async def test_a_conversation_that_is_over_gets_no_draft(database: Database) -> None:
    assert await draft(database, await talk(database, 2, hours=-1)) is None
    await database.pool.execute("update opportunities set state = 'answered', closed_at = now() where id = 1")
    assert await draft(database) is None
    assert await database.pool.fetchval("select count(*) from drafts") == 0


async def test_nobody_drafts_for_blocked_authors_or_for_those_who_have_had_theirs(database: Database) -> None:
    await talk(database, 2, author="Bob")
    await talk(database, 3, author="eve")
    await database.pool.execute("insert into blocked_authors (site, author) values ('pier', 'bob'), ('reef', 'eve')")
    one = DailyLimits(drafts=5, drafts_an_author=1)
    assert [row["author"] for row in await drafts.candidates(database, limit=9, limits=one)] == ["ada", "eve"]
    await draft(database)
    await talk(database, 4, author="ada")
    assert [row["author"] for row in await drafts.candidates(database, limit=9, limits=one)] == ["eve"]


async def test_approving_is_a_success_for_the_arm_and_posting_answers_the_conversation(database: Database) -> None:
    await draft(database)
    await drafts.approve(database, 1, by="grace")
    row = await drafts.one(database, 1)
    assert (row["state"], row["decided_by"], row["written"]) == ("approved", "grace", None)
    assert await said(database) == [("reply", 1, "template", "question", True)]
    assert await state(database) == "drafted"
    await drafts.posted(database, 1, url="https://pier.example/posts/99")
    row = await drafts.one(database, 1)
    assert (row["conversation_state"], row["posted_url"]) == ("answered", "https://pier.example/posts/99")


async def test_what_was_written_is_kept_beside_what_a_person_made_of_it(database: Database) -> None:
    await draft(database)
    await drafts.approve(database, 1, by="grace", text="Why?")
    row = await drafts.one(database, 1)
    assert (row["text"], row["written"]) == ("Why?", "What surprised you?")


async def test_rejecting_is_a_failure_for_the_arm_and_closes_the_conversation(database: Database) -> None:
    await draft(database)
    await drafts.reject(database, 1, by="grace", why="too polite")
    assert (await drafts.one(database, 1))["note"] == "too polite"
    assert (await said(database), await state(database)) == (
        [("reply", 1, "template", "question", False)],
        "rejected",
    )


async def test_another_draft_can_be_asked_for(database: Database) -> None:
    await draft(database)
    await drafts.reject(database, 1, by="grace", why="too polite", again=True)
    [row] = await drafts.candidates(database, limit=10, limits=LIMITS)
    assert (row["id"], row["earlier_drafts"]) == (1, 1)
    assert await draft(database) == 2


async def test_who_changes_their_mind_is_heard_but_the_first_word_counts_for_the_arm(database: Database) -> None:
    await draft(database)
    await drafts.approve(database, 1, by="grace")
    await drafts.reject(database, 1, by="grace", why="said already")
    assert ((await drafts.one(database, 1))["state"], await state(database)) == ("rejected", "rejected")
    assert [row[4] for row in await said(database)] == [True]


@pytest.mark.parametrize(
    ("act", "says"),
    (
        (lambda base: drafts.approve(base, 1, by="eve"), "draft 1 can't be approved: it was rejected by grace on "),
        (
            lambda base: drafts.reject(base, 1, by="eve", why="no"),
            "draft 1 can't be rejected: it was rejected by grace",
        ),
        (lambda base: drafts.posted(base, 1), "draft 1 can't be noted as posted: it was rejected by grace on "),
        (lambda base: drafts.approve(base, 7, by="eve"), "there is no draft 7; `tidegate drafts list` shows which"),
        (lambda base: planned.approve(base, 7, by="eve"), "there is no planned post p7"),
    ),
)
async def test_what_can_not_be_decided_any_more_is_said(
    database: Database, act: Callable[[Database], Awaitable[None]], says: str
) -> None:
    await draft(database)
    await drafts.reject(database, 1, by="grace", why="no")
    with pytest.raises(NothingWritten) as told:
        await act(database)
    assert str(told.value).startswith(says)
    assert len(await said(database)) == 1


async def test_of_two_people_who_decide_at_once_one_is_told(database: Database) -> None:
    await draft(database)
    heard = await asyncio.gather(
        *(drafts.approve(database, 1, by=name) for name in ("grace", "ada")), return_exceptions=True
    )
    assert [type(one) for one in heard if one] == [NothingWritten]
    assert len(await said(database)) == 1


async def test_only_what_was_approved_can_be_posted(database: Database) -> None:
    await draft(database)
    with pytest.raises(NothingWritten, match="it waits for a decision"):
        await drafts.posted(database, 1)
    assert await state(database) == "drafted"


async def test_a_draft_that_waits_goes_with_its_conversation_and_is_nobodys_failure(database: Database) -> None:
    await draft(database)
    await draft(database, await talk(database, 2, author="bob"))
    await drafts.approve(database, 2, by="grace")
    await database.pool.execute("update opportunities set expires_at = clock_timestamp() - interval '1 minute'")
    assert await drafts.expire(database) == 1
    states = [(await drafts.one(database, number))["state"] for number in (1, 2)]
    assert (states, await state(database)) == (["expired", "approved"], "expired")
    assert [row[1] for row in await said(database)] == [2]
    await drafts.posted(database, 2)
    assert await state(database, 2) == "answered"


async def test_a_planned_post_is_decided_and_expires_like_a_draft(database: Database) -> None:
    assert [await plan(database, text) for text in ("one", "two", "three", "four")] == [1, 2, 3, 4]
    await planned.approve(database, 1, by="grace", text="One.")
    await planned.reject(database, 2, by="grace", why="no")
    await planned.posted(database, 1, url="https://pier.example/posts/100")
    await database.pool.execute("update planned_posts set expires_at = now() - interval '1 hour' where id < 4")
    assert await planned.expire(database) == 1
    rows = [row async for page in planned.in_pages(database, state=None) for row in page]
    assert [row["state"] for row in rows] == ["approved", "rejected", "expired", "waiting"]
    assert await said(database) == [("post", 1, "template", "note", True), ("post", 2, "template", "note", False)]


async def test_a_day_holds_so_many_planned_posts_for_all_workers(database: Database) -> None:
    made = await asyncio.gather(*(plan(database, f"text {number}", posts_a_day=3) for number in range(9)))
    assert len([one for one in made if one]) == 3
    assert await planned.left_today(database, 3) == 0


async def test_what_others_have_planned_meanwhile_is_looked_at_once_more(database: Database) -> None:
    await plan(database, "the same")
    assert await plan(database, "the same", is_new=lambda texts: "the same" not in texts) is None
    assert await plan(database, "the same", seen_up_to=1, is_new=lambda texts: "the same" not in texts) == 2


async def test_a_run_can_go_and_its_drafts_stay(database: Database) -> None:
    await database.pool.execute(RUN)
    await drafts.add(database, 2, 1, ARM, "text", limits=LIMITS)
    await database.pool.execute("delete from job_runs where id = 2")
    assert (await drafts.one(database, 1))["text"] == "text"


async def test_the_table_itself_refuses_two_drafts_for_one_conversation(database: Database) -> None:
    await draft(database)
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.pool.execute(
            "insert into drafts (opportunity, generator, arm, text) values (1, 'x', 'y', 'z')"
        )


async def test_a_budget_is_one_for_all_and_is_never_overdrawn(database: Database) -> None:
    async with Database(database.dsn) as other:
        budgets = [DailyBudget(one, "openai", requests=5, tokens=10_000) for one in (database, other) * 6]
        taken = await asyncio.gather(*(one.take(100) for one in budgets))
    assert len([one for one in taken if one]) == 5
    assert await budgets[0].spent() == Spent(5, 500)


async def test_a_budget_is_settled_when_the_cost_is_known(database: Database) -> None:
    budget = DailyBudget(database, "openai", requests=100, tokens=1000)
    first = await budget.take(900)
    assert first is not None
    assert await budget.take(200) is None
    await budget.settle(first, 50)
    assert await budget.take(200) is not None
    assert await budget.spent() == Spent(2, 250)
    assert await DailyBudget(database, "openai", requests=0, tokens=9).take(1) is None
    assert await DailyBudget(database, "new", requests=0, tokens=9).take(1) is None


async def test_the_budget_of_yesterday_is_over(database: Database) -> None:
    budget = DailyBudget(database, "openai", requests=1, tokens=1000)
    assert await budget.take(10) is not None
    assert await budget.take(10) is None
    await database.pool.execute("update generator_spending set day = day - 1")
    assert await budget.take(10) is not None
