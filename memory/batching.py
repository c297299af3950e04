"""Long work in batches, each as large as memory allows: ways to walk at the pace of a `BatchPacer`.

Pages of a query (`process_in_batches`), an array (`process_array_in_chunks`), a stream of any length
(`memory_aware_batch_processor`). One batch is held at a time, and what stopped early says so in its result.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Sized,
)
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from memory.monitor import MemoryMonitor
from memory.pacer import BatchPacer, BatchPolicy, must_be_whole

T = TypeVar("T")
R = TypeVar("R")

READER_STOPPED = "the reader stopped"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of long work. `stopped_early` tells why it did not reach the end, None if it did.

    `smallest_batch` is the least that memory allowed, in items, 0 if there was no batch. `results` are what `process`
    gave, in the order of the items, where they are collected.
    """

    items: int
    batches: int
    smallest_batch: int
    waited_seconds: float
    stopped_early: str | None
    results: tuple[Any, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all there was has been done."""
        return self.stopped_early is None


class Batches(Generic[T]):
    """The batches of a query, to be iterated once; see `process_in_batches`."""

    def __init__(self, fetch: Callable[[int, int], Awaitable[Sequence[T]]], pacer: BatchPacer, start: int) -> None:
        must_be_whole("start", start, 0)
        self._fetch = fetch
        self._pacer = pacer
        self._offset = start
        self._work = _Work(pacer)
        self._is_last = False
        self._is_begun = False
        self.result: BatchResult | None = None

    def __aiter__(self) -> AsyncIterator[Sequence[T]]:
        if self._is_begun:
            raise RuntimeError("these batches have been iterated: ask process_in_batches for new ones")
        self._is_begun = True
        return self

    async def __anext__(self) -> Sequence[T]:
        if self.result is None and not self._is_last:
            try:
                batch = await self._next()
            except BaseException as error:
                self.result = self._work.failed(error)
                raise
            if len(batch) > 0:
                return batch
        if self.result is None:
            self.result = self._work.result()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Say that no more will be read. After the last batch this changes nothing."""
        if self.result is None:
            if not self._is_last:
                self._pacer.stop(READER_STOPPED)
            self.result = self._work.result()

    async def _next(self) -> Sequence[T]:
        size = await self._pacer.next_size()
        if size is None:
            return ()
        batch = await self._fetch(self._offset, size)
        self._offset += len(batch)
        self._is_last = len(batch) == 0
        self._work.add(len(batch))
        return batch


def process_in_batches(
    fetch: Callable[[int, int], Awaitable[Sequence[T]]],
    *,
    monitor: MemoryMonitor | None = None,
    policy: BatchPolicy | None = None,
    start: int = 0,
    is_critical: bool = False,
    what: str = "batches",
) -> Batches[T]:
    """Walk through what `fetch(offset, limit)` gives, from `start` on, in batches as large as memory allows.

        async with aclosing(process_in_batches(fetch, what="export")) as batches:
            async for batch in batches:
                ...
        batches.result

    It ends with a batch that is empty: one shorter than asked for may just be all that is given at once, and a longer
    one is taken as it is. The next begins behind it. `result` is None until the end; if the reader leaves before
    that, closing says so. Where memory gives out just behind the last batch, it is not known that it was the last,
    and `result` says stopped early.

    A loop variable holds a batch until the next one has come: `del` it where two at a time are too much.

    What `fetch` raises goes through, and `result` tells how far it came. Raises ValueError for a start below 0.
    """
    return Batches(fetch, BatchPacer(monitor, policy, what=what, is_critical=is_critical), start)


async def process_array_in_chunks(
    items: Sequence[T],
    process: Callable[[Sequence[T]], Awaitable[Sequence[R] | None]],
    *,
    monitor: MemoryMonitor | None = None,
    policy: BatchPolicy | None = None,
    is_critical: bool = False,
    what: str = "chunks",
) -> BatchResult:
    """Process an array that is in memory, chunk by chunk, and collect what `process` gives, in the order of `items`.

    If it stopped early, what is left is `items[result.items:]`. What `process` raises goes through; the log tells how
    far it came.
    """
    pacer = BatchPacer(monitor, policy, what=what, is_critical=is_critical)
    work = _Work(pacer)
    results: list[R] = []
    try:
        while work.items < len(items):
            size = await pacer.next_size()
            if size is None:
                break
            chunk = items[work.items : work.items + size]
            if len(chunk) == 0:
                break
            given = await process(chunk)
            work.add(len(chunk))
            results.extend(() if given is None else given)
            # The pacer may wait: nothing of this chunk is held meanwhile.
            del chunk, given
    except BaseException as error:
        work.failed(error)
        raise
    return work.result(tuple(results))


def memory_aware_batch_processor(
    process: Callable[[Sequence[T]], Awaitable[object]],
    *,
    monitor: MemoryMonitor | None = None,
    policy: BatchPolicy | None = None,
    is_critical: bool = False,
    what: str = "a stream",
) -> Callable[[Iterable[T] | AsyncIterable[T]], Awaitable[BatchResult]]:
    """A function that processes a stream of any length, of which it holds one batch at a time.

    It takes an iterable or an async iterable and gives a `BatchResult`, without results: what `process` returns is
    not kept. Memory is looked at before items are taken, so if it stops early, all that was not processed is still in
    the iterator. If nothing is, but the iterator can't tell (a list can), it says stopped early all the same.

    What the iterator raises goes through after what had been taken is processed; what `process` raises goes through
    at once. The log tells how far it came.
    """

    async def run(items: Iterable[T] | AsyncIterable[T]) -> BatchResult:
        pacer = BatchPacer(monitor, policy, what=what, is_critical=is_critical)
        work = _Work(pacer)
        source = aiter(items) if isinstance(items, AsyncIterable) else _Stepwise(iter(items))
        try:
            is_over = False
            while not is_over and not (isinstance(items, Sized) and work.items >= len(items)):
                size = await pacer.next_size()
                if size is None:
                    break
                is_over = await _one_batch(source, size, process, work)
        except BaseException as error:
            work.failed(error)
            raise
        return work.result()

    return run


def clear_arrays(*arrays: MutableSequence[Any] | MutableMapping[Any, Any] | MutableSet[Any]) -> int:
    """Empty lists, dicts, sets and the like in place, whoever else refers to them. Returns how many items that were.

    Raises TypeError for something that can't be emptied, before anything is.
    """
    for place, array in enumerate(arrays, start=1):
        given: object = array
        if not isinstance(given, MutableSequence | MutableMapping | MutableSet):
            kind = type(given).__name__
            raise TypeError(f"argument {place} is of type {kind}, which can't be emptied: give lists, dicts or sets")
    let_go = 0
    for array in arrays:
        let_go += len(array)
        if isinstance(array, MutableSequence) and not hasattr(array, "clear"):
            # array.array is one that has learned to clear itself only in Python 3.13.
            del array[:]
        else:
            array.clear()
    return let_go


class _Work:
    """What has been done of some long work so far."""

    def __init__(self, pacer: BatchPacer) -> None:
        self._pacer = pacer
        self.items = 0
        self.batches = 0

    def add(self, items: int) -> None:
        self.items += items
        self.batches += items > 0

    def failed(self, error: BaseException) -> BatchResult:
        error.add_note(f"{self.items} items in {self.batches} batches were done before this")
        self._pacer.stop(f"{error!r} after {self.items} items")
        return self.result()

    def result(self, results: tuple[Any, ...] = ()) -> BatchResult:
        pacer = self._pacer
        smallest = pacer.smallest if self.batches else 0
        return BatchResult(self.items, self.batches, smallest, pacer.waited_seconds, pacer.stopped_early, results)


class _Stepwise(Generic[T]):
    """An iterator as an async one."""

    def __init__(self, iterator: Iterator[T]) -> None:
        self._iterator = iterator

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        for item in self._iterator:
            return item
        raise StopAsyncIteration


async def _one_batch(
    source: AsyncIterator[T], size: int, process: Callable[[Sequence[T]], Awaitable[object]], work: _Work
) -> bool:
    """Take a batch and process it. Whether the source is at its end."""
    batch: list[T] = []
    is_over = False
    failure: Exception | None = None
    while len(batch) < size and not is_over:
        try:
            batch.append(await anext(source))
        except StopAsyncIteration:
            is_over = True
        except Exception as error:  # noqa: BLE001 it is raised below
            failure, is_over = error, True
    if batch:
        await process(batch)
        work.add(len(batch))
    if failure is not None:
        raise failure
    return is_over
