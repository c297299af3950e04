"""Replies drafted to the best open conversations, within limits, by whoever can write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

import jobs
from jobs.generators import Brief, Conversation, GeneratorError, Generators, NotNow, TemplateGenerator
from jobs.job import Ending, Run, Status
from jobs.reply import ReplyDrafter, ReplyPolicy, conversation, ranked
from scraper.store import drafts
from scraper.store.database import Database
from scraper.store.drafts import DailyLimits
from scraper.store.weights import Kind

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOMY = ReplyPolicy(DailyLimits(drafts=100, drafts_an_author=100), drafts_a_run=100)


@pytest.fixture
async def database(database: Database) -> Database:
    """With runs, and without verdicts."""
    await database.pool.execute("truncate verdicts, learnt, blocked_authors restart identity")
    await database.pool.execute(
        "insert into job_runs (job, status, finished_at) select 'reply', 'success', now() from generate_series(1, 9)"
    )
    return database


class Echo:
    """Says who was asked; `does` may raise."""

    name = "echo"

    def __init__(self, does: Callable[[Conversation], None] = lambda _: None) -> None:
        self.about: list[Conversation] = []
        self._does = does

    def arms(self, kind: Kind) -> Sequence[str]:
        return ("plain",) if kind is Kind.REPLY else ()

    async def draft(self, about: Conversation, _arm: str) -> str:
        self.about.append(about)
        self._does(about)
        return f"To {about.author}: {about.text}"

    async def post(self, _brief: Brief, _arm: str) -> str:
        raise AssertionError


def run(number: int = 1, **more: Any) -> Run:
    return Run(number, False, lambda _: None, **more)


async def talks(database: Database, *rows: dict[str, Any]) -> None:
    for place, given in enumerate(rows, 1):
        row = {
            "author": f"writer {place}",
            "score": 0.5,
            "tier": "warm",
            "hours": 5,
            "text": f"text {place}",
            **given,
        }
        await database.pool.execute(
            "insert into opportunities (site, post_id, url, author, text, lang, score, tier, because, run,"
            " expires_at) values ('pier', $1, 'https://pier.example/' || $1, $2, $3, 'en', $4, $5, 'young', 1,"
            " clock_timestamp() + $6)",
            *(str(place), row["author"], row["text"], row["score"], row["tier"], timedelta(hours=row["hours"])),
        )


async def texts(database: Database) -> list[str]:
    return [row["text"] async for page in drafts.in_pages(database, state=None) for row in page]


def candidate(number: int, tier: str, score: float, minutes: int) -> dict[str, Any]:
    return {"id": number, "tier": tier, "score": score, "refreshed_at": NOW - timedelta(minutes=minutes)}


def test_conversations_are_ranked_by_tier_then_by_what_is_left_of_their_score() -> None:
    rows = [
        candidate(1, "cool", 0.9, 0),
        candidate(2, "warm", 0.4, 600),
        candidate(3, "warm", 0.3, 0),
        candidate(4, "hot", 0.6, 30),
        candidate(5, "unheard of", 0.9, 0),
        candidate(6, "hot", 0.6, 30),
        # From a clock that is ahead.
        candidate(7, "warm", 0.3, -600),
    ]
    assert [row["id"] for row in ranked(rows, NOW, ReplyPolicy())] == [4, 6, 3, 7, 2, 1, 5]


def test_a_generator_is_told_what_is_known_and_null_for_what_is_not() -> None:
    row = {"id": 7, "site": "pier", "url": "u", "text": "t", "author": None, "lang": None, "posted_at": None}
    told = conversation({**row, "likes": None, "replies": 0, "views": None, "earlier_drafts": 2}, NOW)
    assert (told.author, told.age, told.likes, told.replies, told.seed) == (None, None, None, 0, 9)


@pytest.mark.database
async def test_the_best_are_drafted_first_and_each_once(database: Database) -> None:
    await talks(database, {"score": 0.2}, {"tier": "hot"}, {"score": 0.9})
    policy = ReplyPolicy(drafts_a_run=2)
    drafter = ReplyDrafter(database, Generators((Echo(),)), policy=policy, rng=Random(1))
    assert await drafter.work(run()) == Ending(Status.SUCCESS)
    assert await texts(database) == ["To writer 2: text 2", "To writer 3: text 3"]
    await drafter.work(run(2))
    await drafter.work(run(3))
    assert await texts(database) == ["To writer 2: text 2", "To writer 3: text 3", "To writer 1: text 1"]
    assert await database.pool.fetchval("select count(*) from opportunities where state = 'drafted'") == 3


@pytest.mark.database
async def test_two_drafters_at_once_draft_nothing_twice(database: Database) -> None:
    await talks(database, *({} for _ in range(12)))
    async with Database(database.dsn) as other:
        drafters = [ReplyDrafter(one, Generators((Echo(),)), policy=ROOMY) for one in (database, other, database)]
        await asyncio.gather(*(one.work(run(number)) for number, one in enumerate(drafters, 1)))
    assert sorted(await texts(database)) == sorted(f"To writer {number}: text {number}" for number in range(1, 13))


@pytest.mark.database
async def test_a_day_and_an_author_have_their_limits(database: Database) -> None:
    await talks(
        database,
        *({"author": "ada" if number < 4 else f"w{number}", "score": 0.9 - number / 10} for number in range(8)),
    )
    policy = ReplyPolicy(DailyLimits(drafts=3, drafts_an_author=1))
    echo = Echo()
    drafter = ReplyDrafter(database, Generators((echo,)), policy=policy)
    assert (await drafter.work(run())).status is Status.SUCCESS
    # Nobody was asked in vain: a question may cost money.
    assert len(echo.about) == 3
    assert [text.split(":")[0] for text in await texts(database)] == ["To ada", "To w4", "To w5"]
    assert await drafter.work(run(2)) == Ending(Status.SUCCESS, "the 3 drafts of today are made")
    assert len(await texts(database)) == 3


@pytest.mark.database
async def test_a_generator_that_fails_is_named_and_its_conversations_stay_open(database: Database) -> None:
    def fail(about: Conversation) -> None:
        if about.author == "writer 2":
            raise GeneratorError("it does not like this one")

    await talks(database, {"score": 0.9}, {"score": 0.8}, {"score": 0.7})
    ending = await ReplyDrafter(database, Generators((Echo(fail),)), policy=ROOMY).work(run())
    assert ending == Ending(Status.PARTIAL, "generator echo failed once: it does not like this one")
    assert await texts(database) == ["To writer 1: text 1", "To writer 3: text 3"]
    assert await database.pool.fetchval("select author from opportunities where state = 'open'") == "writer 2"


@pytest.mark.database
async def test_with_nobody_to_write_nothing_is_lost_and_the_run_says_so(database: Database) -> None:
    def fail(_: Conversation) -> None:
        raise NotNow("the budget of the day is used up")

    await talks(database, {}, {})
    echo = Echo(fail)
    ending = await ReplyDrafter(database, Generators((echo,), ("generator x is left out",)), policy=ROOMY).work(run())
    assert ending.status is Status.PARTIAL
    assert ending.reason == (
        "no generator can write; generator x is left out; "
        "generator echo failed once: the budget of the day is used up"
    )
    assert len(echo.about) == 1
    assert await database.pool.fetchval("select count(*) from opportunities where state = 'open'") == 2


@pytest.mark.database
async def test_a_drafter_that_is_told_to_stop_leaves_the_rest_to_the_next(database: Database) -> None:
    await talks(database, {}, {}, {})
    echo = Echo()
    ending = await ReplyDrafter(database, Generators((echo,)), policy=ROOMY).work(
        run(is_stopping=lambda: len(echo.about) == 1)
    )
    assert ending == Ending(Status.PARTIAL, "stopped after 1 of 3 drafts; the next run goes on")
    assert len(await texts(database)) == 1


@pytest.mark.database
async def test_a_drafter_that_is_killed_while_it_writes_leaves_the_conversation_open(database: Database) -> None:
    await talks(database, {}, {})

    def stop(_: Conversation) -> None:
        asyncio.current_task().get_loop().call_soon(task.cancel)  # type: ignore[union-attr]

    task = asyncio.create_task(ReplyDrafter(database, Generators((Echo(stop),)), policy=ROOMY).work(run()))
    with pytest.raises(asyncio.CancelledError):
        await task
    open_ones = await database.pool.fetchval("select count(*) from opportunities where state = 'open'")
    assert open_ones + len(await texts(database)) == 2


@pytest.mark.database
async def test_drafts_go_with_their_conversations(database: Database) -> None:
    await talks(database, {})
    drafter = ReplyDrafter(database, Generators((Echo(),)))
    await drafter.work(run())
    await database.pool.execute("update opportunities set expires_at = clock_timestamp() - interval '1 minute'")
    await drafter.work(run(2))
    assert [(await drafts.one(database, 1))[key] for key in ("state", "conversation_state")] == ["expired", "expired"]


@pytest.mark.database
async def test_another_draft_of_the_same_conversation_is_another_text(database: Database) -> None:
    await talks(database, {})
    drafter = ReplyDrafter(database, Generators((TemplateGenerator.builtin(),)), policy=ROOMY, rng=Random(2))
    seeds = [
        conversation(dict(row), NOW).seed for row in await drafts.candidates(database, limit=1, limits=ROOMY.limits)
    ]
    await drafter.work(run())
    await drafts.reject(database, 1, by="grace", why="dull", again=True)
    seeds += [
        conversation(dict(row), NOW).seed for row in await drafts.candidates(database, limit=1, limits=ROOMY.limits)
    ]
    await drafter.work(run(2))
    assert len(await texts(database)) == len(set(seeds)) == 2


def test_nothing_here_can_post() -> None:
    """The one thing that goes out is a question to the endpoint that is set, in `openai`."""
    folder = Path(jobs.__file__).parent
    outgoing = ("httpx", "urllib.request", "http.client", "aiohttp", "page.click", "page.fill", ".type(")
    found = {
        path.name
        for path in [
            *(folder / "generators").glob("*.py"),
            *(folder / f"{name}.py" for name in ("reply", "plan", "learn")),
        ]
        if any(word in path.read_text(encoding="utf-8") for word in outgoing)
    }
    assert found == {"openai.py"}
