"""What is stored of followed posts is what a person reads on their pages, once the numbers stand still."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobs import MetricsScraper
from scraper.definitions import Definitions
from scraper.store import posts
from tests.seen.conftest import mole, page, post

pytestmark = [pytest.mark.database, pytest.mark.browser]

COUNTS = "[4321]"
FILLED = (
    "<script>setTimeout(() => fetch('/counts').then((a) => a.json()).then(([n]) => { of(1).textContent = n }), 100)"
)
RUNS_UP = """<script>let n = 0;
const step = () => { of(2).textContent = n += 7; if (n < 70) requestAnimationFrame(step) };
step()"""
OF = "<script>const of = (id) => document.querySelector(`[data-mole='${id}'] .likes`)</script>"
PAGES = {
    "/p/1": page(post(1, "0"), OF, f"{FILLED}</script>"),
    "/p/2": page(post(2, "0"), OF, f"{RUNS_UP}</script>"),
    "/p/3": page(post(3, "<i hidden>99</i>3<i style='display:none'>4</i>")),
    "/p/4": page(post(4, "0")),
    "/p/5": page(post(5, "<i hidden>99</i>")),
    "/counts": COUNTS,
}


async def test_what_is_stored_is_what_a_person_reads(shop: Any) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).decode().split()[1]
        while (await reader.readline()).strip():
            pass
        status = "200 OK" if path in PAGES else "404 Not Found"
        kind = "application/json" if path == "/counts" else "text/html; charset=utf-8"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
        writer.write((head + PAGES.get(path, "")).encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await posts.follow(shop.database, "mole", [(str(n), f"{address}/p/{n}") for n in range(1, 6)])
    scraper = MetricsScraper(shop.database, shop.pool, shop.visitor, Definitions([mole()]), shop.monitor)
    report = await shop.run(scraper.job)
    server.close()
    stored = await shop.database.pool.fetch(
        "select posts.post_id, snapshots.likes from snapshots join posts on posts.id = snapshots.post"
    )
    # The fifth shows no number: that is drift, and no 0 and no 99.
    assert {row["post_id"]: row["likes"] for row in stored} == {"1": 4321, "2": 70, "3": 3, "4": 0}
    assert report.outcomes == {"ok": 4, "selector_drift": 1}
