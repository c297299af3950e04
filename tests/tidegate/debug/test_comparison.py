"""What a replay says of what was read then and now."""

from __future__ import annotations

from tidegate.debug.comparison import differences


def test_the_same_is_no_difference_and_where_it_was_read_is_not_compared() -> None:
    then = [{"id": "1", "likes": 3, "sources": {"likes": ".a"}, "warnings": []}]
    now = [{"id": "1", "likes": 3, "sources": {"likes": ".b"}, "warnings": ["new"]}]
    assert differences(then, now) == []


def test_a_field_that_says_something_else_is_told_with_both() -> None:
    [changed] = differences([{"id": "1", "likes": 3}], [{"id": "1", "likes": None}])
    assert str(changed) == "1: likes was 3, is unknown"


def test_posts_that_only_one_of_both_has() -> None:
    told = [str(one) for one in differences([{"id": "1"}, {"id": "2"}], [{"id": "2"}, {"id": "3"}])]
    assert told == ["1: is not read any more", "3: is new"]
