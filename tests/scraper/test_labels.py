"""Labels that hold all counts of a post."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.values.labels import read_label

WORDS = {"replies": ("reply", "replies", "Antworten", "件の返信"), "likes": ("like", "likes", "件のいいね")}


@pytest.mark.parametrize(
    ("label", "counts"),
    (
        ("1 reply, 2 likes", {"replies": 1, "likes": 2}),
        ("2 likes, 1 reply", {"replies": 1, "likes": 2}),
        ("1,234 replies, 5,678 LIKES", {"replies": 1234, "likes": 5678}),
        ("12 件の返信、34件のいいね", {"replies": 12, "likes": 34}),
        ("1 reply,2 likes", {"replies": 1, "likes": 2}),
        ("", {}),
    ),
)
def test_each_part_is_a_number_and_the_words_of_its_metric(label: str, counts: dict[str, int]) -> None:
    read = read_label(label, WORDS, language="en")
    assert {metric: count.exact for metric, count in read.counts.items()} == counts
    assert read.unknown == ()


@pytest.mark.parametrize(
    ("label", "unknown"),
    (
        ("1 reply, 2 quotes", ("2 quotes",)),
        ("1 reply, likes", ("likes",)),
        ("1 reply and 2 likes", ("1 reply and 2 likes",)),
        ("1 reply, 2 replies", ("2 replies",)),
        ("1.5 likes", ("1.5 likes",)),
    ),
)
def test_a_part_that_is_not_understood_is_said_to_be(label: str, unknown: tuple[str, ...]) -> None:
    assert read_label(label, WORDS, language="en").unknown == unknown


def test_the_numbers_of_parts_in_unknown_words_are_told() -> None:
    read = read_label("1 reply, 41 atsegin, ردّان", WORDS, language="eu")
    assert (read.unknown, read.unknown_numbers) == (("41 atsegin", "ردّان"), (41, None))


def test_without_a_language_only_the_words_of_the_definition_are_sure_to_leave_a_number_as_it_is() -> None:
    read = read_label("41 Antworten, 5 ezer", WORDS)
    assert {metric: count.exact for metric, count in read.counts.items()} == {"replies": 41}
    assert (read.unknown, read.unknown_numbers) == (("5 ezer",), (None,))


def test_a_count_that_is_known_and_not_kept_is_no_riddle() -> None:
    read = read_label("1 reply, 3 quotes", WORDS, other=("quotes",), language="en")
    assert (list(read.counts), read.unknown) == (["replies"], ())


def test_an_abbreviated_part_is_a_range() -> None:
    count = read_label("1.2K likes", WORDS, language="en").counts["likes"]
    assert count.exact is None
    assert count.range is not None


@given(st.text(max_size=120))
def test_no_label_raises(label: str) -> None:
    read = read_label(label, WORDS)
    assert set(read.counts) <= set(WORDS)
