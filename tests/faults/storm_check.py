"""After the storm: the database against the truth. What was lost, what is doubled, what is wrong?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import asyncpg

from scraper.post import METRICS
from tidegate.demo import Post, World

SOONEST: Final = timedelta(minutes=5) - timedelta(seconds=1)
"""No post is due again sooner after it was read, less what writing it down takes."""

SNAPSHOTS: Final = """
select p.post_id, p.author, p.text, p.posted_at, s.*
from snapshots s join posts p on p.id = s.post
order by s.post, s.taken_at, s.id
"""
LEFT: Final = {
    "a task is open": "select id, job, worker from tasks where state = 'open'",
    "a task is not done and has no reason": "select id, state from tasks where state <> 'done' and reason is null",
    "a run goes on": "select id, job, worker from job_runs where status = 'running'",
    "a run that failed has no reason": (
        "select id, status from job_runs where status not in ('running', 'success') and reason is null"
    ),
    "a post belongs to a task": "select url, task from posts where task is not null",
    "a post is not followed and has no reason": (
        "select url, state from posts where state <> 'followed' and state_reason is null"
    ),
    "an over task has a worker": "select id, worker from tasks where state <> 'open' and worker is not null",
    "the queue has what nobody does": "select id, entrypoint, status from pgqueuer where status <> 'queued'",
    "a run has written other rows than it says": (
        "select id, rows_written, n from job_runs, lateral"
        " (select count(*) as n from snapshots where run = job_runs.id) s where rows_written <> n"
    ),
    "outcomes and snapshots are not the same pages": (
        "select p.url, o.n as read, s.n as stored from posts p,"
        " lateral (select count(*) as n from page_outcomes where post = p.id and outcome = 'ok') o,"
        " lateral (select count(*) as n from snapshots where post = p.id) s where o.n <> s.n"
    ),
}
"""Each gives rows where something is left over, or does not fit."""


@dataclass(slots=True)
class Verdict:
    """What is wrong with what is there, in words; empty where all is well."""

    snapshots: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.left)

    @property
    def findings(self) -> list[str]:
        """All of it, a line each."""
        kinds = {"lost": self.lost, "doubled": self.doubled, "wrong": self.wrong, "left over": self.left}
        return [f"{kind}: {what}" for kind, found in kinds.items() for what in found]

    def __str__(self) -> str:
        return (
            f"snapshots: {self.snapshots}, lost: {len(self.lost)}, doubled: {len(self.doubled)}, "
            f"wrong: {len(self.wrong)}, left over: {len(self.left)}"
        )


async def verdict(look: Any, world: World, followed: set[str]) -> Verdict:
    """Compare the database with the world. `followed` are the ids of all posts that were followed."""
    rows = await look.fetch(SNAPSHOTS)
    found = Verdict(len(rows))
    truth = {post.id: post for post in world.posts}
    known = {row["post_id"] for row in await look.fetch("select post_id from posts")}
    found.lost += [f"{post_id} is not even followed" for post_id in sorted(followed - known)]
    found.lost += [f"{post_id} was never read" for post_id in sorted(followed & known - {r["post_id"] for r in rows})]
    found.wrong += [f"{post_id} was never followed" for post_id in sorted(known - followed)]
    found.doubled += _doubled(rows)
    for row in rows:
        if row["post_id"] in truth:
            found.wrong += _wrong(row, truth[row["post_id"]])
        else:
            found.wrong.append(f"there is no post {row['post_id']}")
    for what, query in LEFT.items():
        found.left += [f"{what}: {dict(row)}" for row in await look.fetch(query)]
    return found


def _doubled(rows: list[asyncpg.Record]) -> list[str]:
    counts = Counter((row["post_id"], row["due_at"]) for row in rows)
    found = [f"{post_id} was read {n} times for {due_at}" for (post_id, due_at), n in counts.items() if n > 1]
    before: dict[str, Any] = {}
    for row in rows:
        if (last := before.get(row["post_id"])) and row["taken_at"] - last < SOONEST:
            found.append(f"{row['post_id']} was read at {last} and at {row['taken_at']}")
        before[row["post_id"]] = row["taken_at"]
    return found


def _wrong(row: asyncpg.Record, post: Post) -> list[str]:
    true = {metric: getattr(post.metrics, metric) for metric in METRICS if metric != "score"}
    true |= {"author": post.author.handle, "text": post.text, "posted_at": post.created_at}
    return [f"{post.id} {name}: {row[name]!r}, and is {is_!r}" for name, is_ in true.items() if row[name] != is_]
