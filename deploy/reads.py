"""A container that reads in earnest: the site is outside, posts are followed by a command, rows come out by another."""  # noqa: INP001, E501 programs, no package

from __future__ import annotations

import asyncio
import csv
import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.container import Container
from tidegate.demo import DemoSite, Post, World

READS = 60
SEED = 11
SECONDS = 300.0
LOOK_SECONDS = 0.5
METRICS = ("views", "likes", "reposts", "replies", "bookmarks")
STATE = re.compile(r'^tidegate_posts\{state="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Read:
    """Of `READS` posts: how many are stored as they are true, and the number of rows."""

    right: int
    rows: int
    says: str


def free_address() -> str:
    """Where nobody listens now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


def variables_for(root: Path, dashboard: str) -> dict[str, str]:
    """The settings of such a service."""
    definitions = next(root.glob("opt/tidegate/lib/python3*/site-packages/tidegate/demo"))
    return {
        "TIDEGATE_ALLOW_PRIVATE": "true",
        "TIDEGATE_DASHBOARD": dashboard,
        "TIDEGATE_SCHEDULES": json.dumps({"metrics_scraper": "every 2s"}),
        "TIDEGATE_SITES_DIR": f"/{definitions.relative_to(root)}",
    }


async def follow_and_read(container: Container, variables: Mapping[str, str]) -> Read:
    """Follow posts of a site out here, wait until all were read, and compare what is exported with the truth."""
    async with DemoSite(seed=SEED, posts=READS) as site:
        reading = _Reading(container, variables)
        try:
            async with asyncio.timeout(SECONDS):
                rows = await reading.rows_of([site.post_url(post) for post in site.world.posts])
        except TimeoutError:
            return Read(0, 0, f"not read in {SECONDS:.0f} s: {reading.states}; {container.last_words()}")
        except subprocess.CalledProcessError as error:
            return Read(0, 0, (error.output + error.stderr)[-600:])
        return _compared(rows, site.world, reading.seconds)


@dataclass(slots=True)
class _Reading:
    container: Container
    variables: Mapping[str, str]
    states: Mapping[str, int] | None = None
    seconds: float = 0.0

    async def rows_of(self, urls: Sequence[str]) -> list[dict[str, str]]:
        volumes = self.container.folder / "volumes"
        listed = volumes / "var/lib/tidegate/urls.csv"
        await asyncio.to_thread(listed.write_text, "\n".join(["url", *urls]), "utf-8")
        await self._until({})
        await self._run("posts", "import", f"/{listed.relative_to(volumes)}")
        began = time.monotonic()
        await self._until({"followed": len(urls), "due": 0})
        self.seconds = time.monotonic() - began
        exported = await self._run("export", "snapshots")
        return list(csv.DictReader(exported.splitlines()))

    async def _until(self, wanted: Mapping[str, int]) -> None:
        """Until the dashboard says that so many posts are in these states."""
        url = f"http://{self.variables['TIDEGATE_DASHBOARD']}/metrics"
        self.states = None
        while self.states is None or not wanted.items() <= self.states.items():
            await asyncio.sleep(LOOK_SECONDS)
            self.states = await asyncio.to_thread(_states, url)

    async def _run(self, *words: str) -> str:
        said = await asyncio.to_thread(
            self.container.execute, ["tidegate", *words], seconds=SECONDS, more=self.variables
        )
        said.check_returncode()
        return said.stdout


def _states(url: str) -> dict[str, int] | None:
    """Posts by their state; None while nobody or no database answers."""
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 our own, on loopback
            text = answer.read().decode()
    except OSError:
        return None
    return {state: int(float(number)) for state, number in STATE.findall(text)} or None


def _compared(rows: list[dict[str, str]], world: World, seconds: float) -> Read:
    posts = {post.id: post for post in world.posts}
    right = {row["post_id"] for row in rows if _is_true(row, posts.get(row["post_id"]))}
    says = f"{len(right)} of {len(posts)} posts of a site outside are right, {seconds:.0f} s after they were followed"
    return Read(len(right), len(rows), says)


def _is_true(row: Mapping[str, str], post: Post | None) -> bool:
    return post is not None and all(row[name] == str(getattr(post.metrics, name)) for name in METRICS)
