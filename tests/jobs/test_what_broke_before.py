"""What broke other systems of this kind, each tried through the visitor and the job. The list: docs/testing.md."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs import JobReport, MetricsScraper, Status
from jobs.maintenance import Maintenance
from memory import CleanupReport, Rung
from scraper.outcome import Outcome
from scraper.store import posts
from tests.jobs.hands import Box
from tidegate.demo import DemoSite, World

pytestmark = [pytest.mark.database, pytest.mark.browser]

SEED, POSTS = 41, 12
IDS = [post.id for post in World(SEED, posts=POSTS).posts]
MIB = 1 << 20


async def read_all(
    shop: Any,
    troubles: dict[str, str] | None = None,
    tell: Callable[[Outcome], None] = lambda _: None,
    *,
    count: int = POSTS,
) -> JobReport:
    """Runs the metrics scraper over the first `count` posts of a site."""
    async with DemoSite(seed=SEED, posts=POSTS, troubles=troubles or {}) as site:
        followed = [(post.id, site.post_url(post)) for post in site.world.posts[:count]]
        await posts.follow(shop.database, "demo", followed)
        scraper = MetricsScraper(shop.database, shop.pool, shop.visitor, shop.definitions, shop.monitor)
        report: JobReport = await shop.run(scraper.job, tell)
        return report


async def stored(shop: Any) -> set[str]:
    """The ids of the posts with numbers."""
    return {row["post_id"] for row in await posts.latest(shop.database, limit=1000)}


async def test_clean_up_escalates_where_every_context_is_busy_says_what_each_stage_freed_and_costs_no_post(
    shop: Any,
) -> None:
    runs: list[asyncio.Task[CleanupReport]] = []

    def clean_up_once(_: Outcome) -> None:
        if not runs:
            climb = shop.monitor.ladder.climb("a test", lambda _: False, reach=lambda _: Rung.RESTART)
            runs.append(asyncio.ensure_future(climb))

    report = await read_all(shop, tell=clean_up_once)
    cleaned = await runs[0]
    rungs = [step.rung for step in cleaned.steps]
    assert rungs == sorted(rungs)
    assert {Rung.CACHES, Rung.CLOSE_IDLE, Rung.RESTART} <= set(rungs)
    assert all(step.before_bytes and step.after_bytes for step in cleaned.steps)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": POSTS})


async def test_the_memory_of_the_browser_counts_and_not_only_our_own(shop: Any) -> None:
    await read_all(shop)
    held = {process.pid: process.held_bytes for process in await shop.monitor.process_tree()}
    below = {process.pid for process in psutil.Process(shop.pool.browser.root_pid).children(recursive=True)}
    assert sum(held[pid] for pid in below & held.keys()) > 20 * MIB


async def test_in_a_small_box_a_run_is_not_skipped(boxed_shop: Any) -> None:
    report = await read_all(boxed_shop)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": POSTS})


async def test_a_critical_job_reads_what_is_due_though_there_is_no_memory_for_it(boxed_shop: Any, box: Box) -> None:
    box.used_mb = 410
    report = await read_all(boxed_shop)
    assert (report.status, report.outcomes) == (Status.SUCCESS, {"ok": POSTS})
    assert boxed_shop.pool.statistics().granted_alone > 0


async def test_tasks_at_once_share_one_browser_which_has_no_flag_that_makes_it_unsafe(shop: Any) -> None:
    await read_all(shop)
    [browser] = shop.pool._fleet.local_browsers
    command = psutil.Process(browser.root_pid).cmdline()
    unsafe = {"--single-process", "--no-zygote", "--disable-web-security", "--ignore-certificate-errors"}
    assert not unsafe & set(command)


async def test_a_post_that_is_removed_while_it_is_read_is_told_and_keeps_nothing_from_the_others(shop: Any) -> None:
    removed: list[asyncio.Task[Any]] = []

    def remove_the_last(_: Outcome) -> None:
        if not removed:
            removed.append(
                asyncio.ensure_future(shop.database.pool.execute("delete from posts where post_id = $1", IDS[-1]))
            )

    report = await read_all(shop, tell=remove_the_last)
    await removed[0]
    assert await stored(shop) == set(IDS[:-1])
    assert report.rows_written == POSTS - 1


@pytest.fixture
def foreign(chromium: Path, tmp_path: Path) -> Iterator[psutil.Process]:
    """A Chromium of somebody else's."""
    words = ["--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}", "about:blank"]
    process = subprocess.Popen(  # noqa: S603 the browser under test
        [chromium, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield psutil.Process(process.pid)
    process.terminate()
    process.wait()


async def test_a_browser_that_we_did_not_start_is_left_alone(shop: Any, foreign: psutil.Process) -> None:
    await read_all(shop)
    await shop.monitor.ladder.climb("a test", lambda _: False, reach=lambda _: Rung.RESTART)
    assert foreign.is_running()
    assert foreign.status() != psutil.STATUS_ZOMBIE


async def test_rows_of_a_month_ago_are_removed_by_the_job_that_keeps_tables_small(shop: Any) -> None:
    await read_all(shop)
    await shop.database.pool.execute("update page_outcomes set at = at - interval '40 days'")
    report = await shop.run(Maintenance(shop.database).job)
    assert report.status is Status.SUCCESS
    assert report.reason == f"removed {POSTS} page_outcomes"
    assert await stored(shop) == set(IDS), "what was read is kept"
