"""Fields that are gone from posts that are otherwise fine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.definitions import Definitions
from scraper.drift import Place, Yield, added, drifts, yields_of
from scraper.post import Post

LIKES = Place("pier", "2026", "post", "likes")


def is_drift(now: Yield, before: Yield) -> bool:
    return bool(drifts({LIKES: now}, {LIKES: before}))


@pytest.mark.parametrize(
    ("now", "before", "drifted"),
    (
        (Yield(12, 0), Yield(400, 392), True),
        (Yield(60, 20), Yield(400, 392), True),
        (Yield(60, 57), Yield(400, 392), False),
        (Yield(12, 0), Yield(400, 8), False),
        (Yield(1, 0), Yield(400, 392), False),
        (Yield(12, 0), Yield(3, 3), False),
        (Yield(12, 0), Yield(0, 0), False),
        (Yield(5, 0), Yield(400, 400), True),
        (Yield(12, 12), Yield(400, 8), False),
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


counted = st.integers(0, 500).flatmap(lambda n: st.builds(Yield, st.just(n), st.integers(0, n)))


@given(now=counted, before=counted)
def test_what_is_read_as_often_as_before_never_drifts_and_less_drifts_more(now: Yield, before: Yield) -> None:
    if now.share >= before.share:
        assert not is_drift(now, before)
    if now.found and is_drift(now, before):
        assert is_drift(Yield(now.posts, now.found - 1), before)


def test_a_drift_is_told_in_words() -> None:
    [drift] = drifts({LIKES: Yield(12, 0)}, {LIKES: Yield(400, 392)})
    assert str(drift) == "likes never (12 posts of pier 2026/post now; before in 98% of 400)"


def test_what_a_kind_has_is_counted_post_by_post() -> None:
    demo = Definitions.builtin().by_name("hackernews")
    sources = {"id": "item@id", "title": "td.title"}
    posts = [
        Post("1", "hackernews", "athing", "story", sources={**sources, "score": ".score"}),
        Post("2", "hackernews", "athing", "story", sources=sources),
        Post("3", "hackernews", "athing", "comment", sources={"id": "item@id"}),
    ]
    yields = yields_of(demo, posts)
    assert yields[Place("hackernews", "athing", "story", "score")] == Yield(2, 1)
    assert yields[Place("hackernews", "athing", "story", "title")] == Yield(2, 2)
    assert yields[Place("hackernews", "athing", "comment", "text")] == Yield(1, 0)
    assert not any(place.field == "pinned" for place in yields)
    assert added(yields, yields)[Place("hackernews", "athing", "story", "score")] == Yield(4, 2)
