"""docs/grafana.json asks for nothing that `/metrics` does not tell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scraper.store import posts
from tests.tidegate.dashboard.conftest import Shown

pytestmark = [pytest.mark.database, pytest.mark.browser]

FILE = Path(__file__).parents[3] / "docs" / "grafana.json"


async def test_every_metric_that_is_drawn_is_told(shown: Shown) -> None:
    await posts.follow(shown.database, "demo", [("1", "http://demo/1")])
    await shown.database.pool.execute(
        "insert into job_runs (job, status, finished_at) values ('tidy', 'success', now())"
    )
    await shown.database.pool.execute("insert into snapshots (post, run, due_at) values (1, 1, now())")
    told = (await shown.asks.get("/metrics")).text
    asked = {
        name
        for panel in json.loads(FILE.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
        for name in re.findall(r"tidegate_\w+", target["expr"])
    }
    assert len(asked) > 10
    missing = {name for name in asked if f"# TYPE {name.removesuffix('_bucket')} " not in told}
    assert missing <= KERNEL_SAYS


KERNEL_SAYS = {"tidegate_memory_oom_kills_total"}
"""Not told where the kernel does not count them."""
