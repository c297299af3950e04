"""What generators that cost money have used today, in the database: one budget for all machines, kept over restarts.

The day is one of UTC by the database's clock. What a request may cost is taken before it is made, and settled after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from scraper.store.database import Database
from scraper.store.errors import NothingWritten


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of the budget of `day` for one request."""

    day: date
    tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What has been used today."""

    requests: int
    tokens: int


class DailyBudget:
    """So many requests and tokens a day for the generator `name`."""

    def __init__(self, database: Database, name: str, *, requests: int, tokens: int) -> None:
        self._database = database
        self._name = name
        self.requests = requests
        self.tokens = tokens

    async def take(self, tokens: int) -> Taken | None:
        """Take one request and `tokens` of today's budget, at once and for everybody. None: they are not left."""
        row = await self._database.fetchrow("take_from_daily_budget", self._name, tokens, self.requests, self.tokens)
        return Taken(row["day"], tokens) if row else None

    async def settle(self, taken: Taken, used_tokens: int) -> None:
        """The request has used `used_tokens`: what was taken too much is given back, what is missing is added."""
        change = used_tokens - taken.tokens
        if change and await self._database.fetchrow("settle_daily_budget", self._name, taken.day, change) is None:
            raise NothingWritten(f"what {self._name} has spent on {taken.day}")

    async def spent(self) -> Spent:
        """What has been used today."""
        row = await self._database.fetchrow("spent_today", self._name)
        return Spent(int(row["requests"]), int(row["tokens"])) if row else Spent(0, 0)
