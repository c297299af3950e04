"""Fields that are gone from posts that are otherwise fine."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.definitions import Definitions
from scraper.drift import Place, Yield, _chance_of_so_few, added, drifts, usual, yields_of
from scraper.post import Post

LIKES = Place("pier", "2026", "post", "likes")


def is_drift(now: Yield, before: Yield) -> bool:
    return bool(drifts({LIKES: now}, {LIKES: before}))


@pytest.mark.parametrize(
    ("now", "before", "drifted"),
    (
        (Yield(12, 0), Yield(400, 392, 20), True),
        (Yield(60, 20), Yield(400, 392, 20), True),
        (Yield(60, 57), Yield(400, 392, 20), False),
        (Yield(12, 0), Yield(400, 8, 20), False),
        (Yield(1, 0), Yield(400, 392, 20), False),
        (Yield(12, 0), Yield(3, 3), False),
        (Yield(12, 0), Yield(0, 0), False),
        (Yield(5, 0), Yield(400, 400, 20), True),
        (Yield(12, 12), Yield(400, 8, 20), False),
    ),
    ids=(
        "cards present, likes never",
        "a third is left",
        "as ever",
        "hardly ever had it",
        "one post says nothing",
        "too little is known",
        "nothing is known",
        "always there before",
        "more than before",
    ),
)
def test_a_drift_is_half_as_much_as_before_and_no_chance(now: Yield, before: Yield, drifted: bool) -> None:  # noqa: FBT001 a case of a table
    assert is_drift(now, before) is drifted


@pytest.mark.parametrize(
    ("now", "before", "drifted"),
    (
        (Yield(30, 0, 1), Yield(4000, 1600, 130), False),
        (Yield(60, 0, 2), Yield(4000, 1600, 130), False),
        (Yield(600, 0, 20), Yield(4000, 1600, 130), True),
        (Yield(30, 0, 1), Yield(4000, 3900, 130), True),
        (Yield(30, 0, 1), Yield(60, 60, 2), False),
        (Yield(30, 0, 30), Yield(400, 160, 400), True),
        (Yield(600, 40, 20), Yield(4000, 3200, 130), True),
        (Yield(60, 4, 2), Yield(4000, 3200, 130), False),
    ),
    ids=(
        "one page of those without it",
        "two of them",
        "too many of them for a chance",
        "one page without what was always there",
        "two pages say little of a third",
        "a page a post",
        "a little is left on many pages",
        "a little is left on two",
    ),
)
def test_a_page_of_posts_without_a_field_that_some_never_had_is_no_drift(
    *, now: Yield, before: Yield, drifted: bool
) -> None:
    assert is_drift(now, before) is drifted


counted = st.integers(0, 100_000).flatmap(
    lambda n: st.builds(Yield, st.just(n), st.integers(0, n), st.integers(min(n, 1), n))
)


@given(now=counted, before=counted)
@example(now=Yield(2000, 600, 60), before=Yield(5000, 4900, 150))
def test_what_is_read_as_often_as_before_never_drifts_and_less_drifts_more(now: Yield, before: Yield) -> None:
    if now.share >= before.share:
        assert not is_drift(now, before)
    if now.found and is_drift(now, before):
        assert is_drift(Yield(now.posts, now.found - 1, now.pages), before)


def test_a_large_run_is_judged_as_well_as_a_small_one() -> None:
    assert is_drift(Yield(2000, 600, 60), Yield(5000, 4900, 150))
    assert is_drift(Yield(100_000, 40_000, 3000), Yield(10_000_000, 9_900_000, 300_000))
    assert not is_drift(Yield(100_000, 98_000, 3000), Yield(10_000_000, 9_900_000, 300_000))


@given(st.integers(1, 300), st.data(), st.floats(0.01, 0.99))
def test_the_chance_of_so_few_is_that_of_the_binomial_distribution(n: int, data: st.DataObject, share: float) -> None:
    found = data.draw(st.integers(0, int(n * share / 2)))
    exact = math.fsum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(found + 1))
    assert _chance_of_so_few(Yield(n, found), share) == pytest.approx(exact, rel=1e-6, abs=1e-12)


def test_as_many_as_the_mean_or_more_are_not_few() -> None:
    assert _chance_of_so_few(Yield(100_000, 40_000), 0.1) == 1.0
    assert _chance_of_so_few(Yield(0, 0), 0.0) == 1.0
    assert _chance_of_so_few(Yield(100_000, 0), 0.5) == 0.0


def test_what_a_drift_has_dragged_down_is_not_what_is_usual() -> None:
    since, before = Yield(700, 280, 30), Yield(700, 686, 30)
    assert usual([since, since, before, before]) == before + before
    assert usual([before] * 4).posts == 2800
    assert usual([]) == Yield()


@given(st.lists(counted, min_size=1, max_size=4))
def test_what_is_usual_is_no_less_likely_to_be_missed_than_any_week(weeks: list[Yield]) -> None:
    now = Yield(40, 0, 40)
    assert is_drift(now, usual(weeks)) or not any(is_drift(now, week) for week in weeks if week.pages >= 40)


def test_a_drift_is_told_in_words() -> None:
    [drift] = drifts({LIKES: Yield(12, 0)}, {LIKES: Yield(400, 392, 20)})
    assert str(drift) == "likes never (12 posts of pier 2026/post now; before in 98% of 400)"
    [drift] = drifts({LIKES: Yield(12, 0)}, {LIKES: Yield(400, 392, 20, date(2026, 3, 1))})
    assert str(drift).endswith("before in 98% of 400, last read on 2026-03-01)")


def test_what_a_kind_has_is_counted_post_by_post() -> None:
    demo = Definitions.builtin().by_name("hackernews")
    sources = {"id": "item@id", "title": "td.title"}
    posts = [
        Post("1", "hackernews", "athing", "story", sources={**sources, "score": ".score"}),
        Post("2", "hackernews", "athing", "story", sources=sources),
        Post("3", "hackernews", "athing", "comment", sources={"id": "item@id"}),
    ]
    yields = yields_of(demo, [posts[:1], posts[1:]])
    assert yields[Place("hackernews", "athing", "story", "score")] == Yield(2, 1, 2)
    assert yields[Place("hackernews", "athing", "story", "title")] == Yield(2, 2, 2)
    assert yields[Place("hackernews", "athing", "comment", "text")] == Yield(1, 0, 1)
    assert not any(place.field == "pinned" for place in yields)
    assert added(yields, yields)[Place("hackernews", "athing", "story", "score")] == Yield(4, 2, 4)


def test_what_is_added_keeps_the_order_in_which_it_came() -> None:
    places = [Place("pier", "plain", "post", field) for field in ("id", "author", "text", "time", "likes", "views")]
    one, other = {place: Yield(1, 1) for place in places[:4]}, {place: Yield(1, 1) for place in places[2:]}
    assert list(added(one, other)) == places
