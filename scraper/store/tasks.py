"""Tasks: the parts that runs are split into, who is at them, and what became of them.

A task claims rows, posts or targets; what it is about is the rows that are still its own. Whoever records a row lets
go of it in the same transaction, so a task that is begun again goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten

DEATHS: Final = 3
"""So many workers may die at a page, or a task, before it is held."""
OVERDUE: Final = "the deadline of its run was over"
UNPLANNED: Final = "its deadline was over before all of it was handed out"


class Claims(StrEnum):
    """What a task's rows are."""

    POSTS = "posts"
    TARGETS = "targets"


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be, and the rows that it claims."""

    payload: Mapping[str, Any] = field(default_factory=dict)
    claims: Claims | None = None
    rows: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class StartedTask:
    """A task that was begun; `began` is when its run did.

    `deaths` counts workers that died at it with no page open in them, `held` is the page that was taken out of it
    just now, as workers died there. One that `is_suspect` has a page that was open when a worker died.
    """

    number: int
    run: int
    job: str
    payload: Mapping[str, Any]
    failures: int
    put_offs: int
    is_overdue: bool
    began: datetime
    deaths: int = 0
    held: str | None = None
    is_suspect: bool = False


async def add(connection: Any, run: int, job: str, tasks: Sequence[NewTask]) -> list[int]:
    """Write tasks down and claim their rows, in the transaction of `connection`. Returns their numbers.

    A row that another task has claimed meanwhile stays with that one; a task that is left without any is none.
    """
    numbers = []
    for task in tasks:
        number = await connection.fetchval(sql("add_task"), run, job, dict(task.payload))
        if task.claims is not None:
            claimed = await connection.fetch(sql(f"claim_{task.claims.value}"), number, list(task.rows))
            if not claimed:
                await connection.execute(sql("remove_task"), number)
                continue
        numbers.append(number)
    return numbers


async def open_by_site(database: Database, run: int) -> dict[str, int]:
    """How many tasks of a run are open, by the site that they are of."""
    return {row["site"]: row["tasks"] for row in await database.fetch("open_tasks_by_site", run)}


async def start(database: Database, number: int, worker: str) -> StartedTask | None:
    """Begin a task; None if it is over already.

    If the last one who began it never came to an end, that counts against the page that was open then, or, if none
    was open in all of that worker, against the task. A page at which `DEATHS` workers died is held; a task, its
    worker has to hold.
    """
    async with database.connection() as connection, connection.transaction():
        before = await connection.fetchrow(sql("lock_task"), number)
        if before is None:
            return None
        # Names of workers are never used again: one that begins what is its own already has only heard of it twice.
        is_orphan, post = before["worker"] not in (None, worker), before["at_post"]
        held = await _page_killed(connection, post) if is_orphan and post is not None else None
        is_to_blame = is_orphan and post is None and not await _had_page_open(connection, before["worker"])
        if is_orphan:
            await connection.execute(sql("spare_bystanders"), before["worker"], number)
        row = await connection.fetchrow(sql("start_task"), number, worker, is_to_blame)
        if row is None:
            raise NothingWritten(f"task {number} is locked, open, and could not be begun")
    return StartedTask(
        number,
        row["run"],
        row["job"],
        row["payload"],
        row["failures"],
        row["put_offs"],
        row["is_overdue"],
        row["began"],
        row["deaths"],
        held,
        row["is_suspect"],
    )


async def _had_page_open(connection: Any, worker: str) -> bool:
    row = await connection.fetchrow(sql("has_open_page"), worker)
    return bool(row and row["has_open_page"])


async def _page_killed(connection: Any, post: int) -> str | None:
    """A worker died while a page was open. Returns its address if it is held now."""
    page = await connection.fetchrow(sql("page_killed"), post, DEATHS, f"{DEATHS} workers died at it")
    return page["url"] if page and page["is_held"] else None


async def mark(database: Database, number: int, post: int | None) -> None:
    """Say which page of a task is open just now."""
    await database.fetch("mark_page", number, post)


async def put_off(
    database: Database, number: int, reason: str, *, seconds: float, is_failure: bool = False, counts: bool = True
) -> int:
    """A task is not done now, and is tried again after so many seconds. Returns how often it failed.

    Without `counts` it is only handed on: nothing was wrong.
    """
    row = await database.fetchrow("put_task_off", number, reason, seconds, is_failure, counts)
    return int(row["failures"]) if row else 0


async def finish(
    connection: Any,
    number: int,
    state: str,
    *,
    ending: str | None = None,
    reason: str | None = None,
    peak_bytes: int | None = None,
) -> int | None:
    """A task is over: "done", with an ending, "held" or "dropped". Lets go of what it has not done. Returns its run.

    None if it was over already.
    """
    row = await connection.fetchrow(sql("finish_task"), number, state, ending, reason, peak_bytes)
    if row is None:
        return None
    if state == "held":
        await connection.execute(sql("hold_targets"), number, reason)
    for claims in Claims:
        await connection.execute(sql(f"release_{claims.value}"), number)
    return int(row["run"])


async def drop_overdue(database: Database) -> list[int]:
    """Drop what was not begun when the deadline of its run was over. Returns the runs that may be over now."""
    dropped: set[int] = set()
    async with database.connection() as connection, connection.transaction():
        for row in await connection.fetch(sql("overdue_tasks")):
            run = await finish(connection, row["id"], "dropped", reason=OVERDUE)
            if run is None:
                raise NothingWritten(f"task {row['id']} is locked, open, and could not be dropped")
            dropped.add(run)
        dropped.update(row["id"] for row in await connection.fetch(sql("overdue_plans"), UNPLANNED))
    return sorted(dropped)
