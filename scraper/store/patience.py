"""Waiting for a database that has gone away: it restarts, or is out of room, and mostly comes back.

What is stored is idempotent, so a write of which nobody knows whether it was done may be done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

from scraper.store.errors import DatabaseUnavailable

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE_SECONDS: Final = 150.0
"""A database that is gone for a minute is waited for, and what was read meanwhile is kept."""

DATABASE_TROUBLE: Final = (
    DatabaseUnavailable,
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
"""What may be over in a while: gone, restarting, out of room, a deadlock. Other OSErrors are about files."""

_CLOSED: Final = (
    "connection is closed",
    "connection was closed",
    "pool is clos",
    "another operation",
    "released back to the pool",
)


def is_database_trouble(error: BaseException) -> bool:
    """Whether `error` says that the database is not there now, and nothing against what was asked of it."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_database_trouble(one) for one in error.exceptions)
    if isinstance(error, asyncpg.InterfaceError):
        return any(words in str(error) for words in _CLOSED)
    return isinstance(error, DATABASE_TROUBLE)


async def patiently(what: str, work: Callable[[], Awaitable[T]], *, seconds: float = PATIENCE_SECONDS) -> T:
    """Do `work`, which must be idempotent, again and again until the database lets it, for so many seconds.

    Raises what the database said last.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("database.waited_for", what=what, tries=state.attempt_number, error=str(error) or repr(error))

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_database_trouble),
        wait=wait_exponential_jitter(multiplier=0.2, max=5, jitter=0.5),
        stop=stop_after_delay(seconds),
        before_sleep=tell,
        reraise=True,
    )

    async def attempt() -> T:
        return await work()

    return await retrying(attempt)
