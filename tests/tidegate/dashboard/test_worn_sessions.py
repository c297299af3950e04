"""A session that is worn, seen from outside: in no log, and not on the dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from scraper.addresses import AddressPolicy
from scraper.definitions import Definitions
from scraper.evidence import EvidenceFolder
from scraper.outcome import Outcome
from scraper.visit import Visitor, VisitSettings
from tests.tidegate.dashboard.conftest import Shown
from tidegate.demo import DemoSite
from tidegate.demo.members import COOKIE, LOCAL_ITEM, PASSWORD, USER
from tidegate.demo_run import FOLDER
from tidegate.sessions import Sessions

pytestmark = [pytest.mark.database, pytest.mark.browser]

ENTRY = "an-entry-of-local-storage"


@pytest.fixture
def every_log() -> Iterator[None]:
    """Nothing is filtered, whatever a command of an earlier test has set."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("every_log")
async def test_no_value_of_a_worn_session_is_seen(
    shown: Shown, demo_site: DemoSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx2.AsyncClient(base_url=demo_site.url) as asks:
        cookie = (await asks.post("/login", content=f"user={USER}&password={PASSWORD}")).cookies[COOKIE]
    state = {
        "cookies": [{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/", "httpOnly": True}],
        "origins": [{"origin": demo_site.url, "localStorage": [{"name": LOCAL_ITEM, "value": ENTRY}]}],
    }
    sessions = Sessions(tmp_path / "sessions")
    with sessions.trying("demo", state) as candidate:
        candidate.keep()
    evidence = tmp_path / "evidence"
    settings = VisitSettings(evidence=EvidenceFolder(evidence))
    visitor = Visitor(AddressPolicy(allow_private=True), settings)
    definition = Definitions.builtin().load(FOLDER).by_name("demo")
    seen = []
    with capture_logs() as logs, caplog.at_level("INFO"):
        for path, outcome in (("/members", Outcome.OK), ("/members?trouble=blocked", Outcome.BLOCKED)):
            identity = sessions.identity_of("demo")
            async with shown.pool.lease(site="demo", identity=identity, deadline=60, needs_page=False) as lease:
                report = await visitor.read(lease, f"{demo_site.url}{path}", definition)
                assert report.outcome is outcome
                assert await lease.evaluate("name => localStorage.getItem(name)", LOCAL_ITEM) == ENTRY
                seen += [(await shown.asks.get(page)).text for page in ("/", "/state", "/metrics", "/readyz")]
                seen.append(repr(report))
    files = [path for path in evidence.rglob("*") if path.is_file()]
    assert "/members" in seen[1]
    assert {path.name for path in files} >= {"page.html", "report.json"}
    seen += [json.dumps(logs, default=repr), caplog.text, *(path.read_text(errors="replace") for path in files)]
    assert len(logs) > 2
    for secret in (cookie, ENTRY):
        assert not any(secret in one for one in seen)
