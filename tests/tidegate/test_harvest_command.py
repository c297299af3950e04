"""`tidegate harvest`: a feed judged by the policy that is set, once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.scoring import ScoringPolicy
from scraper.post import Post
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.harvest import judged, others_in_words

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def post(number: int, *, likes: int | None, hours: float = 1.0) -> Post:
    return Post(
        site="pier",
        layout="only",
        id=str(number),
        url=f"https://pier.example/{number}",
        text="How do tides work, and why so late?",
        time=NOW - timedelta(hours=hours),
        likes=likes,
        replies=0,
    )


def test_each_post_is_judged_once_and_the_best_come_first() -> None:
    posts = [
        post(1, likes=3),
        post(2, likes=500),
        post(3, likes=None),
        post(2, likes=500),
        post(4, likes=9, hours=99),
    ]
    found = judged(posts, NOW, ScoringPolicy())
    assert [one.post.id for one in found[:2]] == ["2", "1"]
    assert sorted(one.post.id for one in found[2:]) == ["3", "4"]
    assert all(one.score is None and one.because for one in found[2:])
    assert others_in_words(found).startswith("2 others: 1 ")
    assert others_in_words(found[:2]) == ""


@pytest.mark.processes
async def test_a_feed_is_judged_by_what_is_set_and_nothing_is_stored(tmp_path: Path) -> None:
    (tmp_path / "tidegate.toml").write_text("[scoring]\nmin_likes = 40\nmax_age = 1000000\n", encoding="utf-8")
    own = {"TIDEGATE_DATA_DIR": str(tmp_path / "nothing-here"), "TIDEGATE_SITES_DIR": str(FOLDER)}
    async with DemoSite(seed=5, posts=40, now=datetime.now(UTC)) as site, asyncio.timeout(100):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tidegate.cli", "harvest", f"{site.url}/", "--allow-private", "--all"),
            *("--format", "json"),
            cwd=tmp_path,
            env={**os.environ, **own},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    rows = json.loads(out)
    good = [row for row in rows if row["tier"]]
    assert good
    assert all(row["likes"] >= 40 and row["because"] for row in good)
    assert len(good) < len(rows)
    assert not (tmp_path / "nothing-here").exists()
