"""Alive, and to be relied on: told from facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scraper.store.freshness import Freshness
from tidegate.health import Facts, readiness

FRESH = Freshness(48, 3, 0, 20.0, 0, 0, datetime(2026, 3, 1, tzinfo=UTC), 40)
WELL = Facts(pages_opened=7, can_browse=True, is_stopping=False, freshness=FRESH)


def missing(facts: Facts) -> dict[str, str]:
    return {check.name: check.says for check in readiness(facts) if not check.is_ok}


def test_who_browses_stores_and_keeps_up_is_ready() -> None:
    assert missing(WELL) == {}


@pytest.mark.parametrize(
    ("facts", "name", "says"),
    (
        (replace(WELL, is_stopping=True), "serving", "draining"),
        (replace(WELL, pages_opened=0), "browser", "no page has loaded yet"),
        (replace(WELL, can_browse=False), "browser", "no browser can be had"),
        (
            replace(WELL, freshness=replace(FRESH, late=5, oldest_due_seconds=4 * 3600.0)),
            "rows",
            "5 posts should have been read, the first of them 4:00:00 ago",
        ),
    ),
)
def test_what_is_missing_is_named(facts: Facts, name: str, says: str) -> None:
    assert says in missing(facts).pop(name)
    assert set(missing(facts)) == {name}


def test_a_database_that_does_not_answer_is_told_with_its_words() -> None:
    assert missing(replace(WELL, freshness=None, database_says="too many clients")) == {
        "database": "too many clients",
        "rows": "not known without the database",
    }
