"""What the dashboard says, and does, over HTTP: held against the pool, the readings and the rows."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scraper.store import posts
from scraper.store.database import Database
from tests.tidegate.dashboard.conftest import HERE, OWN, Shown
from tidegate.dashboard import Dashboard
from tidegate.dashboard.site import MOST_BODY, MOST_STREAMS
from tidegate.demo import DemoSite
from tidegate.errors import UsageError
from tidegate.listening import Listen

pytestmark = [pytest.mark.database, pytest.mark.browser]

NASTY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


async def open_a_page(shown: Shown, site: DemoSite) -> None:
    async with shown.pool.lease(site="demo", deadline=30, needs_page=False) as lease:
        await lease.open(f"{site.url}/", timeout_seconds=10)


async def wait_for_draft(database: Database, text: str = "How do tides work?") -> None:
    """An opportunity, and a draft for it that waits."""
    await database.pool.execute("insert into job_runs (job, status, finished_at) values ('reply', 'success', now())")
    await database.pool.execute(
        "insert into opportunities (site, post_id, url, author, text, likes, score, tier, because, run, expires_at)"
        " values ('pier', '1', 'javascript:alert(1)', $1, $1, 7, 0.5, 'hot', 'young', 1, now() + interval '1 hour')",
        NASTY,
    )
    await database.pool.execute(
        "insert into drafts (opportunity, run, generator, arm, text, written)"
        " values (1, 1, 'template', 'question', $1, $1)",
        text,
    )


async def test_it_lives_at_once_and_is_ready_when_a_page_has_loaded(shown: Shown, demo_site: DemoSite) -> None:
    assert (await shown.asks.get("/healthz")).text == "alive\n"
    before = await shown.asks.get("/readyz")
    assert before.status_code == 503
    assert "NOT OK  browser: no page has loaded yet" in before.text
    await open_a_page(shown, demo_site)
    after = await shown.asks.get("/readyz")
    assert (after.status_code, "NOT OK" in after.text) == (200, False)
    shown.worker.manager.stopping.set()
    assert "NOT OK  serving: draining" in (await shown.asks.get("/readyz")).text


async def test_a_post_that_nobody_reads_makes_it_not_ready(shown: Shown, demo_site: DemoSite) -> None:
    await open_a_page(shown, demo_site)
    await posts.follow(shown.database, "demo", [("1", "http://demo/1"), ("2", "http://demo/2")])
    await shown.database.pool.execute("update posts set due_at = now() - interval '4 hours' where post_id = '1'")
    answer = await shown.asks.get("/readyz")
    assert answer.status_code == 503
    assert "NOT OK  rows: 1 posts should have been read" in answer.text


async def test_a_lease_is_shown_while_it_is_held_and_its_page_can_be_looked_at(
    shown: Shown, demo_site: DemoSite
) -> None:
    async with shown.pool.lease(site="demo", job="reading", deadline=60, needs_page=False) as lease:
        await lease.open(f"{demo_site.url}/", timeout_seconds=10)
        state = (await shown.asks.get("/state")).json()
        [row] = state["pool"]["leases"]
        assert (row["number"], row["site"], row["job"]) == (lease.number, "demo", "reading")
        assert (row["url"], row["pages"]) == (f"{demo_site.url}/", 1)
        assert 0 < row["remaining_seconds"] <= 60
        picture = await shown.asks.get(f"/leases/{lease.number}/picture")
        assert picture.headers["content-type"] == "image/webp"
        assert (picture.content[:4], picture.content[8:12]) == (b"RIFF", b"WEBP")
        # Whoever looks does no harm.
        assert not lease.is_spoiled
    assert (await shown.asks.get("/state")).json()["pool"]["leases"] == []
    assert (await shown.asks.get(f"/leases/{lease.number}/picture")).status_code == 404


async def test_figures_are_those_of_the_pool_the_reading_and_the_rows(shown: Shown, demo_site: DemoSite) -> None:
    await open_a_page(shown, demo_site)
    await posts.follow(shown.database, "demo", [("1", "http://demo/1"), ("2", "http://demo/2")])
    await shown.database.pool.execute("update posts set state = 'held' where post_id = '2'")
    values = {}
    for family in text_string_to_metric_families((await shown.asks.get("/metrics")).text):
        for sample in family.samples:
            values[sample.name, *sorted(sample.labels.items())] = sample.value
    limit = shown.guard.monitor.check_memory().limit_bytes
    assert values["tidegate_memory_limit_bytes",] == limit
    assert values["tidegate_pool_pages_opened_total",] == 1
    assert values["tidegate_posts", ("state", "followed")] == 1
    assert values["tidegate_posts", ("state", "held")] == 1
    assert values["tidegate_database_up",] == 1


async def test_a_job_is_paused_resumed_and_asked_for(shown: Shown) -> None:
    paused = (await shown.asks.post("/jobs/tidy/pause", headers=OWN)).json()
    assert [job["job"] for job in paused["jobs"] if job["paused_at"]] == ["tidy"]
    resumed = (await shown.asks.post("/jobs/tidy/resume", headers=OWN)).json()
    assert [job["paused_at"] for job in resumed["jobs"]] == [None]
    assert (await shown.asks.post("/jobs/tidy/run", headers=OWN)).status_code == 200
    assert await shown.database.pool.fetchval("select entrypoint from pgqueuer") == "tidegate.run"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    (
        ("/jobs/nosuch/run", 404, "there is no job nosuch"),
        ("/jobs/tidy/delete", 404, "can't be told to delete"),
        ("/drafts/9/approve", 409, "there is no draft 9"),
        ("/planned/9/reject", 409, "there is no planned post p9"),
        ("/drafts/1/post", 404, "can't be told to post"),
        ("/leases/77/picture", 405, ""),
        ("/drafts/99999999999999999999/approve", 404, "there is no such draft"),
    ),
)
async def test_what_can_not_be_done_is_said(shown: Shown, path: str, status: int, says: str) -> None:
    answer = await shown.asks.post(path, headers=OWN)
    assert answer.status_code == status
    assert says in answer.text


async def test_a_draft_is_approved_once_as_it_was_changed(shown: Shown) -> None:
    await wait_for_draft(shown.database)
    [waiting] = (await shown.asks.get("/state")).json()["drafts"]
    assert waiting["text"] == "How do tides work?"
    done = await shown.asks.post("/drafts/1/approve", headers=OWN, json={"text": " Better. "})
    assert done.json()["drafts"] == []
    row = await shown.database.pool.fetchrow("select state, text from drafts")
    assert row is not None
    assert tuple(row) == ("approved", "Better.")
    assert (await shown.asks.post("/drafts/1/approve", headers=OWN)).status_code == 409


async def test_a_draft_is_shown_to_its_end(shown: Shown) -> None:
    await wait_for_draft(shown.database, "tides " * 300 + "THE END")
    [waiting] = (await shown.asks.get("/state")).json()["drafts"]
    assert waiting["text"].endswith("THE END")


@pytest.mark.parametrize(
    "body",
    (b"{", b"[]", b'"x"', b"\xff", b"[" * 60_000, b'{"text": "\\u0000"}', b'{"text": "\\ud800"}', b'{"text": 7}'),
)
async def test_a_body_that_is_none_is_refused(shown: Shown, body: bytes) -> None:
    assert (await shown.asks.post("/drafts/1/approve", headers=OWN, content=body)).status_code == 400
    too_long = b'"' + b"x" * MOST_BODY + b'"'
    assert (await shown.asks.post("/drafts/1/approve", headers=OWN, content=too_long)).status_code == 413


@pytest.mark.parametrize("hours", ("0", "-1", "nan", "inf", "x", "1e9"))
async def test_a_history_of_no_length_is_refused(shown: Shown, hours: str) -> None:
    assert (await shown.asks.get("/history", params={"hours": hours})).status_code == 400


async def test_the_history_has_what_pages_turned_out_to_be(shown: Shown) -> None:
    await shown.database.pool.execute(
        "insert into job_runs (job, status, finished_at) values ('reply', 'success', now())"
    )
    await shown.database.pool.execute(
        "insert into page_outcomes (run, site, url, outcome, reason, seconds)"
        " select 1, 'pier', 'u', o, 'r', 1 from unnest(array['ok', 'ok', 'selector_drift']) as o"
    )
    history = (await shown.asks.get("/history", params={"hours": 1})).json()
    counted = {(row["site"], row["outcome"]): row["pages"] for row in history["outcomes"]}
    assert counted == {("pier", "ok"): 2, ("pier", "selector_drift"): 1}


async def events(asks: httpx2.AsyncClient, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asks.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


async def test_what_changes_is_streamed(shown: Shown) -> None:
    async with asyncio.timeout(30):
        first, second = await events(shown.asks, 2)
    assert first["at"] < second["at"]


async def test_only_so_many_may_look_at_once(shown: Shown) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        # An iterator that nobody holds closes its answer.
        held = []
        for _ in range(MOST_STREAMS):
            answer = await stack.enter_async_context(shown.asks.stream("GET", "/events"))
            held.append(answer.aiter_lines())
            await anext(held[-1])
        assert (await shown.asks.get("/events")).status_code == 503
        assert (await shown.asks.get("/healthz")).status_code == 200


async def test_without_the_database_it_says_so_and_shows_the_rest(shown: Shown, migrated_dsn: str) -> None:
    async with Database(migrated_dsn) as gone:
        pass
    dashboard = Dashboard(HERE, guard=shown.guard, pool=shown.pool, database=gone, manager=shown.worker.manager)
    async with dashboard.serving(), httpx2.AsyncClient(base_url=dashboard.url, timeout=30) as asks:
        assert (await asks.get("/healthz")).status_code == 200
        assert "NOT OK  database: " in (await asks.get("/readyz")).text
        state = (await asks.get("/state")).json()
        assert state["database"]
        assert state["memory"]["level"] == "normal"
        assert "tidegate_database_up 0.0" in (await asks.get("/metrics")).text
        assert (await asks.get("/history")).status_code == 503


async def test_a_port_that_is_taken_is_said_in_one_line(shown: Shown) -> None:
    port = int(shown.dashboard.url.rsplit(":", 1)[1].rstrip("/"))
    other = Dashboard(
        Listen("127.0.0.1", port),
        guard=shown.guard,
        pool=shown.pool,
        database=shown.database,
        manager=shown.worker.manager,
    )
    with pytest.raises(UsageError, match=rf"can't listen at 127\.0\.0\.1:{port}: that port is taken"):
        async with other.serving():
            pass


async def test_when_it_ends_nothing_listens_any_more(shown: Shown) -> None:
    dashboard = Dashboard(
        HERE, guard=shown.guard, pool=shown.pool, database=shown.database, manager=shown.worker.manager
    )
    async with httpx2.AsyncClient(timeout=5) as asks, AsyncExitStack() as stack:
        await stack.enter_async_context(dashboard.serving())
        async with asks.stream("GET", f"{dashboard.url}events") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            async with asyncio.timeout(30):
                await stack.aclose()
        with pytest.raises(httpx2.ConnectError):
            await asks.get(f"{dashboard.url}healthz")
