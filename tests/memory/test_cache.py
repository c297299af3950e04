"""ByteBudgetCache: what it holds, what goes first, and loads that are shared."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from memory.cache import ByteBudgetCache, estimated_bytes
from memory.cleanup import Rung


def sized(limit_bytes: int) -> ByteBudgetCache[str, int]:
    """A cache whose values are their own sizes."""
    return ByteBudgetCache(limit_bytes, size_of=lambda value: value)


class Loader:
    """A load that ends when the test says so, and counts how often it began."""

    def __init__(self) -> None:
        self.began = 0
        self.was_cancelled = False
        self.has_begun = asyncio.Event()
        self.outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> int:
        self.began += 1
        self.has_begun.set()
        try:
            return await asyncio.shield(self.outcome)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


def loads(value: int) -> Callable[[], Awaitable[int]]:
    async def load() -> int:
        return value

    return load


@pytest.mark.parametrize("limit", (-1, math.nan, 1.5, True, "10", None))
def test_a_limit_that_is_no_number_of_bytes_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="a whole number of bytes, 0 or more, not"):
        ByteBudgetCache(limit)
    with pytest.raises(ValueError, match="a whole number of bytes, 0 or more, not"):
        sized(10).shrink_to(limit)


@pytest.mark.parametrize("size", (-1, 1.5, math.nan))
def test_a_size_that_is_no_number_of_bytes_is_refused_and_changes_nothing(size: Any) -> None:
    cache = ByteBudgetCache[str, str](10, size_of=lambda value: size if value == "odd" else 1)
    cache.put("a", "fine")
    with pytest.raises(ValueError, match="a whole number of bytes"):
        cache.put("a", "odd")
    assert cache.get("a") == "fine"


def test_what_was_used_least_recently_makes_room() -> None:
    cache = sized(10)
    for key in ("a", "b", "c"):
        assert cache.put(key, 3)
    cache.get("a")
    assert cache.put("d", 4)
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    assert (len(cache), cache.held_bytes, cache.statistics().evictions) == (3, 10, 1)


def test_what_is_larger_than_the_whole_budget_is_not_kept_and_drives_nothing_out() -> None:
    cache = sized(10)
    cache.put("a", 3)
    with capture_logs() as logs:
        assert not cache.put("b", 11)
    assert (len(cache), "b" in cache) == (1, False)
    assert logs == [{"event": "cache.too_large", "log_level": "debug", "size_bytes": 11, "limit_bytes": 10}]


def test_what_is_too_large_does_not_leave_an_older_value_behind() -> None:
    cache = sized(10)
    cache.put("a", 3)
    cache.put("a", 11)
    assert cache.get("a") is None


def test_a_value_in_place_of_another_counts_once() -> None:
    cache = sized(10)
    for size in (9, 8, 10, 1):
        cache.put("a", size)
    assert (len(cache), cache.held_bytes, cache.statistics().evictions) == (1, 1, 0)


def test_hits_and_misses_are_counted_and_unknown_before_the_first() -> None:
    cache = sized(10)
    assert cache.statistics().hit_share is None
    cache.put("a", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("b", -1), cache.get("a")) == (3, None, -1, 3)
    statistics = cache.statistics()
    assert (statistics.hits, statistics.misses, statistics.hit_share) == (2, 2, 0.5)
    assert (statistics.items, statistics.held_bytes, statistics.limit_bytes) == (1, 3, 10)


def test_none_is_a_value_like_others() -> None:
    cache = ByteBudgetCache[str, None](100)
    cache.put("a", None)
    assert "a" in cache
    assert cache.get("a", 5) is None


def test_shrinking_lets_the_least_used_go_and_the_budget_stays() -> None:
    cache = sized(10)
    for key in "abcde":
        cache.put(key, 2)
    assert cache.halve() == 6
    assert [key for key in "abcde" if key in cache] == ["d", "e"]
    assert cache.shrink_to(100) == 0
    assert cache.clear() == 4
    assert (len(cache), cache.held_bytes) == (0, 0)
    assert cache.put("a", 10)


def test_what_is_popped_is_no_eviction() -> None:
    cache = sized(10)
    cache.put("a", 3)
    assert (cache.pop("a"), cache.pop("a"), cache.pop("a", 7)) == (3, None, 7)
    assert cache.statistics().evictions == 0


async def test_as_a_step_of_the_ladder_it_is_emptied_and_says_how_much_that_was() -> None:
    cache = sized(8 << 20)
    cache.put("a", 3 << 20)
    cache.put("b", 4 << 20)
    step = cache.step("forget pages")
    assert (step.name, step.rung) == ("forget pages", Rung.CACHES)
    assert await step.relieve() == "2 items let go, 7 MiB"
    assert len(cache) == 0


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 60)))),
)
def test_it_never_holds_more_than_its_budget_nor_anything_but_the_last_value(
    limit: int, actions: list[tuple[str, int | None]]
) -> None:
    cache, truth = sized(limit), dict[str, int]()
    for key, size in actions:
        if size is None:
            cache.pop(key)
            truth.pop(key, None)
        else:
            assert cache.put(key, size) == (size <= limit)
            truth[key] = size
        kept = {one: cache.get(one) for one in "abcdef" if one in cache}
        assert kept.items() <= truth.items()
        assert cache.held_bytes == sum(value for value in kept.values() if value is not None) <= limit


# loads


async def test_who_asks_during_a_load_shares_it() -> None:
    cache, load = sized(10), Loader()
    asking = [asyncio.create_task(cache.get_or_load("a", load)) for _ in range(5)]
    await load.has_begun.wait()
    load.outcome.set_result(4)
    assert await asyncio.gather(*asking) == [4] * 5
    assert load.began == 1
    assert await cache.get_or_load("a", loads(9)) == 4


async def test_loads_of_other_keys_do_not_wait() -> None:
    cache, load = sized(10), Loader()
    asking = asyncio.create_task(cache.get_or_load("a", load))
    await load.has_begun.wait()
    assert await cache.get_or_load("b", loads(2)) == 2
    load.outcome.set_result(4)
    assert await asking == 4


async def test_a_load_that_fails_is_not_kept_and_everyone_who_waits_gets_the_error() -> None:
    cache, load = sized(10), Loader()
    asking = [asyncio.create_task(cache.get_or_load("a", load)) for _ in range(3)]
    await load.has_begun.wait()
    gone = ConnectionError("gone")
    load.outcome.set_exception(gone)
    assert await asyncio.gather(*asking, return_exceptions=True) == [gone] * 3
    assert await cache.get_or_load("a", loads(5)) == 5


async def test_who_is_cancelled_does_not_end_the_load_for_the_others() -> None:
    cache, load = sized(10), Loader()
    first = asyncio.create_task(cache.get_or_load("a", load))
    second = asyncio.create_task(cache.get_or_load("a", load))
    await load.has_begun.wait()
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    load.outcome.set_result(4)
    assert await second == 4
    assert cache.get("a") == 4


async def test_a_load_that_nobody_waits_for_any_more_is_cancelled_and_leaves_no_task() -> None:
    cache, load = sized(10), Loader()
    before = asyncio.all_tasks()
    asking = asyncio.create_task(cache.get_or_load("a", load))
    await load.has_begun.wait()
    begun = asyncio.all_tasks() - before
    asking.cancel()
    await asyncio.wait([asking])
    assert load.was_cancelled
    assert all(task.done() for task in begun)
    assert await cache.get_or_load("a", loads(5)) == 5


async def test_a_load_during_which_the_value_was_outdated_is_given_but_not_kept() -> None:
    def put(cache: ByteBudgetCache[str, int]) -> object:
        return cache.put("a", 9)

    def pop(cache: ByteBudgetCache[str, int]) -> object:
        return cache.pop("a")

    def clear(cache: ByteBudgetCache[str, int]) -> object:
        return cache.clear()

    for outdate, then in ((put, 9), (pop, None), (clear, None)):
        cache, load = sized(10), Loader()
        asking = asyncio.create_task(cache.get_or_load("a", load))
        await load.has_begun.wait()
        outdate(cache)
        load.outcome.set_result(4)
        assert await asking == 4
        assert cache.get("a") == then


async def test_a_load_goes_on_through_a_clean_up_and_is_kept() -> None:
    cache, load = sized(10), Loader()
    asking = asyncio.create_task(cache.get_or_load("a", load))
    await load.has_begun.wait()
    await cache.relieve()
    load.outcome.set_result(4)
    assert await asking == 4
    assert cache.get("a") == 4


async def test_what_was_loaded_and_is_too_large_is_given_all_the_same() -> None:
    cache = sized(10)
    assert await cache.get_or_load("a", loads(11)) == 11
    assert "a" not in cache


# the estimate


@dataclass
class Row:
    name: str
    tags: list[str]


@dataclass(slots=True)
class Slotted:
    name: str
    tags: list[str]


@pytest.mark.parametrize(
    "value",
    (
        "x" * 10_000,
        b"x" * 10_000,
        ["x" * 5_000, "y" * 5_000],
        ("x" * 10_000,),
        {"a": {"b": ["x" * 10_000]}},
        {"x" * 10_000: 1},
        {"x" * 10_000},
        Row("x" * 5_000, ["y" * 5_000]),
        Slotted("x" * 5_000, ["y" * 5_000]),
        list(range(10_000, 10_357)),
    ),
    ids=lambda value: type(value).__name__,
)
def test_what_data_takes_is_estimated_with_all_its_parts(value: object) -> None:
    assert 10_000 <= estimated_bytes(value) <= 14_000


def test_an_object_met_twice_counts_once_and_a_circle_ends() -> None:
    text = "x" * 10_000
    assert estimated_bytes([text, text, text]) < 11_000
    circle: list[object] = []
    circle.append(circle)
    assert estimated_bytes(circle) == sys.getsizeof(circle)


def test_what_is_nested_too_deep_is_left_out_and_costs_no_recursion() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert estimated_bytes(nested) < 1_000
    while nested:
        # Taken apart from the outside, so that letting go is not deep either.
        nested = nested.pop()  # type: ignore[assignment]
