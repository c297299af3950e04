"""The jobs of the program wear what `tidegate login` has kept."""

from __future__ import annotations

from pathlib import Path

import httpx2

from jobs import Worker
from scraper.store import opportunities
from scraper.store.database import Database
from tidegate.all_jobs import all_jobs
from tidegate.demo import DemoSite
from tidegate.demo.members import COOKIE, PASSWORD, USER
from tidegate.demo_run import FOLDER
from tidegate.program import open_program, sessions_of
from tidegate.settings import load_settings


async def test_a_job_reads_what_only_the_session_opens(
    database: Database, demo_site: DemoSite, chromium: Path, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path, sites_dir=FOLDER, allow_private=True, chromium=chromium)
    async with httpx2.AsyncClient(base_url=demo_site.url) as asks:
        cookie = (await asks.post("/login", content=f"user={USER}&password={PASSWORD}")).cookies[COOKIE]
    state = {"cookies": [{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/", "httpOnly": True}]}
    await opportunities.add_target(database, "demo", f"{demo_site.url}/members")
    outcomes = []
    async with open_program(settings) as program:
        jobs = [job for job in await all_jobs(program, database) if job.name == "reply_harvester"]
        async with Worker(database, program.guard, jobs, at_once=2) as worker:
            outcomes.append((await worker.run("reply_harvester")).outcomes)
            with sessions_of(settings).trying("demo", state) as candidate:
                candidate.keep()
            await database.pool.execute("update targets set due_at = now()")
            outcomes.append((await worker.run("reply_harvester")).outcomes)
    assert outcomes == [{"login_wall": 1}, {"ok": 1}]
