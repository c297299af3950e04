"""Opening a database: what is said when there is none, and never its password."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.store.database import Database, without_password
from scraper.store.errors import DatabaseUnavailable

SECRET = "tr0ub4dor"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    (
        ("postgresql://reef:tr0ub4dor@db.example:5432/tide", "postgresql://reef:***@db.example:5432/tide"),
        ("postgresql://reef:tr0ub4dor@db.example/tide", "postgresql://reef:***@db.example/tide"),
        ("postgresql://:tr0ub4dor@db.example/tide", "postgresql://:***@db.example/tide"),
        ("postgresql://reef@db.example/tide", "postgresql://reef@db.example/tide"),
        ("postgresql:///tide?host=/run/postgresql", "postgresql:///tide?host=/run/postgresql"),
        ("postgresql://reef:tr0ub4dor@[::1]:5432/tide", "postgresql://reef:***@[::1]:5432/tide"),
        ("postgresql://reef:tr0ub4dor@one:5432,two:5433/tide", "postgresql://reef:***@one:5432,two:5433/tide"),
        ("postgresql://reef@db/tide?password=tr0ub4dor&x=1", "postgresql://reef@db/tide?password=***&x=1"),
        ("host=db user=reef password=tr0ub4dor dbname=tide", "host=db user=reef password=*** dbname=tide"),
        ("reef:tr0ub4dor@db.example/tide", "reef:***@db.example/tide"),
        ("", ""),
    ),
)
def test_the_address_of_a_database_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert without_password(dsn) == shown


@given(st.text(alphabet="/#?@:%[] äé'\"\\", max_size=6), st.text(alphabet="/#?@:%[] äé'\"\\", max_size=6))
def test_no_sign_in_a_password_makes_it_show(before: str, after: str) -> None:
    assert SECRET not in without_password(f"postgresql://reef:{before}{SECRET}{after}@db.example:5432/tide")


@pytest.mark.parametrize(
    "dsn",
    (
        f"postgresql://reef:{SECRET}@127.0.0.1:1/tide",
        f"postgresql://reef:{SECRET}@no-such-host.invalid/tide",
        f"postgresql://reef:{SECRET}@127.0.0.1:port/tide",
        f"postgresql://reef:{SECRET}/half@127.0.0.1/tide",
        f"postgresql://reef:{SECRET}#half@127.0.0.1/tide",
        f"postgresql://reef:{SECRET}?half@127.0.0.1/tide",
        f"postgresql://reef:{SECRET}@127.0.0.1:99999/tide",
        f"postgresql://reef:{SECRET}@127.0.0.1:1/tide?sslmode=perhaps",
        f"mysql://reef:{SECRET}@127.0.0.1/tide",
        f"reef:{SECRET}@127.0.0.1/tide",
        f"host=127.0.0.1 port=1 password={SECRET}",
        "postgresql:///tide?host=/nowhere",
        "",
    ),
)
async def test_an_address_that_leads_nowhere_says_what_to_do_and_keeps_the_password(dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with Database(dsn):
            pass
    said = str(caught.value)
    assert SECRET not in said
    assert said.startswith("no database at ")
    assert "TIDEGATE_DATABASE_URL" in said
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.database
async def test_a_database_that_is_not_there_is_said_by_name(fresh_dsn: str) -> None:
    nowhere = re.sub(r"/test_\d+", "/nowhere", fresh_dsn)
    with pytest.raises(DatabaseUnavailable, match='database "nowhere" does not exist'):
        async with Database(nowhere):
            pass


@pytest.mark.database
async def test_a_login_that_is_wrong_is_said(fresh_dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="nobody-of-that-name"):
        async with Database(fresh_dsn.replace("//tidegate@", "//nobody-of-that-name@")):
            pass


@pytest.mark.database
async def test_a_database_that_is_not_open_says_how_to_open_it(fresh_dsn: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="async with Database"):
        await Database(fresh_dsn).fetch("due_posts")
