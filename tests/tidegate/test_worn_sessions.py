"""The jobs of the program wear what `tidegate login` has kept."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from jobs import Worker
from scraper.store import opportunities
from scraper.store.database import Database
from tests.browser_pool.web import Web, serving
from tidegate.all_jobs import all_jobs
from tidegate.demo import DemoSite
from tidegate.demo.members import COOKIE, PASSWORD, USER
from tidegate.demo_run import FOLDER
from tidegate.program import open_program, sessions_of
from tidegate.settings import load_settings

pytestmark = pytest.mark.browser


@pytest.mark.database
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


async def test_a_page_that_prints_its_session_leaves_evidence_without_it(chromium: Path, tmp_path: Path) -> None:
    page = "<!doctype html><title>Pier</title><body><script>document.body.append(document.cookie)</script>"
    state = {"cookies": [{"name": "sid", "value": "value-of-the-session", "domain": "127.0.0.1", "path": "/"}]}
    settings = load_settings(data_dir=tmp_path, sites_dir=FOLDER, allow_private=True, chromium=chromium)
    with sessions_of(settings).trying("demo", state) as candidate:
        candidate.keep()
    async with (
        serving(Web({"/post/1": page})) as web,
        open_program(settings) as program,
        program.pool.lease(site="demo", identity=program.identity_of("demo"), deadline=60) as lease,
    ):
        demo = program.definitions.by_name("demo")
        report = await program.visitor.read(lease, f"{web.url}/post/1", demo)
    assert "value-of-the-session" in web.headers_of("/post/1")["cookie"]
    kept = files_in(report.evidence["kept"])
    assert b"sid=redacted" in kept["page.html"]
    assert [name for name, data in kept.items() if b"value-of-the-session" in data] == []


def files_in(place: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(place).iterdir()}
