"""Verdicts of people on what generators wrote, and what was learnt of them: a weight for each arm.

A verdict has a number, and numbers become visible in their order. So "learnt up to number n" says exactly which
verdicts a weight holds, and whoever moves that mark, in the transaction that writes the weights, counts each once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from memory import MemoryMonitor
from scraper.store.database import Database, sql
from scraper.store.errors import NothingWritten
from scraper.store.pagination import PaginatedQuery


class Kind(StrEnum):
    """What is written: a reply to a conversation, or a post of one's own."""

    REPLY = "reply"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to write that is weighed by itself: a style, or a set of templates, of one generator."""

    kind: Kind
    generator: str
    name: str


@dataclass(frozen=True, slots=True)
class Weight:
    """What is known of an arm: the parameters of a Beta distribution of its success, as they stood at `as_of`."""

    alpha: float
    beta: float
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said of a text that `arm` wrote."""

    number: int
    arm: Arm
    is_success: bool
    at: datetime


async def add_verdict(connection: Any, arm: Arm, subject: int, *, is_success: bool) -> None:
    """Note what was said of the text with the number `subject`. The first word on it counts, later ones do not.

    In a transaction that has called `in_order`.
    """
    await connection.execute(sql("add_verdict"), arm.kind.value, subject, arm.generator, arm.name, is_success)


async def in_order(connection: Any, rows: str = "verdicts") -> None:
    """Add rows of this kind after everybody who adds some now, until the end of the transaction."""
    await connection.execute(sql("lock_kind_of_rows"), rows)


async def learnt_up_to(database: Database) -> int:
    """The number of the last verdict that the weights hold; 0 where that is none."""
    row = await database.fetchrow("learnt_up_to")
    return int(row["up_to"]) if row else 0


def verdicts_after(
    database: Database, number: int, *, rows_a_page: int, monitor: MemoryMonitor | None = None
) -> PaginatedQuery:
    """The verdicts after `number`, in pages; see `verdict`."""
    return PaginatedQuery(
        database, "verdicts_after", key=("id",), start=(number,), rows_a_page=rows_a_page, monitor=monitor
    )


def verdict(row: asyncpg.Record) -> Verdict:
    """A row of `verdicts_after`."""
    return Verdict(row["id"], Arm(Kind(row["kind"]), row["generator"], row["arm"]), row["is_success"], row["at"])


@asynccontextmanager
async def learning(database: Database, since: int, up_to: int) -> AsyncIterator[Any | None]:
    """A transaction in which the mark has moved from `since` to `up_to`; None if somebody else has moved it."""
    async with database.connection() as connection, connection.transaction():
        is_moved = await connection.fetchrow(sql("move_learnt"), since, up_to) is not None
        yield connection if is_moved else None


async def weight_of(connection: Any, arm: Arm) -> Weight | None:
    """What is known of `arm`; None for one that nobody has spoken of."""
    row = await connection.fetchrow(sql("generator_weight"), arm.kind.value, arm.generator, arm.name)
    return Weight(row["alpha"], row["beta"], row["as_of"]) if row else None


async def write_weights(connection: Any, run: int, weights: Mapping[Arm, Weight]) -> None:
    """Write what is known now, in the transaction of `learning`."""
    for arm, weight in weights.items():
        row = await connection.fetchrow(
            sql("write_generator_weight"),
            *(arm.kind.value, arm.generator, arm.name),
            *(weight.alpha, weight.beta, weight.as_of, run),
        )
        if row is None:
            raise NothingWritten(f"the weight of {arm.generator}/{arm.name}")


async def weights(database: Database, kind: Kind | None = None) -> dict[Arm, Weight]:
    """What is known of every arm that somebody has spoken of."""
    rows = await database.fetch("generator_weights", kind.value if kind else None)
    return {
        Arm(Kind(row["kind"]), row["generator"], row["arm"]): Weight(row["alpha"], row["beta"], row["as_of"])
        for row in rows
    }
