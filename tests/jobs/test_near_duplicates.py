# ruff: noqa: RUF001 - the signs of other languages are what is tested
"""Whether two texts say the same in almost the same words, in any language."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.near_duplicates import evened, is_near_duplicate, runs_of, similarity

texts = st.text(max_size=200)


@given(texts, texts)
def test_similarity_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    left, right = runs_of(one), runs_of(other)
    assert 0 <= similarity(left, right) <= 1
    assert similarity(left, right) == similarity(right, left)


@given(texts.filter(lambda text: bool(text.split())))
def test_every_text_that_is_not_empty_is_a_duplicate_of_itself(text: str) -> None:
    assert is_near_duplicate(runs_of(text), [text])


@given(texts)
def test_case_spaces_and_the_encoding_of_accents_make_no_other_text(text: str) -> None:
    other = unicodedata.normalize("NFD", f"  {text}\n").replace(" ", " \t ")
    assert runs_of(evened(text)) == runs_of(evened(other))


@given(texts, texts)
def test_leaving_out_texts_by_their_length_overlooks_none(one: str, other: str) -> None:
    runs = runs_of(one)
    assert is_near_duplicate(runs, [other]) == (similarity(runs, runs_of(other)) >= 0.6)


@pytest.mark.parametrize(
    ("one", "other"),
    (
        ("Three things I learnt about tides this month.", "THREE things, I learnt about tides, this month!"),
        ("Three things I learnt about tides this month.", "Three things that I learnt about tides this month"),
        ("What surprised you most? https://a.example/1", "what surprised you most? https://b.example/2"),
        ("关于潮汐的三个问题，你怎么看？", "关于潮汐的三个问题,你怎么看"),
        ("潮汐についての三つの質問です。", "潮汐についての三つの質問です！"),
        ("밀물과 썰물에 대한 세 가지 질문", "밀물과 썰물에 대한 세 가지 질문들"),
        ("Три вопроса о приливах и отливах", "три вопроса о приливах, и отливах…"),
        ("ثلاثة أسئلة عن المد والجزر", "ثلاثة أسئلة عن المد والجزر؟"),
        ("ﾃｽﾄです、これは", "テストです、これは"),
        ("🌊🌊🌊", "🌊🌊🌊"),
    ),
)
def test_the_same_said_almost_the_same_way_is_a_near_duplicate(one: str, other: str) -> None:
    assert is_near_duplicate(runs_of(one), [other])


@pytest.mark.parametrize(
    ("one", "other"),
    (
        ("Three things I learnt about tides this month.", "Who here works with tides? What takes most of your time?"),
        ("What is the one thing about tides?", "What is the one thing about Postgres backups?"),
        ("关于潮汐的三个问题，你怎么看？", "今天的天气很好，我们去海边散步吧"),
        ("潮汐についての三つの質問です。", "データベースのバックアップを忘れずに。"),
        ("🌊🌊🌊", "🐟🐟🐟"),
        ("", ""),
        ("short", ""),
    ),
)
def test_something_else_is_none(one: str, other: str) -> None:
    assert not is_near_duplicate(runs_of(one), [other])
