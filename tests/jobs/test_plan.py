"""Posts planned on one's own topics: in turn, within the day, and never nearly the same twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from jobs.generators import Brief, Conversation, GeneratorError, Generators, TemplateGenerator
from jobs.job import Ending, Run, Status
from jobs.plan import Planner, PlanPolicy, in_turn
from memory import Bound, MemoryMonitor, MemorySource, Reading
from scraper.store import planned
from scraper.store.database import Database
from scraper.store.weights import Kind

TOPICS = ("tides", "moons", "ferries")


@pytest.fixture
async def database(database: Database) -> Database:
    """With runs, and without verdicts."""
    await database.pool.execute("truncate verdicts, learnt restart identity")
    await database.pool.execute(
        "insert into job_runs (job, status, finished_at) select 'plan', 'success', now() from generate_series(1, 9)"
    )
    return database


class Author:
    """Writes what `says` gives for a brief."""

    name = "author"

    def __init__(self, says: Callable[[Brief], str]) -> None:
        self.briefs: list[Brief] = []
        self._says = says

    def arms(self, kind: Kind) -> Sequence[str]:
        return ("plain",) if kind is Kind.POST else ()

    async def draft(self, _about: Conversation, _arm: str) -> str:
        raise AssertionError

    async def post(self, brief: Brief, _arm: str) -> str:
        self.briefs.append(brief)
        return self._says(brief)


numbers = count()


def something_new(brief: Brief) -> str:
    words = Random(next(numbers)).sample("abcdefghijklmnopqrstuvwxyz", 20)
    return f"{brief.topic}: {''.join(words)}"


def planner(database: Database, author: Any, monitor: MemoryMonitor | None = None, **more: Any) -> Planner:
    policy = PlanPolicy(**{"topics": TOPICS, "posts_a_day": 10, **more})
    return Planner(database, Generators((author,)), monitor, policy=policy, rng=Random(1))


def run(number: int = 1, **more: Any) -> Run:
    return Run(number, False, lambda _: None, **more)


async def topics(database: Database) -> list[str]:
    return [row["topic"] for row in await database.pool.fetch("select topic from planned_posts order by id")]


def test_the_topic_that_has_waited_longest_comes_first() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    last = {"tides": now, "ferries": now - timedelta(hours=1)}
    assert in_turn(("tides", "moons", "ferries", "moons"), last) == ["moons", "ferries", "tides"]


@pytest.mark.database
async def test_without_topics_there_is_nothing_to_do(database: Database) -> None:
    ending = await planner(database, Author(something_new), topics=()).work(run())
    assert ending == Ending(Status.SUCCESS, "no topics are set")


@pytest.mark.database
async def test_topics_have_their_turn_until_the_day_is_full(database: Database) -> None:
    made = planner(database, Author(something_new), posts_a_day=5, posts_a_run=2)
    endings = [await made.work(run(number)) for number in (1, 2, 3, 4)]
    assert await topics(database) == ["tides", "moons", "ferries", "tides", "moons"]
    assert endings == [Ending(Status.SUCCESS)] * 3 + [Ending(Status.SUCCESS, "the 5 posts of today are planned")]


@pytest.mark.database
async def test_who_writes_is_shown_what_was_written_before(database: Database) -> None:
    author = Author(something_new)
    made = planner(database, author, posts_a_run=1)
    await made.work(run())
    await made.work(run(2))
    [text] = author.briefs[1].earlier
    assert (author.briefs[0].earlier, text.startswith("tides: ")) == ((), True)


@pytest.mark.database
async def test_what_is_nearly_the_same_as_something_planned_is_not_planned(database: Database) -> None:
    texts = iter(
        ["Notes on tides, and what works.", *["NOTES on tides and what works!"] * 4, "Who works with ferries?"]
    )
    made = planner(database, Author(lambda _: next(texts)), posts_a_run=2)
    await made.work(run())
    rows = await database.pool.fetch("select text from planned_posts order by id")
    assert [row["text"] for row in rows] == ["Notes on tides, and what works.", "Who works with ferries?"]


@pytest.mark.database
async def test_what_is_nearly_the_same_as_a_post_that_is_followed_is_not_planned(database: Database) -> None:
    await database.pool.execute(
        "insert into posts (site, post_id, url, text)"
        " select 'pier', n::text, 'https://pier.example/' || n,"
        " case when n = 7 then '关于潮汐的三个问题\uff0c你怎么看' else 'post number ' || n end"
        " from generate_series(1, 250) n"
    )
    made = planner(database, Author(lambda _: "关于潮汐的三个问题,你怎么看"), topics=("tides",))
    ending = await made.work(run())
    assert ending == Ending(Status.SUCCESS, "tides: 4 texts were too much like what there is already")
    near = planner(database, Author(lambda _: "关于潮汐的三个问题,你怎么看"), topics=("tides",), compared_posts=100)
    await near.work(run(2))
    assert await topics(database) == ["tides"]


@pytest.mark.database
async def test_two_planners_at_once_plan_nothing_twice_and_not_too_much(database: Database) -> None:
    async with Database(database.dsn) as other:
        made = [
            planner(one, Author(lambda brief: f"All about {brief.topic}."), posts_a_day=3, posts_a_run=3)
            for one in (database, other)
        ]
        await asyncio.gather(*(one.work(run(number)) for number, one in enumerate(made, 1)))
    assert sorted(await topics(database)) == sorted(TOPICS)


@pytest.mark.database
async def test_a_generator_that_fails_is_named_and_other_topics_have_their_turn(database: Database) -> None:
    def says(brief: Brief) -> str:
        if brief.topic == "tides":
            raise GeneratorError("it knows nothing of tides")
        return something_new(brief)

    ending = await planner(database, Author(says), posts_a_run=3).work(run())
    assert ending.status is Status.PARTIAL
    assert ending.reason == "tides: nobody could write it; generator author failed once: it knows nothing of tides"
    assert await topics(database) == ["moons", "ferries"]


@pytest.mark.database
async def test_the_templates_run_out_and_that_is_said(database: Database) -> None:
    made = planner(database, TemplateGenerator.builtin(), topics=("tides",), posts_a_run=1, posts_a_day=50)
    endings = [await made.work(run()) for _ in range(20)]
    assert 3 <= len(await topics(database)) <= 5
    assert "too much like what there is already" in (endings[-1].reason or "")


class Full(MemorySource):
    """A machine without memory left."""

    def read(self) -> Reading:
        return Reading(super().read().at_seconds, (Bound("cgroup v2", "/box", 1 << 29, 1 << 29),), None, 0)


@pytest.mark.database
async def test_what_could_not_be_compared_for_lack_of_memory_is_not_planned(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("planned_texts", "texts_of_posts"):
        query = getattr(planned, name)

        def hurried(*given: Any, _query: Any = query, **more: Any) -> Any:
            pages = _query(*given, **more)
            pages._pacer._policy = pages._policy = type(pages._policy)(100, 2, wait_seconds=0.01)
            return pages

        monkeypatch.setattr(planned, name, hurried)
    monitor = MemoryMonitor(Full())
    ending = await planner(database, Author(something_new), monitor, topics=("tides",)).work(run())
    assert "could not be looked through" in (ending.reason or "")
    assert await topics(database) == []


@pytest.mark.database
async def test_what_nobody_decided_on_expires(database: Database) -> None:
    made = planner(database, Author(something_new), posts_a_run=1, keep=timedelta(days=-1))
    await made.work(run())
    await made.work(run(2))
    states = await database.pool.fetch("select state from planned_posts order by id")
    assert [row["state"] for row in states] == ["expired", "waiting"]
