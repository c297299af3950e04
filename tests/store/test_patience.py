"""Which errors say that the database is away, and waiting for it."""

from __future__ import annotations

import asyncpg
import pytest

from scraper.store.errors import DatabaseUnavailable, NothingWritten
from scraper.store.patience import is_database_trouble, patiently


@pytest.mark.parametrize(
    "error",
    (
        DatabaseUnavailable("no database"),
        ConnectionRefusedError("refused"),
        ConnectionResetError("reset by peer"),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("the connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CrashShutdownError("another server process exited abnormally"),
        asyncpg.QueryCanceledError("canceling statement"),
        asyncpg.DiskFullError("no space left on device"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.SerializationError("could not serialize access"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        asyncpg.PostgresIOError("could not write to file"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.InternalClientError("got result for unknown protocol state 0"),
        ExceptionGroup("two", [TimeoutError(), ConnectionResetError()]),
        ExceptionGroup("nested", [ExceptionGroup("one", [TimeoutError()])]),
    ),
)
def test_what_may_be_over_in_a_while_is_trouble_of_the_database(error: BaseException) -> None:
    assert is_database_trouble(error)


@pytest.mark.parametrize(
    "error",
    (
        ValueError("no number"),
        FileNotFoundError("no list of topics"),
        NothingWritten("nobody was told"),
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.CheckViolationError("views"),
        asyncpg.UndefinedTableError("no such table"),
        asyncpg.PostgresSyntaxError("syntax"),
        asyncpg.DataError("out of range"),
        asyncpg.InsufficientPrivilegeError("permission denied"),
        asyncpg.InterfaceError("the server expects 5 arguments for this query, 6 were passed"),
        ExceptionGroup("mixed", [TimeoutError(), ValueError("no number")]),
    ),
)
def test_what_is_wrong_for_good_is_no_trouble_of_the_database(error: BaseException) -> None:
    assert not is_database_trouble(error)


async def test_what_the_database_refuses_for_a_while_is_done_when_it_lets_it() -> None:
    tries = 0

    async def work() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionRefusedError("not yet")
        return "done"

    assert await patiently("a row is written", work) == "done"
    assert tries == 3


async def test_what_is_wrong_for_good_is_not_tried_again() -> None:
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        await patiently("a row is written", work)
    assert tries == 1


async def test_when_patience_is_over_the_last_word_of_the_database_is_told() -> None:
    async def work() -> None:
        raise ConnectionRefusedError("gone for good")

    with pytest.raises(ConnectionRefusedError, match="gone for good"):
        await patiently("a row is written", work, seconds=0)
