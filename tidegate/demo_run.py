"""`tidegate demo`: the whole program, for real, against the demo site.

The demo site is served by a process of its own. Its posts are followed, the metrics scraper reads them through the
pool into Postgres, the reply harvester goes through its feeds, and what was stored is compared with what is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from browser_pool import PoolStatistics
from jobs import JobReport, MetricsScraper, ReplyHarvester, Worker
from memory import BudgetStatistics, ProcessMemory, Reading
from scraper.addresses import AddressPolicy
from scraper.outcome import Outcome
from scraper.post import METRICS
from scraper.store import opportunities, posts
from scraper.store.database import Database
from scraper.store.locks import try_lock
from tidegate.demo import DemoSite, DemoSiteError, World
from tidegate.program import Program, definitions_for, open_database, open_program, tasks_at_once
from tidegate.settings import Settings

SITE = "demo"
SEED = 7
TROUBLES = ("not_found", "login_wall", "changed_selectors", "redirect_loop")
"""One post each turns out to be this: what goes wrong on real sites, and must not be mistaken for a number."""

FEED_LIMIT = 60
FEEDS = ("/", "/@{0}", "/@{1}", "/search?q=%23memory")
FOLDER = Path(__file__).parent / "demo"


@dataclass(frozen=True, slots=True)
class Gate:
    """What the memory gate did, and how near it came. Bytes."""

    pool: PoolStatistics
    budget: BudgetStatistics
    cleanups: int
    freed_bytes: int
    last: Reading
    peak_used_bytes: int
    peak_tree: tuple[ProcessMemory, ...]
    oom_kills: int | None


@dataclass(frozen=True, slots=True)
class DemoReport:
    """All that a run of the demo has to show."""

    run: int
    metrics: JobReport
    harvest: JobReport
    posts: list[asyncpg.Record]
    opportunities: list[asyncpg.Record]
    right: int
    wrong: int
    gate: Gate
    pages_a_second: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Whom to tell what happens: a stage begins with so many pages; a page is done."""

    stage: Callable[[str, int], None]
    page: Callable[[Outcome], None]


async def run_demo(settings: Settings, *, post_count: int, port: int, progress: Progress) -> DemoReport:
    """One run of everything. Raises what is known to go wrong; see `tidegate.errors`."""
    policy = AddressPolicy(allow_private=settings.allow_private, allowed_hosts=frozenset({"127.0.0.1"}))
    definitions = definitions_for(settings, FOLDER)
    progress.stage("starting Chromium, Postgres and the demo site", 0)
    async with (
        open_program(settings, policy=policy, definitions=definitions) as program,
        open_database(settings, program.guard, keeps_running=True) as database,
        try_lock(database, "demo", SITE) as is_only,
    ):
        if not is_only:
            raise DemoSiteError(
                "another demo is running on this database: wait for it, or set TIDEGATE_DATA_DIR to another folder"
            )
        run = await _earlier_runs(database)
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        troubles = _troubles(post_count)
        async with DemoSite(seed=SEED, posts=post_count, tick=run, now=now, port=port, troubles=troubles) as site:
            await _follow(database, site)
            return await _run_jobs(program.sharing_pace(database), database, site, run + 1, progress)


async def _run_jobs(program: Program, database: Database, site: DemoSite, run: int, progress: Progress) -> DemoReport:
    scraper = MetricsScraper(
        database,
        program.pool,
        program.visitor,
        program.definitions,
        program.guard.monitor,
        site=SITE,
        due_within=timedelta(days=2),
    )
    harvester = ReplyHarvester(
        database,
        program.pool,
        program.visitor,
        program.definitions,
        program.guard.monitor,
        site=SITE,
        posts_a_target=FEED_LIMIT,
    )
    jobs = [scraper.job, harvester.job]
    async with Worker(
        database, program.guard, jobs, at_once=tasks_at_once(program.pool), tell=progress.page
    ) as worker:
        progress.stage("metrics scraper: reading posts", await scraper.due())
        metrics = await worker.run(scraper.job.name)
        progress.stage("reply harvester: scrolling feeds", len(FEEDS))
        harvest = await worker.run(harvester.job.name)
    await program.guard.monitor.process_tree()
    read = await posts.latest(database, limit=1_000_000, site=SITE)
    right, wrong = compare(read, site.world, metrics.number)
    return DemoReport(
        run=run,
        metrics=metrics,
        harvest=harvest,
        posts=read,
        opportunities=await opportunities.best(database, limit=5, site=SITE),
        right=right,
        wrong=wrong,
        gate=_gate(program),
        pages_a_second=metrics.pages / metrics.seconds if metrics.seconds else 0.0,
    )


def compare(read: list[asyncpg.Record], world: World, run: int | None) -> tuple[int, int]:
    """How many of the values that `run` stored are what the site's world says, and how many are not."""
    right = wrong = 0
    truth = {post.id: post for post in world.posts}
    for row in read:
        if row["run"] != run or row["post_id"] not in truth:
            continue
        true = truth[row["post_id"]]
        pairs = [(row[metric], getattr(true.metrics, metric)) for metric in METRICS if metric != "score"]
        pairs += [(row["author"], true.author.handle), (row["text"], true.text), (row["posted_at"], true.created_at)]
        right += sum(stored == known for stored, known in pairs)
        wrong += sum(stored != known for stored, known in pairs)
    return right, wrong


def _gate(program: Program) -> Gate:
    monitor = program.guard.monitor
    return Gate(
        pool=program.pool.statistics(),
        budget=program.guard.budget.statistics(),
        cleanups=monitor.ladder.runs,
        freed_bytes=monitor.ladder.freed_bytes,
        last=monitor.check_memory(),
        peak_used_bytes=monitor.peak_used_bytes,
        peak_tree=monitor.peak_tree,
        oom_kills=monitor.oom_kills(),
    )


async def _earlier_runs(database: Database) -> int:
    row = await database.fetchrow("count_runs", "metrics_scraper")
    return int(row["runs"]) if row else 0


async def _follow(database: Database, site: DemoSite) -> None:
    """Follow every post, and harvest some feeds, at the address that the site has this time."""
    await posts.follow(database, SITE, [(post.id, site.post_url(post)) for post in site.world.posts])
    # A larger site of an earlier run had more: they are not served this time.
    await posts.pause_others(database, SITE, [post.id for post in site.world.posts])
    await opportunities.forget_targets(database, SITE)
    handles = list(dict.fromkeys(post.author.handle for post in site.world.posts))
    for path in FEEDS:
        await opportunities.add_target(database, SITE, site.url + path.format(*handles))


def _troubles(post_count: int) -> dict[str, str]:
    """Which posts are in trouble: the same ones at every run."""
    ids = [post.id for post in World(SEED, posts=post_count).posts]
    return {ids[(place + 1) * len(ids) // 5 - 1]: kind for place, kind in enumerate(TROUBLES) if len(ids) >= 10}
