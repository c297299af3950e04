"""Long work in batches, over readings that the test sets."""

from __future__ import annotations

import array
import asyncio
import itertools
import math
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from memory.batching import (
    READER_STOPPED,
    Batches,
    clear_arrays,
    memory_aware_batch_processor,
    process_array_in_chunks,
    process_in_batches,
)
from memory.cleanup import Rung, Step
from memory.guard import MemoryGuard
from memory.levels import Level, LevelPolicy
from memory.monitor import MemoryMonitor, WatchPolicy
from memory.pacer import BatchPacer, BatchPolicy, next_size
from memory.readings import Bound, MemorySource, Reading

MIB = 1 << 20
USED_MB = {Level.NORMAL: 100, Level.ELEVATED: 790, Level.CRITICAL: 900, Level.EMERGENCY: 990}
NO_WAIT = BatchPolicy(size=8, wait_seconds=0)
LEVELS = st.lists(st.sampled_from(list(Level)), max_size=40)


class Script(MemorySource):
    """Says one level after the other, a level a look, and the last for ever."""

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        self.looks = 0
        self.levels = list(levels)

    def read(self) -> Reading:
        level = self.levels[min(self.looks, len(self.levels) - 1)]
        self.looks += 1
        return Reading(float(self.looks), (Bound("cgroup v2", "/box", 1000 * MIB, USED_MB[level] * MIB),), None, None)


def monitored(*levels: Level) -> MemoryMonitor:
    # The monitor itself looks once when it is made.
    source = Script((Level.NORMAL, *levels))
    return MemoryMonitor(source, levels=LevelPolicy(calm_seconds=0), watch=WatchPolicy(look_every_seconds=0.001))


