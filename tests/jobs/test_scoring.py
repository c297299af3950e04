"""Which conversations are worth a reply."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.scoring import ScoringPolicy, opportunity, scoring_policy
from scraper.post import Post
from scraper.store.opportunities import Opportunity
from scraper.values.counts import Range
from scraper.values.moments import Moment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = ScoringPolicy()
YOUNG = Post(
    id="1",
    site="demo",
    layout="demo",
    url="https://site.example/1",
    author="ada",
    text="a question that is long enough to answer",
    time=NOW - timedelta(hours=1),
    likes=100,
    replies=3,
)


def scored(post: Post) -> Opportunity:
    found = opportunity(post, NOW, POLICY)
    assert isinstance(found, Opportunity), found
    return found


@pytest.mark.parametrize(
    ("post", "why"),
    (
        (replace(YOUNG, promoted=True), "promoted"),
        (replace(YOUNG, url=None), "no permalink"),
        (replace(YOUNG, time=None), "no time shown"),
        (replace(YOUNG, time=None, time_range=Moment(NOW - timedelta(days=3), NOW, "Mar 1")), "too old"),
        (replace(YOUNG, likes=None, replies=None), "no likes or score or views or replies shown"),
        (replace(YOUNG, time=NOW - timedelta(days=3)), "too old"),
        (replace(YOUNG, text="hi"), "too short"),
        (replace(YOUNG, likes=0), "score too low"),
    ),
)
def test_a_post_that_is_no_opportunity_says_why(post: Post, why: str) -> None:
    assert why in str(opportunity(post, NOW, POLICY))


@pytest.mark.parametrize(
    ("shown", "told"),
    (
        ({"score": 240}, "240 score an hour"),
        ({"views": 24_000}, "24000 views an hour"),
        ({"approximate": {"score": Range(1200, 1299, "1.2k")}}, "1200 score an hour"),
        ({}, "3 replies an hour"),
        ({"likes": 100, "score": 3}, "100 likes an hour"),
    ),
)
def test_interest_goes_by_what_the_site_has(shown: dict[str, Any], told: str) -> None:
    found = scored(replace(YOUNG, **({"likes": None} | shown)))
    assert found.because.startswith(told)
    assert found.tier in {"hot", "warm"}


def test_the_order_of_what_stands_for_likes_is_data() -> None:
    post = replace(YOUNG, likes=None, score=5, views=50_000)
    by_views = replace(POLICY, interest=scoring_policy({"interest": {"views": 50}}).interest)
    found = opportunity(post, NOW, by_views)
    assert isinstance(found, Opportunity)
    assert found.because.startswith("50000 views an hour")
    for wrong in ({"stars": 1}, {"views": 0}, {}, ["likes"]):
        with pytest.raises(ValueError, match="worth a like"):
            scoring_policy({"interest": wrong})


def test_a_score_below_nothing_is_no_interest() -> None:
    assert opportunity(replace(YOUNG, likes=None, score=-5), NOW, POLICY) == "score too low"


def test_a_time_that_is_known_to_the_minute_is_a_time() -> None:
    minute = Moment(YOUNG.time or NOW, (YOUNG.time or NOW) + timedelta(seconds=59), "12:56")
    assert scored(replace(YOUNG, time=None, time_range=minute)).posted_at == YOUNG.time


def test_of_a_time_within_bounds_the_earliest_counts_and_is_not_kept() -> None:
    hours = Moment(NOW - timedelta(hours=2), NOW - timedelta(hours=1), "1 hour ago")
    found = scored(replace(YOUNG, time=None, time_range=hours))
    assert (found.posted_at, found.because) == (None, "50 likes an hour, 2.0 h old, 3 replies")


@pytest.mark.parametrize(
    ("likes", "hours", "replies", "tier"),
    ((100, 1, 3, "hot"), (40, 2, 20, "warm"), (20, 4, 80, "cool")),
)
def test_every_tier_can_be_reached(likes: int, hours: float, replies: int, tier: str) -> None:
    post = replace(YOUNG, likes=likes, replies=replies, time=NOW - timedelta(hours=hours))
    assert scored(post).tier == tier


def test_the_better_conversation_scores_higher() -> None:
    best = scored(YOUNG).score
    assert scored(replace(YOUNG, likes=10)).score < best
    assert scored(replace(YOUNG, replies=90)).score < best
    assert scored(replace(YOUNG, time=NOW - timedelta(hours=20), likes=2000)).score < best


def test_unknown_replies_never_look_better_than_known_ones() -> None:
    assert scored(replace(YOUNG, replies=None)).score <= scored(replace(YOUNG, replies=30)).score


def test_a_post_of_a_second_ago_has_no_endless_rate() -> None:
    fresh = replace(YOUNG, time=NOW - timedelta(seconds=1), likes=1)
    assert "12 likes an hour" in scored(fresh).because


def test_a_better_tier_is_kept_for_a_shorter_time() -> None:
    assert [tier.keep for tier in POLICY.tiers] == sorted(tier.keep for tier in POLICY.tiers)
    assert [tier.from_score for tier in POLICY.tiers] == sorted(
        (tier.from_score for tier in POLICY.tiers), reverse=True
    )


@pytest.mark.parametrize(
    ("policy", "post", "why"),
    (
        ({"min_age": timedelta(hours=2)}, {}, "too young"),
        ({"max_age": timedelta(minutes=30)}, {}, "too old"),
        ({"min_text": 60}, {}, "too short"),
        ({"max_text": 10}, {}, "too long"),
        ({"min_likes": 101}, {}, "too few likes"),
        ({"max_likes": 99}, {}, "too many likes"),
        ({"min_replies": 4}, {}, "too few replies"),
        ({"min_replies": 1}, {"replies": None}, "too few replies"),
        ({"max_replies": 2}, {}, "too many replies"),
        ({"min_likes_an_hour": 101.0}, {}, "too slow"),
        ({"languages": ("de",)}, {"lang": "en"}, "not in a language that is wanted"),
        # Nobody said in which language it is.
        ({"languages": ("de",)}, {"lang": None}, "not in a language that is wanted"),
        ({"blocked_authors": ("@Ada",)}, {}, "its author is blocked"),
        ({"blocked_authors": ("ada",)}, {"author": "@ADA"}, "its author is blocked"),
        ({"own_authors": ("@ada",)}, {}, "it is our own"),
    ),
)
def test_a_bound_of_the_policy_keeps_a_post_out(policy: dict[str, Any], post: dict[str, Any], why: str) -> None:
    assert opportunity(replace(YOUNG, **post), NOW, ScoringPolicy(**policy)) == why


@pytest.mark.parametrize(
    ("policy", "post"),
    (
        ({"min_age": timedelta(hours=1), "max_age": timedelta(hours=2)}, {}),
        ({"min_text": 40, "max_text": 40}, {}),
        ({"min_likes": 100, "max_likes": 100, "min_likes_an_hour": 100.0}, {}),
        ({"min_replies": 3, "max_replies": 3}, {}),
        ({"max_replies": 0}, {"replies": None}),
        ({"languages": ("de", "en")}, {"lang": "en-GB"}),
        ({"languages": ("de",)}, {"lang": "DE"}),
        ({"blocked_authors": ("ad", ""), "own_authors": ("lovelace",)}, {}),
        ({"blocked_authors": ("ada",)}, {"author": None}),
    ),
)
def test_a_post_at_a_bound_is_let_in(policy: dict[str, Any], post: dict[str, Any]) -> None:
    assert isinstance(opportunity(replace(YOUNG, **post), NOW, ScoringPolicy(**policy)), Opportunity)


def test_authors_that_were_blocked_later_are_kept_out_too() -> None:
    assert opportunity(YOUNG, NOW, POLICY, frozenset({"@ADA"})) == "its author is blocked"
    assert isinstance(opportunity(YOUNG, NOW, POLICY, frozenset({"bob"})), Opportunity)


def test_an_opportunity_says_its_language_and_is_kept_as_its_tier_says() -> None:
    found = scored(replace(YOUNG, lang="en"))
    [tier] = [tier for tier in POLICY.tiers if tier.name == found.tier]
    assert (found.lang, found.keep) == ("en", tier.keep)


posts = st.builds(
    lambda likes, replies, hours, text: replace(
        YOUNG, likes=likes, replies=replies, time=NOW - timedelta(hours=hours), text="a" * text
    ),
    st.integers(0, 10**9),
    st.none() | st.integers(0, 10**7),
    st.floats(-2, 100),
    st.integers(0, 300),
)


@given(posts)
def test_whatever_a_post_shows_it_is_an_opportunity_of_a_tier_or_there_is_a_reason(post: Post) -> None:
    found = opportunity(post, NOW, POLICY)
    if isinstance(found, str):
        assert found
        return
    tier = next(tier for tier in POLICY.tiers if found.score >= tier.from_score)
    assert 0 < found.score <= 1
    assert (found.tier, found.keep) == (tier.name, tier.keep)
