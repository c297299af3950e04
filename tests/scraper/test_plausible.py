"""What a reading says beside the one before it: growth, and doubts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.plausible import doubts, growth
from scraper.post import METRICS, Post

HOUR = timedelta(hours=1)
counts = st.integers(0, 10**9)
metrics = st.fixed_dictionaries({metric: st.none() | counts for metric in METRICS})


def post(shown: Mapping[str, int | None]) -> Post:
    return replace(Post("1", "demo", "demo"), **cast("dict[str, Any]", shown))


@pytest.mark.parametrize(
    ("now", "before", "apart", "grows"),
    (
        ({"views": 150}, {"views": 100}, HOUR, 0.5),
        ({"views": 150}, {"views": 100}, 2 * HOUR, 0.25),
        ({"views": 150}, {"views": 100}, timedelta(minutes=30), 1.0),
        ({"views": 50}, {"views": 100}, HOUR, -0.5),
        # Views come before likes, and likes before score.
        ({"views": 100, "likes": 90}, {"views": 100, "likes": 10}, HOUR, 0.0),
        ({"views": None, "likes": 20}, {"views": 100, "likes": 10}, HOUR, 1.0),
        ({"score": 30}, {"score": 20}, HOUR, 0.5),
        # From one to three is no growth by 200 %.
        ({"likes": 3}, {"likes": 1}, HOUR, 0.2),
        ({"likes": 5}, {"likes": 0}, HOUR, 0.5),
        # A score may be below zero.
        ({"score": 5}, {"score": -5}, HOUR, 1.0),
        # Two readings in a second say nothing of an hour.
        ({"views": 101}, {"views": 100}, timedelta(0), 0.6),
        ({"views": 101}, {"views": 100}, timedelta(minutes=-5), 0.6),
        ({"views": None}, {"views": 100}, HOUR, None),
        ({"views": 100}, {"views": None}, HOUR, None),
        ({"reposts": 100}, {"reposts": 10}, HOUR, None),
        ({"views": 100}, {}, HOUR, None),
    ),
)
def test_growth_is_a_share_an_hour_where_it_is_known(
    now: dict[str, int | None], before: dict[str, int | None], apart: timedelta, grows: float | None
) -> None:
    assert growth(post(now), before, apart) == (None if grows is None else pytest.approx(grows))


@pytest.mark.parametrize(
    ("now", "before", "says"),
    (
        ({"views": 10, "likes": 11}, None, ["11 likes over 10 views"]),
        ({"views": 10, "likes": 10}, None, []),
        ({"views": None, "likes": 10}, None, []),
        ({"views": 0, "likes": 1}, {}, ["1 likes over 0 views"]),
        ({"likes": 10}, {"likes": 20}, ["likes fell from 20 to 10"]),
        ({"likes": 11}, {"likes": 20}, []),
        ({"likes": 0}, {"likes": 19}, []),
        ({"likes": None}, {"likes": 500}, []),
        ({"likes": 5}, {"likes": None}, []),
        ({"likes": 5000}, {"likes": 20}, []),
        (
            {"views": 10, "likes": 30, "bookmarks": 0},
            {"views": 100, "likes": 30, "bookmarks": 40},
            ["30 likes over 10 views", "views fell from 100 to 10", "bookmarks fell from 40 to 0"],
        ),
    ),
)
def test_what_is_hard_to_believe_is_told_in_words(
    now: dict[str, int | None], before: dict[str, int | None] | None, says: list[str]
) -> None:
    assert doubts(post(now), before) == says


@given(metrics, metrics, st.timedeltas(timedelta(0), timedelta(days=900)))
def test_whatever_was_read_there_is_an_answer(
    now: dict[str, int | None], before: dict[str, int | None], apart: timedelta
) -> None:
    grows = growth(post(now), before, apart)
    known = any(now[metric] is not None and before[metric] is not None for metric in ("views", "likes", "score"))
    assert (grows is not None) == known
    fell = [metric for metric in METRICS if (now[metric] or 0) < (before[metric] or 0)]
    assert sum("fell" in one for one in doubts(post(now), before)) <= len(fell)


@given(metrics)
def test_a_post_that_stays_as_it_is_has_not_fallen_and_has_not_grown(now: dict[str, int | None]) -> None:
    assert not [one for one in doubts(post(now), now) if "fell" in one]
    assert growth(post(now), now, HOUR) in {0.0, None}
