"""Jobs wear the session of a site: what they read with it, and what they say when it is of no use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from browser_pool import Identity, IdentityRefused
from jobs import MetricsScraper, PutOff, ReplyHarvester, Run, Status
from jobs.job import Job
from jobs.metrics_scraper import After, _Resting
from scraper.store import opportunities, posts
from tidegate.demo import DemoSite
from tidegate.demo.members import COOKIE, PASSWORD, USER

pytestmark = [pytest.mark.database, pytest.mark.browser]


def identity_with(folder: Path, cookie: str) -> Identity:
    state = {"cookies": [{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/", "httpOnly": True}]}
    path = folder / "state.json"
    path.write_text(json.dumps(state))
    return Identity(f"demo {cookie[:4]}", storage_state=path)


async def logged_in(site: DemoSite) -> str:
    """The cookie of a login at `site`."""
    async with httpx2.AsyncClient(base_url=site.url) as asks:
        answer = await asks.post("/login", content=f"user={USER}&password={PASSWORD}")
        return str(answer.cookies[COOKIE])


def harvester_of(shop: Any, identity_of: Any) -> Job:
    return ReplyHarvester(
        shop.database, shop.pool, shop.visitor, shop.definitions, shop.monitor, identity_of=identity_of
    ).job


def scraper_of(shop: Any, identity_of: Any) -> MetricsScraper:
    return MetricsScraper(
        shop.database, shop.pool, shop.visitor, shop.definitions, shop.monitor, identity_of=identity_of
    )


async def last_reason(shop: Any) -> str:
    return str(await shop.database.pool.fetchval("select reason from page_outcomes order by id desc limit 1"))


async def test_a_harvest_wears_the_session_of_its_site(shop: Any, tmp_path: Path, demo_site: DemoSite) -> None:
    await opportunities.add_target(shop.database, "demo", f"{demo_site.url}/members")
    worn = identity_with(tmp_path, await logged_in(demo_site))
    asked = []

    def identity_of(site: str) -> Identity:
        asked.append(site)
        return worn

    report = await shop.run(harvester_of(shop, identity_of))
    assert (report.status, report.outcomes, asked) == (Status.SUCCESS, {"ok": 1}, ["demo"])


async def test_a_harvest_that_meets_a_wall_says_that_the_session_has_run_out(
    shop: Any, tmp_path: Path, demo_site: DemoSite
) -> None:
    await opportunities.add_target(shop.database, "demo", f"{demo_site.url}/members")
    report = await shop.run(harvester_of(shop, lambda _: identity_with(tmp_path, "of long ago")))
    assert report.outcomes == {"login_wall": 1}
    assert "the session has run out: `tidegate login demo` renews it" in await last_reason(shop)


async def test_a_post_is_read_in_the_session_and_its_wall_says_so(
    shop: Any, tmp_path: Path, demo_site: DemoSite
) -> None:
    [post] = demo_site.world.posts[:1]
    await posts.follow(shop.database, "demo", [(post.id, f"{demo_site.post_url(post)}?trouble=login_wall")])
    plain = await shop.run(scraper_of(shop, lambda _: Identity()).job)
    assert plain.outcomes == {"login_wall": 1}
    assert "tidegate login" not in await last_reason(shop)
    await shop.database.pool.execute("update posts set due_at = now()")
    worn = identity_with(tmp_path, "of long ago")
    report = await shop.run(scraper_of(shop, lambda _: worn).job)
    assert report.outcomes == {"login_wall": 1}
    assert "the session has run out: `tidegate login demo` renews it" in await last_reason(shop)


async def test_a_session_that_can_not_be_worn_is_not_held_against_the_posts(shop: Any, demo_site: DemoSite) -> None:
    def refuses(site: str) -> Identity:
        raise IdentityRefused(site, "others may read it")

    [post] = demo_site.world.posts[:1]
    await posts.follow(shop.database, "demo", [(post.id, demo_site.post_url(post))])
    row = await shop.database.pool.fetchrow("select * from posts")
    scraper = scraper_of(shop, refuses)
    now = [posts.followed(row)]
    with pytest.raises(PutOff, match="others may read it"):
        await scraper._read_in_one_lease(Run(1, False, lambda _: None), After(tuple(now)), _Resting())
    assert await shop.database.pool.fetchval("select count(*) from page_outcomes") == 0
