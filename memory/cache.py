"""A cache whose budget is in bytes, and which is a step of the ladder.

A number of items says nothing about memory: a hundred pages may be a megabyte or a gigabyte. Each value is measured
when it comes, and what was used least recently goes to make room for it. What is held can be let go at any time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, overload

import structlog
from cachetools import LRUCache

from memory.budget import mib
from memory.cleanup import Rung, Step

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")

DEPTH = 8
"""How deep `estimated_bytes` looks into what is nested."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What is held now, and what became of look-ups so far. `evictions` are items that went for lack of room."""

    items: int
    held_bytes: int
    limit_bytes: int
    hits: int
    misses: int
    evictions: int

    @property
    def hit_share(self) -> float | None:
        """Hits over look-ups, 0 to 1; None before the first."""
        looked_up = self.hits + self.misses
        return self.hits / looked_up if looked_up else None


@dataclass(frozen=True, slots=True)
class _Kept(Generic[V]):
    value: V
    size_bytes: int


@dataclass(slots=True, eq=False)
class _Load(Generic[V]):
    """A load under way, and how many wait for it."""

    task: asyncio.Task[V] = field(init=False)
    waiters: int = 0


class ByteBudgetCache(Generic[K, V]):
    """Holds values of at most `limit_bytes` together, as measured by `size_of` when they come.

    Keys and book-keeping are not counted: about 300 bytes an item. A value that grows after it came is not measured
    again. For use in one event loop.

    Raises ValueError for a limit that is not a whole number of bytes, 0 or more.
    """

    def __init__(self, limit_bytes: int, *, size_of: Callable[[V], int] | None = None) -> None:
        self._limit_bytes = _checked(limit_bytes)
        self._size_of: Callable[[V], int] = size_of or estimated_bytes
        self._kept: LRUCache[K, _Kept[V]] = LRUCache(limit_bytes, lambda kept: kept.size_bytes)
        self._loads: dict[K, _Load[V]] = {}
        self._hits = 0
        self._misses = 0
        self._evictions = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    @property
    def held_bytes(self) -> int:
        """What the values held now were measured to take."""
        return int(self._kept.currsize)

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: D | None = None) -> V | D | None:
        """The value of `key`, which is now the one used last, or `default`."""
        kept = self._look_up(key)
        return default if kept is None else kept.value

    def put(self, key: K, value: V) -> bool:
        """Hold `value`, in place of what `key` had. Whether it was kept.

        One that is larger than the whole budget is not kept, and nothing else goes for it.

        Raises ValueError if `size_of` gives something that is not a whole number of bytes, 0 or more.
        """
        size_bytes = _checked(self._size_of(value))
        # A load of this key that is under way would bring something older.
        self.pop(key)
        if size_bytes > self._limit_bytes:
            log.debug("cache.too_large", size_bytes=size_bytes, limit_bytes=self._limit_bytes)
            return False
        self.shrink_to(self._limit_bytes - size_bytes)
        self._kept[key] = _Kept(value, size_bytes)
        return True

    @overload
    def pop(self, key: K) -> V | None: ...
    @overload
    def pop(self, key: K, default: D) -> V | D: ...
    def pop(self, key: K, default: D | None = None) -> V | D | None:
        """Let go of `key` and give its value, or `default`. A load of it under way will not be kept."""
        self._loads.pop(key, None)
        kept = self._kept.pop(key, None)
        return default if kept is None else kept.value

    def clear(self) -> int:
        """Let go of everything; loads under way will not be kept. Returns the bytes let go."""
        self._loads.clear()
        return self._empty()

    def shrink_to(self, limit_bytes: int) -> int:
        """Let go of what was used least recently until at most `limit_bytes` are held. Returns the bytes let go.

        The budget stays: the cache may grow back.

        Raises ValueError for a limit that is not a whole number of bytes, 0 or more.
        """
        _checked(limit_bytes)
        before_bytes = self.held_bytes
        while self.held_bytes > limit_bytes:
            self._kept.popitem()
            self._evictions += 1
        return before_bytes - self.held_bytes

    def halve(self) -> int:
        """Let go of half of what is held, the least recently used. Returns the bytes let go."""
        return self.shrink_to(self.held_bytes // 2)

    async def get_or_load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value of `key`, loaded if it is not held. Who asks for it while it is being loaded waits for that load.

        What `load` raises goes to everyone who waits, and nothing is kept. Who is cancelled does not end the load for
        the others; when nobody waits any more, it is cancelled.
        """
        kept = self._look_up(key)
        if kept is not None:
            return kept.value
        loading = self._loads.get(key)
        if loading is None:
            loading = self._loads[key] = _Load()
            loading.task = asyncio.create_task(self._load(key, load, loading), name="cache.load")
        loading.waiters += 1
        try:
            return await asyncio.shield(loading.task)
        finally:
            loading.waiters -= 1
            if not loading.waiters and not loading.task.done():
                self._end(key, loading)
                loading.task.cancel()
                await asyncio.gather(loading.task, return_exceptions=True)

    def statistics(self) -> CacheStatistics:
        """The cache as it stands."""
        return CacheStatistics(
            items=len(self),
            held_bytes=self.held_bytes,
            limit_bytes=self._limit_bytes,
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
        )

    async def relieve(self) -> str:
        """Let go of everything, for the ladder. It says how much that was."""
        items = len(self)
        return f"{items} items let go, {mib(self._empty())}"

    def step(self, name: str) -> Step:
        """A step of the ladder that empties this cache."""
        return Step(name, Rung.CACHES, self.relieve)

    async def _load(self, key: K, load: Callable[[], Awaitable[V]], loading: _Load[V]) -> V:
        try:
            value = await load()
        finally:
            is_wanted = self._end(key, loading)
        if is_wanted:
            self.put(key, value)
        return value

    def _end(self, key: K, loading: _Load[V]) -> bool:
        """Take a load out of those under way. Whether it still was one of them: `put` and `pop` outdate it."""
        if self._loads.get(key) is not loading:
            return False
        del self._loads[key]
        return True

    def _look_up(self, key: K) -> _Kept[V] | None:
        kept = self._kept.get(key)
        if kept is None:
            self._misses += 1
        else:
            self._hits += 1
        return kept

    def _empty(self) -> int:
        held_bytes = self.held_bytes
        self._kept.clear()
        return held_bytes


def estimated_bytes(value: object) -> int:
    """About how much memory a value takes: an estimate, made for data as it is read from pages and tables.

    Strings, bytes, numbers and what else has no parts take what `sys.getsizeof` says; lists, tuples, sets, dicts and
    dataclasses take their parts as well, down to `DEPTH`. An object met twice counts once. What is shared with others
    counts in full; what an object of another kind refers to does not count.
    """
    seen: set[int] = set()
    total = 0
    level = [value]
    for _ in range(DEPTH):
        parts: list[object] = []
        for one in level:
            if id(one) not in seen:
                seen.add(id(one))
                total += sys.getsizeof(one)
                parts.extend(_parts(one))
        level = parts
    return total


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, part.name, None) for part in dataclasses.fields(value)]
    return []


def _checked(size_bytes: object) -> int:
    if isinstance(size_bytes, bool) or not isinstance(size_bytes, int) or size_bytes < 0:
        raise ValueError(f"a size is a whole number of bytes, 0 or more, not {size_bytes!r}")
    return size_bytes
