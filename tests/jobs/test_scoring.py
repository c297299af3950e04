"""Which conversations are worth a reply."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs.scoring import ScoringPolicy, opportunity
from scraper.post import Post
from scraper.store.opportunities import Opportunity

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
        (replace(YOUNG, time=None), "no permalink, time or likes"),
        (replace(YOUNG, likes=None), "likes"),
        (replace(YOUNG, time=NOW - timedelta(days=3)), "too old"),
        (replace(YOUNG, text="hi"), "too short"),
        (replace(YOUNG, likes=0), "score too low"),
    ),
)
def test_a_post_that_is_no_opportunity_says_why(post: Post, why: str) -> None:
    assert why in str(opportunity(post, NOW, POLICY))


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
