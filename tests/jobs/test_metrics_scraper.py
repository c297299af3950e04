"""Posts that are due, read through the pool into Postgres."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from browser_pool import BrowserGone, BrowserPoolError, LeaseRecalled
from jobs import MetricsScraper, PutOff, Run, Status
from jobs.job import MoreLater
from jobs.metrics_scraper import ATTEMPTS, TASKS_A_SITE, After, after_lease, deal
from memory import MemoryMonitor
from scraper.definitions import Definitions, load_definition
from scraper.outcome import Outcome
from scraper.post import METRICS
from scraper.store import posts, tasks
from scraper.store.database import Database
from scraper.store.posts import FollowedPost
from tests.browser_pool.web import Web, serving
from tests.politeness.test_taken_now import WHARF
from tests.store.begun import begin
from tidegate.demo import DemoSite, World
from tidegate.demo_run import compare

DUE = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (FollowedPost(row, "demo", str(row), f"http://127.0.0.1/{row}", DUE) for row in (1, 2, 3))
GONE = BrowserGone("the browser has gone")
RECALLED = LeaseRecalled(1, "demo")


def scraper_of(shop: Any) -> MetricsScraper:
    return MetricsScraper(shop.database, shop.pool, shop.visitor, shop.definitions, shop.monitor)


async def follow_all(shop: Any, site: DemoSite, *, count: int | None = None) -> None:
    """Follow the first `count` posts of a site, or all of them."""
    await posts.follow(shop.database, "demo", [(post.id, site.post_url(post)) for post in site.world.posts[:count]])


def test_posts_are_dealt_out_in_order() -> None:
    dealt = [(task.payload["site"], task.rows) for task in deal("demo", [A, B, C], 2)]
    assert dealt == [("demo", [1, 2]), ("demo", [3])]


async def planned(database: Database, monitor: MemoryMonitor, definitions: Any, run: int) -> tuple[list[Any], bool]:
    """The tasks that a plan gives while nobody does any, and whether it has more."""
    scraper = MetricsScraper(database, None, None, definitions, monitor)  # type: ignore[arg-type]
    job, new, has_more = scraper.job, list[Any](), False
    assert job.plan is not None
    try:
        async for some in job.plan(Run(run, False, lambda _: None, began=datetime.now(UTC))):
            async with database.connection() as connection:
                await tasks.add(connection, run, job.name, some)
            new += some
    except MoreLater:
        has_more = True
    return new, has_more


@pytest.mark.database
async def test_sites_take_turns_and_a_large_one_keeps_nobody_waiting(database: Database) -> None:
    definitions = Definitions.builtin()
    many, few = 10 * (TASKS_A_SITE + 20), 25
    await posts.follow(database, "x", [(str(n), f"https://x.com/a/status/{n}") for n in range(many)])
    await posts.follow(database, "lobsters", [(str(n), f"https://lobste.rs/s/{n}") for n in range(few)])
    await posts.follow(database, "nobody-knows", [("1", "http://nobody.example/1")])
    monitor, run = MemoryMonitor(), await begin(database)
    new, has_more = await planned(database, monitor, definitions, run)
    # The small one is planned whole, among the first; then the large one is alone, and goes on to its end.
    assert sum(len(task.rows) for task in new if task.payload["site"] == "lobsters") == few
    assert {task.payload["site"] for task in new[:4]} == {"lobsters", "x"}
    assert (sum(len(task.rows) for task in new if task.payload["site"] == "x"), has_more) == (many, False)
    assert await database.pool.fetchval("select count(*) from posts where task is null") == 1


@pytest.mark.database
async def test_of_two_large_sites_each_waits_for_its_own_tasks(database: Database) -> None:
    definitions = Definitions.builtin()
    for site, address in (("x", "https://x.com/a/status"), ("lobsters", "https://lobste.rs/s")):
        await posts.follow(database, site, [(str(n), f"{address}/{n}") for n in range(10 * (TASKS_A_SITE + 20))])
    monitor, run = MemoryMonitor(), await begin(database)
    new, _ = await planned(database, monitor, definitions, run)
    first = [task.payload["site"] for task in new[: 2 * TASKS_A_SITE]]
    assert (first.count("x"), first.count("lobsters")) == (TASKS_A_SITE, TASKS_A_SITE)


@pytest.mark.parametrize(
    ("attempt", "done", "problem", "after"),
    (
        (1, 3, None, After()),
        (1, 1, None, After((B, C))),
        (1, 0, GONE, After((A, B, C), 2)),
        (2, 1, GONE, After((B, C), 2)),
        (ATTEMPTS, 0, GONE, After((B, C), given_up=A)),
        # That its memory was needed elsewhere says nothing about the page.
        (ATTEMPTS, 0, RECALLED, After((A, B, C), ATTEMPTS)),
        (1, 1, RECALLED, After((B, C), 1)),
    ),
)
def test_after_a_lease_nothing_is_forgotten(
    attempt: int, done: int, problem: BrowserPoolError | None, after: After
) -> None:
    assert after_lease((A, B, C), attempt, done, problem) == after


def test_the_last_post_of_a_task_is_given_up_too() -> None:
    assert after_lease((A,), ATTEMPTS, 0, GONE) == After(given_up=A)


@pytest.mark.database
@pytest.mark.browser
async def test_every_post_is_stored_as_it_is_true(shop: Any, demo_site: DemoSite) -> None:
    await follow_all(shop, demo_site)
    report = await shop.run(scraper_of(shop).job)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": len(demo_site.world.posts)})
    stored = await posts.latest(shop.database, limit=1000)
    values = len(METRICS) - 1 + 3
    assert compare(stored, demo_site.world, report.number) == (values * len(demo_site.world.posts), 0)


@pytest.mark.database
@pytest.mark.browser
async def test_a_field_that_is_read_no_more_is_told_with_the_run(shop: Any, demo_site: DemoSite) -> None:
    total = 25
    await follow_all(shop, demo_site, count=total)
    assert (await shop.run(scraper_of(shop).job)).status is Status.SUCCESS
    demo = shop.definitions.by_name("demo")
    [layout], [kind] = demo.layouts, demo.layouts[0].items
    label = kind.counts.model_copy(update={"words": {**kind.counts.words, "likes": ("hearts",)}})
    items = (kind.model_copy(update={"counts": label}),)
    changed = demo.model_copy(update={"layouts": (layout.model_copy(update={"items": items}),)})
    later = MetricsScraper(
        shop.database,
        shop.pool,
        shop.visitor,
        Definitions([changed]),
        shop.monitor,
        due_within=timedelta(days=30),
    )
    report = await shop.run(later.job)
    assert (report.status, report.rows_written) == (Status.PARTIAL, total)
    assert report.reason is not None
    assert re.fullmatch(
        r"likes never \(\d+ posts of demo demo/post now; before in 100% of \d+, last read on [-\d]+\)", report.reason
    )


@pytest.mark.database
@pytest.mark.browser
async def test_a_post_that_was_read_is_not_due_again_at_once(shop: Any, demo_site: DemoSite) -> None:
    await follow_all(shop, demo_site, count=3)
    assert (await shop.run(scraper_of(shop).job)).pages == 3
    again = await shop.run(scraper_of(shop).job)
    assert (again.status, again.pages) == (Status.SUCCESS, 0)


@pytest.mark.database
@pytest.mark.browser
async def test_a_page_in_trouble_is_an_outcome_and_no_numbers(shop: Any) -> None:
    troubles = {
        "not_found": Outcome.NOT_FOUND,
        "login_wall": Outcome.LOGIN_WALL,
        "consent_wall": Outcome.CONSENT_WALL,
        "changed_selectors": Outcome.SELECTOR_DRIFT,
        "redirect_loop": Outcome.INTERSTITIAL,
        "download": Outcome.HTTP_ERROR,
        "crash": Outcome.CRASHED,
        "js_loop": Outcome.TIMEOUT,
        "alerts": Outcome.TIMEOUT,
        "api_hang": Outcome.TIMEOUT,
        "wrong_post": Outcome.SELECTOR_DRIFT,
        "wrong_id": Outcome.SELECTOR_DRIFT,
    }
    ids = [post.id for post in World(3, posts=30).posts]
    in_trouble = dict(zip(ids, troubles, strict=False))
    async with DemoSite(seed=3, posts=30, troubles=in_trouble) as site:
        await follow_all(shop, site)
        report = await shop.run(scraper_of(shop).job)
    assert report.status is Status.SUCCESS
    found = await shop.database.pool.fetch("select post_id, last_outcome from posts")
    seen = {row["post_id"]: row["last_outcome"] for row in found}
    expected = {post_id: troubles[kind].value for post_id, kind in in_trouble.items()}
    assert seen == {**dict.fromkeys(ids, "ok"), **expected}
    with_numbers = {row["post_id"] for row in await posts.latest(shop.database, limit=100)}
    assert with_numbers == set(ids) - set(in_trouble)


@pytest.mark.database
@pytest.mark.browser
async def test_a_host_that_blocks_is_left_alone_and_the_other_posts_are_put_off_with_a_reason(shop: Any) -> None:
    ids = [post.id for post in World(3, posts=20).posts]
    async with DemoSite(seed=3, posts=20, troubles={ids[2]: "blocked"}) as site:
        await follow_all(shop, site)
        report = await shop.run(scraper_of(shop).job)
    assert report.status is Status.PARTIAL
    assert "pages put off" in report.reason
    assert "asked to be left alone for" in report.reason
    rows = await shop.database.pool.fetch(
        "select post_id, state, task, last_outcome, failures, due_at > now() as later from posts"
    )
    assert {row["later"] for row in rows} == {True}
    assert [row["post_id"] for row in rows if row["last_outcome"] == "blocked"] == [ids[2]]
    # Those were not asked for: no page, no failure.
    assert all(row["failures"] == 0 and row["task"] is None for row in rows if row["last_outcome"] == "rate_limited")
    assert report.outcomes is not None
    assert sum(report.outcomes.values()) + sum(row["last_outcome"] == "rate_limited" for row in rows) == len(ids)


@pytest.mark.database
@pytest.mark.browser
async def test_a_browser_killed_in_mid_run_costs_no_post(shop: Any, demo_site: DemoSite) -> None:
    await follow_all(shop, demo_site)
    pages = 0

    def kill_after_ten(_: Outcome) -> None:
        nonlocal pages
        pages += 1
        if pages in {10, 30}:
            for browser in shop.pool._fleet.local_browsers:
                psutil.Process(browser.root_pid).kill()

    report = await shop.run(scraper_of(shop).job, kill_after_ten)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": len(demo_site.world.posts)})
    assert shop.pool.statistics().browsers_lost >= 1


@pytest.mark.database
@pytest.mark.browser
async def test_a_post_of_a_site_that_is_not_known_here_is_left_to_others(shop: Any, demo_site: DemoSite) -> None:
    first = demo_site.world.posts[0]
    await posts.follow(shop.database, "nosuch", [("9", "https://site.example/9")])
    await posts.follow(shop.database, "demo", [(first.id, demo_site.post_url(first))])
    report = await shop.run(scraper_of(shop).job)
    assert report.outcomes == {"ok": 1}
    row = await shop.database.pool.fetchrow(
        "select task, last_outcome, due_at < now() as is_due from posts where id = 1"
    )
    assert tuple(row) == (None, None, True)


@pytest.mark.database
async def test_a_task_of_a_site_that_is_not_known_here_is_put_off_for_who_knows_it(
    database: Database,
) -> None:
    await posts.follow(database, "nosuch", [("9", "https://site.example/9")])
    run = await begin(database)
    async with database.connection() as connection:
        [number] = await tasks.add(
            connection, run, "metrics_scraper", deal("nosuch", [FollowedPost(1, "", "", "", DUE)])
        )
    scraper = MetricsScraper(database, None, None, Definitions.builtin(), MemoryMonitor())  # type: ignore[arg-type]
    with pytest.raises(PutOff, match="no site is called 'nosuch'"):
        await scraper.work(Run(run, False, lambda _: None, task=number))
    assert await database.pool.fetchval("select last_outcome from posts") is None


@pytest.mark.browser
@pytest.mark.database
async def test_each_reading_of_a_followed_post_is_the_number_of_its_time(shop: Any) -> None:
    async with serving(Web()) as web:
        web.pages = {"/p/one": lambda times: f"<!doctype html><article id=one><b>{100 + times}</b></article>"}
        web.headers = {"/p/one": {"Cache-Control": "public, max-age=600"}}
        await posts.follow(shop.database, "wharf", [("one", f"{web.url}/p/one")])
        shop = replace(shop, definitions=Definitions([load_definition("wharf.toml", WHARF)]))
        for _ in range(3):
            await shop.database.pool.execute("update posts set due_at = now()")
            await shop.run(scraper_of(shop).job)
    stored = await shop.database.pool.fetch("select likes from snapshots order by id")
    assert [one["likes"] for one in stored] == [101, 102, 103]