class Dial(MemorySource):
    """Stays at the level that the test sets."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.level = level
        self.looks = 0

    def read(self) -> Reading:
        self.looks += 1
        bound = Bound("cgroup v2", "/box", 1000 * MIB, USED_MB[self.level] * MIB)
        return Reading(float(self.looks), (bound,), None, None)


def dialled(level: Level, lowers_to: Level | None = None) -> tuple[MemoryMonitor, Dial, list[str]]:
    """A monitor at a level, and a ladder that lowers it, if so asked. The list has the reasons it was climbed for."""
    dial, reasons = Dial(level), list[str]()
    watch = WatchPolicy(look_every_seconds=0.001)
    monitor = MemoryMonitor(dial, levels=LevelPolicy(calm_seconds=0), watch=watch)

    async def relieve() -> str:
        dial.level = dial.level if lowers_to is None else lowers_to
        return "tried"

    monitor.ladder.register(Step("lower it", Rung.CACHES, relieve))
    monitor.ladder.on_report(lambda report: reasons.append(report.reason))
    return monitor, dial, reasons


def fetching(count: int, sizes: list[int] | None = None) -> Callable[[int, int], Awaitable[list[int]]]:
    """A table of `count` numbers; notes how many were asked for."""

    async def fetch(offset: int, limit: int) -> list[int]:
        if sizes is not None:
            sizes.append(limit)
        return list(range(count))[offset : offset + limit]

    return fetch


async def read_all(batches: Batches[int]) -> list[int]:
    return [item async for batch in batches for item in batch]


def is_over(batches: Batches[int]) -> bool:
    return batches.result is not None


# the policy


@pytest.mark.parametrize(
    ("setting", "allowed"),
    (
        ({"size": 0}, "size is a whole number, 1 or more, not 0"),
        ({"size": True}, "size is a whole number, 1 or more, not True"),
        ({"size": 2.5}, "size is a whole number, 1 or more, not 2.5"),
        ({"floor": 0}, "floor is a whole number, 1 to 20, not 0"),
        ({"floor": 21}, "floor is a whole number, 1 to 20, not 21"),
        ({"look_every_batches": 0}, "look_every_batches is a whole number, 1 or more, not 0"),
        ({"wait_seconds": -1}, "wait_seconds is a number of seconds, 0 or more, not -1"),
        ({"wait_seconds": math.nan}, "wait_seconds is a number of seconds, 0 or more, not nan"),
        ({"wait_seconds": math.inf}, "wait_seconds is a number of seconds, 0 or more, not inf"),
        ({"stop_at": Level.NORMAL}, "stop_at is a Level above NORMAL, not <Level.NORMAL: 0>"),
        ({"stop_at": 2}, "stop_at is a Level above NORMAL, not 2"),
    ),
)
def test_a_setting_that_makes_no_sense_is_refused_with_what_is_allowed(setting: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match="^" + allowed.replace("<", r"\<") + "$"):
        BatchPolicy(**setting)


@given(st.integers(1, 1000), st.data(), LEVELS)
def test_a_size_is_within_its_bounds_and_moves_the_right_way(size: int, data: st.DataObject, levels: Any) -> None:
    policy = BatchPolicy(size=size, floor=data.draw(st.integers(1, size)))
    now = policy.size
    for level in levels:
        before, now = now, next_size(now, policy, level)
        assert policy.floor <= now <= policy.size
        assert now <= before if level > Level.NORMAL else now >= before
        assert level < Level.EMERGENCY or now == policy.floor


# the pacer


async def test_sizes_are_halved_while_memory_is_tight_and_grow_back() -> None:
    levels = (Level.NORMAL, Level.ELEVATED, Level.ELEVATED, Level.ELEVATED, Level.NORMAL)
    policy = BatchPolicy(size=16, look_every_batches=100)
    pacer = BatchPacer(monitored(*levels), policy, what="export")
    assert [await pacer.next_size() for _ in range(8)] == [16, 8, 4, 2, 4, 8, 16, 16]
    assert (pacer.batches, pacer.smallest, pacer.waited_seconds, pacer.stopped_early) == (8, 2, 0.0, None)


async def test_long_work_that_goes_on_in_tight_memory_has_the_ladder_climbed_every_few_batches() -> None:
    monitor, _, reasons = dialled(Level.ELEVATED)
    pacer = BatchPacer(monitor, BatchPolicy(look_every_batches=3), what="export")
    for _ in range(8):
        await pacer.next_size()
    assert reasons == ["export: level elevated after 3 batches", "export: level elevated after 6 batches"]


async def test_in_calm_the_ladder_is_left_alone() -> None:
    monitor, dial, reasons = dialled(Level.NORMAL)
    pacer = BatchPacer(monitor, BatchPolicy(look_every_batches=1), what="export")
    for _ in range(8):
        await pacer.next_size()
    assert reasons == []
    # One look for each batch; the monitor itself looked once.
    assert dial.looks == 9


async def test_at_the_level_to_stop_at_a_clean_up_that_helps_lets_the_work_go_on() -> None:
    monitor, _, reasons = dialled(Level.CRITICAL, lowers_to=Level.NORMAL)
    pacer = BatchPacer(monitor, NO_WAIT, what="export")
    assert await pacer.next_size() == 8
    assert reasons == ["export: level critical after 0 batches"]
    assert pacer.stopped_early is None


async def test_it_waits_for_the_level_to_fall_and_goes_on() -> None:
    monitor, dial, _ = dialled(Level.CRITICAL)
    pacer = BatchPacer(monitor, BatchPolicy(size=8, wait_seconds=30), what="export")
    asking = asyncio.create_task(pacer.next_size())
    while dial.looks < 10:
        await asyncio.sleep(0)
        assert not asking.done()
    dial.level = Level.ELEVATED
    assert await asking == 4
    assert pacer.stopped_early is None
    assert pacer.waited_seconds > 0


async def test_where_memory_stays_short_it_stops_and_says_why_in_numbers() -> None:
    monitor, _, _ = dialled(Level.CRITICAL)
    pacer = BatchPacer(monitor, NO_WAIT, what="export")
    with capture_logs() as logs:
        assert await pacer.next_size() is None
    assert pacer.stopped_early == (
        "memory stayed at the level critical: 900 MiB of 1,000 MiB used (cgroup v2 /box), waited 0.0 s"
    )
    (event,) = (entry for entry in logs if entry["event"] == "batch.stopped_early")
    assert (event["log_level"], event["what"], event["reason"]) == ("warning", "export", pacer.stopped_early)


async def test_after_it_has_stopped_it_gives_no_size_any_more() -> None:
    monitor, dial, _ = dialled(Level.CRITICAL)
    pacer = BatchPacer(monitor, NO_WAIT, what="export")
    assert await pacer.next_size() is None
    dial.level = Level.NORMAL
    assert await pacer.next_size() is None


async def test_work_of_a_whole_night_waits_for_memory_each_time_however_long_it_has_waited_before() -> None:
    monitor, dial, _ = dialled(Level.CRITICAL)
    pacer = BatchPacer(monitor, BatchPolicy(size=8, wait_seconds=3600), what="export")
    pacer.waited_seconds = 7200.0
    asking = asyncio.create_task(pacer.next_size())
    while dial.looks < 10:
        await asyncio.sleep(0)
        assert not asking.done()
    dial.level = Level.NORMAL
    assert await asking == 8


async def test_without_a_monitor_it_goes_by_that_of_the_current_guard() -> None:
    monitor, dial, _ = dialled(Level.EMERGENCY)
    async with MemoryGuard(monitor):
        result = await process_array_in_chunks([1, 2, 3], nothing, policy=NO_WAIT)
        assert result.stopped_early is not None
        dial.level = Level.NORMAL
        assert (await process_array_in_chunks([1, 2, 3], nothing, policy=NO_WAIT)).is_complete


async def nothing(_: Sequence[int]) -> None:
    """Process a chunk without a result."""


async def test_what_is_critical_goes_on_with_the_floor_and_does_not_ask_for_a_clean_up_each_time() -> None:
    monitor, _, reasons = dialled(Level.EMERGENCY)
    pacer = BatchPacer(monitor, BatchPolicy(size=8, look_every_batches=5, wait_seconds=0), what="x", is_critical=True)
    assert [await pacer.next_size() for _ in range(12)] == [2] * 12
    assert pacer.stopped_early is None
    assert [reason.split()[-2] for reason in reasons] == ["0", "5", "10"]


async def test_what_is_critical_grows_back_and_cleans_up_again_at_the_next_shortage() -> None:
    monitor, dial, reasons = dialled(Level.CRITICAL)
    pacer = BatchPacer(monitor, NO_WAIT, what="x", is_critical=True)
    sizes = []
    for dial.level in (Level.CRITICAL, Level.NORMAL, Level.NORMAL, Level.CRITICAL):
        sizes.append(await pacer.next_size())
    assert sizes == [2, 4, 8, 2]
    assert len(reasons) == 2


async def test_it_can_be_told_to_stop_sooner_or_later() -> None:
    for stop_at, expected in ((Level.ELEVATED, None), (Level.EMERGENCY, 4)):
        monitor, _, _ = dialled(Level.ELEVATED)
        pacer = BatchPacer(monitor, BatchPolicy(size=8, wait_seconds=0, stop_at=stop_at), what="x")
        assert await pacer.next_size() == expected


# a query


@pytest.mark.parametrize("count", (0, 1, 7, 8, 9, 24))
async def test_every_item_of_a_query_comes_once_in_order(count: int) -> None:
    batches = process_in_batches(fetching(count), monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert not is_over(batches)
    assert await read_all(batches) == list(range(count))
    assert batches.result is not None
    assert batches.result.is_complete
    assert (batches.result.items, batches.result.batches) == (count, math.ceil(count / 8))
    assert batches.result.smallest_batch == (8 if count else 0)


async def test_a_query_can_begin_anywhere() -> None:
    batches = process_in_batches(fetching(20), monitor=monitored(Level.NORMAL), start=15)
    assert await read_all(batches) == [15, 16, 17, 18, 19]
    with pytest.raises(ValueError, match="start is a whole number, 0 or more, not -1"):
        process_in_batches(fetching(20), monitor=monitored(Level.NORMAL), start=-1)


async def test_a_batch_larger_than_asked_for_makes_nothing_lost_nor_doubled() -> None:
    async def generous(offset: int, limit: int) -> list[int]:
        return list(range(50))[offset : offset + limit + 3]

    batches = process_in_batches(generous, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert await read_all(batches) == list(range(50))


async def test_ten_thousand_batches_are_read_without_going_deeper() -> None:
    policy = BatchPolicy(size=1, floor=1)
    batches = process_in_batches(fetching(10_000), monitor=monitored(Level.NORMAL), policy=policy)
    depths = {len(asyncio.current_task().get_stack()) async for _ in batches}  # type: ignore[union-attr]
    assert len(depths) == 1
    assert batches.result is not None
    assert batches.result.batches == 10_000


async def test_a_query_that_stops_early_keeps_what_it_gave_and_says_so() -> None:
    monitor, dial, _ = dialled(Level.NORMAL)
    batches = process_in_batches(fetching(100), monitor=monitor, policy=NO_WAIT)
    seen: list[int] = []
    async for batch in batches:
        seen += batch
        dial.level = Level.CRITICAL if len(seen) >= 16 else Level.NORMAL
    assert seen == list(range(16))
    assert batches.result is not None
    assert (batches.result.items, batches.result.is_complete) == (16, False)
    assert "critical" in (batches.result.stopped_early or "")


async def test_a_reader_who_leaves_is_told_apart_from_the_end() -> None:
    async with aclosing(
        process_in_batches(fetching(100), monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    ) as batches:
        async for _ in batches:
            break
        assert not is_over(batches)
    assert batches.result is not None
    assert (batches.result.items, batches.result.stopped_early) == (8, READER_STOPPED)


async def test_a_short_batch_is_not_the_end_a_server_may_give_less_than_it_is_asked_for() -> None:
    numbers = list(range(25))

    async def stingy(offset: int, limit: int) -> list[int]:
        return numbers[offset : offset + min(limit, 3)]

    batches = process_in_batches(stingy, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert [number async for batch in batches for number in batch] == numbers
    assert batches.result is not None
    assert batches.result.is_complete


async def test_a_reader_who_leaves_before_the_end_was_seen_has_stopped_early() -> None:
    async with aclosing(process_in_batches(fetching(5), monitor=monitored(Level.NORMAL), policy=NO_WAIT)) as batches:
        async for _ in batches:
            break
    assert batches.result is not None
    assert (batches.result.items, batches.result.stopped_early) == (5, READER_STOPPED)


async def test_an_error_on_the_way_says_how_far_the_work_had_come() -> None:
    async def fails_at(chunk: Sequence[int]) -> None:
        if 20 in chunk:
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        await process_array_in_chunks(range(30), fails_at, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert caught.value.__notes__ == ["16 items in 2 batches were done before this"]


async def test_batches_are_iterated_once() -> None:
    batches = process_in_batches(fetching(5), monitor=monitored(Level.NORMAL))
    await read_all(batches)
    with pytest.raises(RuntimeError, match="ask process_in_batches for new ones"):
        await read_all(batches)


async def test_what_fetch_raises_goes_through_and_the_result_tells_how_far_it_came() -> None:
    gone = ConnectionError("gone")

    async def fetch(offset: int, limit: int) -> list[int]:
        if offset >= 16:
            raise gone
        return list(range(offset, offset + limit))

    batches = process_in_batches(fetch, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    with pytest.raises(ConnectionError) as caught:
        await read_all(batches)
    assert caught.value is gone
    assert batches.result is not None
    assert batches.result.items == 16
    assert batches.result.stopped_early == "ConnectionError('gone') after 16 items"


@given(count=st.integers(0, 60), levels=LEVELS, is_critical=st.booleans())
def test_a_query_gives_each_item_once_or_says_that_some_are_left_at_any_levels(
    *, count: int, levels: list[Level], is_critical: bool
) -> None:
    async def walk() -> None:
        sizes: list[int] = []
        monitor = monitored(*levels, Level.NORMAL)
        batches = process_in_batches(fetching(count, sizes), monitor=monitor, policy=NO_WAIT, is_critical=is_critical)
        seen = await read_all(batches)
        assert batches.result is not None
        assert seen == list(range(batches.result.items))
        assert all(2 <= size <= 8 for size in sizes)
        assert batches.result.is_complete or not is_critical
        assert len(seen) == count or not batches.result.is_complete

    asyncio.run(walk())


# an array


async def test_results_are_collected_in_the_order_of_the_items() -> None:
    async def squares(chunk: Sequence[int]) -> list[int]:
        return [item * item for item in chunk]

    done = await process_array_in_chunks(range(20), squares, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert done.results == tuple(item * item for item in range(20))
    assert (done.items, done.batches, done.is_complete) == (20, 3, True)


async def test_results_may_be_none_at_all() -> None:
    async def nothing(chunk: Sequence[int]) -> None:
        pass

    done = await process_array_in_chunks([1, 2, 3], nothing, monitor=monitored(Level.NORMAL))
    assert (done.items, done.results) == (3, ())


async def test_an_array_that_is_emptied_meanwhile_ends_the_work() -> None:
    items = list(range(20))

    async def empty(_chunk: Sequence[int]) -> None:
        clear_arrays(items)

    done = await process_array_in_chunks(items, empty, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert (done.items, done.is_complete) == (8, True)


async def test_what_process_raises_goes_through_and_is_logged_with_how_far_it_came() -> None:
    broken = LookupError("broken")

    async def breaks(chunk: Sequence[int]) -> None:
        if chunk[0] >= 8:
            raise broken

    with capture_logs() as logs, pytest.raises(LookupError) as caught:
        await process_array_in_chunks(range(20), breaks, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    assert caught.value is broken
    (event,) = (entry for entry in logs if entry["event"] == "batch.stopped_early")
    assert event["reason"] == "LookupError('broken') after 8 items"


@given(count=st.integers(0, 60), levels=LEVELS, is_critical=st.booleans())
def test_an_array_is_processed_once_each_or_what_is_left_is_said_at_any_levels(
    *, count: int, levels: list[Level], is_critical: bool
) -> None:
    sizes: list[int] = []

    async def process(chunk: Sequence[int]) -> list[int]:
        sizes.append(len(chunk))
        return list(chunk)

    async def walk() -> None:
        monitor = monitored(*levels, Level.NORMAL)
        items = range(count)
        done = await process_array_in_chunks(items, process, monitor=monitor, policy=NO_WAIT, is_critical=is_critical)
        assert [*done.results, *items[done.items :]] == list(items)
        assert done.is_complete == (done.items == count)
        assert done.is_complete or not is_critical
        assert all(2 <= size <= 8 for size in sizes[:-1])
        assert done.smallest_batch <= 8

    asyncio.run(walk())


# a stream


class Item:
    """Something that can be seen to be gone."""


async def stream(count: int) -> AsyncIterator[int]:
    for item in range(count):
        yield item


async def test_a_stream_may_be_async_and_its_results_are_not_kept() -> None:
    seen: list[int] = []

    async def process(batch: Sequence[int]) -> list[int]:
        seen.extend(batch)
        return seen

    run = memory_aware_batch_processor(process, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    done = await run(stream(21))
    assert seen == list(range(21))
    assert (done.items, done.batches, done.results, done.is_complete) == (21, 3, (), True)
    again = await run(stream(3))
    assert again.items == 3


async def test_one_batch_of_a_stream_is_held_at_a_time_and_none_while_it_waits() -> None:
    alive: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0

    def items() -> Iterator[Item]:
        for _ in range(50):
            item = Item()
            alive.add(item)
            yield item

    async def process(batch: Sequence[Item]) -> None:
        nonlocal most
        most = max(most, len(alive))

    held_while_asked: list[int] = []

    class Watching(MemoryMonitor):
        def check_memory(self) -> Reading:
            held_while_asked.append(len(alive))
            return super().check_memory()

    monitor = Watching(Script((Level.NORMAL,)))
    assert (await memory_aware_batch_processor(process, monitor=monitor, policy=NO_WAIT)(items())).items == 50
    assert most <= 9  # the batch, and the one that the generator has just made
    assert max(held_while_asked) <= 1


async def test_when_a_stream_stops_early_what_was_not_processed_is_still_in_the_iterator() -> None:
    monitor, dial, _ = dialled(Level.NORMAL)
    seen: list[int] = []

    async def process(batch: Sequence[int]) -> None:
        seen.extend(batch)
        dial.level = Level.CRITICAL

    endless = itertools.count()
    run = memory_aware_batch_processor(process, monitor=monitor, policy=NO_WAIT)
    done = await run(endless)
    assert (seen, done.items, done.is_complete) == (list(range(8)), 8, False)
    assert next(endless) == 8


async def test_a_list_that_is_done_does_not_stop_early_because_memory_gave_out_behind_it() -> None:
    monitor, dial, _ = dialled(Level.NORMAL)

    async def process(_batch: Sequence[int]) -> None:
        dial.level = Level.CRITICAL

    run = memory_aware_batch_processor(process, monitor=monitor, policy=NO_WAIT)
    assert (await run(list(range(8)))).is_complete


async def test_an_error_of_the_stream_goes_through_after_what_had_been_taken_is_processed() -> None:
    seen: list[int] = []

    async def process(batch: Sequence[int]) -> None:
        seen.extend(batch)

    async def breaking() -> AsyncIterator[int]:
        for item in range(11):
            yield item
        raise ConnectionError("gone")

    run = memory_aware_batch_processor(process, monitor=monitored(Level.NORMAL), policy=NO_WAIT)
    with pytest.raises(ConnectionError, match="gone"):
        await run(breaking())
    assert seen == list(range(11))


@given(count=st.integers(0, 60), levels=LEVELS, is_critical=st.booleans(), is_async=st.booleans())
def test_a_stream_is_processed_once_each_and_the_rest_is_left_in_it_at_any_levels(
    *, count: int, levels: list[Level], is_critical: bool, is_async: bool
) -> None:
    seen: list[int] = []
    sizes: list[int] = []

    async def process(batch: Sequence[int]) -> None:
        seen.extend(batch)
        sizes.append(len(batch))

    async def walk() -> None:
        monitor = monitored(*levels, Level.NORMAL)
        run = memory_aware_batch_processor(process, monitor=monitor, policy=NO_WAIT, is_critical=is_critical)
        if is_async:
            source = stream(count)
            done = await run(source)
            left = [item async for item in source]
        else:
            iterator = iter(range(count))
            done = await run(iterator)
            left = list(iterator)
        assert seen + left == list(range(count))
        assert done.items == len(seen)
        assert not left or not done.is_complete
        assert done.is_complete or not is_critical
        assert all(2 <= size <= 8 for size in sizes[:-1])

    asyncio.run(walk())


# emptying


def test_arrays_are_emptied_in_place_and_the_items_counted() -> None:
    numbers, names, seen, queue = [1, 2, 3], {"a": 1}, {1, 2}, deque([1])
    compact, raw = array.array("i", [1, 2]), bytearray(b"abc")
    same = numbers
    assert clear_arrays(numbers, names, seen, queue, compact, raw) == 12
    assert (same, names, seen, len(queue), len(compact), raw) == ([], {}, set(), 0, 0, bytearray())


@pytest.mark.parametrize("thing", ((1, 2), "text", None, 7, frozenset({1})))
def test_what_cannot_be_emptied_is_named_before_anything_is(thing: Any) -> None:
    numbers = [1, 2, 3]
    with pytest.raises(TypeError, match=f"argument 2 is of type {type(thing).__name__}, which can't be emptied"):
        clear_arrays(numbers, thing)
    assert numbers == [1, 2, 3]
