"""The heap given back, for real."""

from __future__ import annotations

import asyncio
import gc
import platform
import weakref

import psutil
import pytest

from memory import trim
from memory.cleanup import Rung
from memory.trim import trim_heap

on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")


class Circle:
    def __init__(self) -> None:
        self.me = self


def freed_between_what_is_kept() -> list[bytes]:
    """Some 64 MiB are free when this returns, below a block that is still in use: the allocator keeps them."""
    # Blocks below 128 KiB come from the heap, larger ones would be mapped and unmapped on their own.
    blocks = [bytes(100_000) for _ in range(671)]
    kept = blocks[::67]
    blocks.clear()
    return kept


@on_glibc
def test_what_was_let_go_inside_the_heap_is_given_back() -> None:
    trim_heap()
    kept = freed_between_what_is_kept()
    before_bytes = psutil.Process().memory_info().rss
    freed_bytes = trim_heap()
    assert freed_bytes is not None
    assert freed_bytes > 32 << 20
    assert before_bytes - psutil.Process().memory_info().rss > 32 << 20
    assert len(kept) > 1


@on_glibc
def test_with_nothing_to_give_back_it_is_never_less_than_zero() -> None:
    trim_heap()
    freed_bytes = trim_heap()
    assert freed_bytes is not None
    assert 0 <= freed_bytes < 16 << 20


@on_glibc
async def test_as_a_step_of_the_ladder_it_says_how_much_it_gave_back() -> None:
    kept = freed_between_what_is_kept()
    step = trim.step()
    assert (step.name, step.rung) == ("trim the heap", Rung.CACHES)
    detail = await step.relieve()
    assert detail.endswith("MiB given back by our own heap")
    assert int(detail.split()[0]) > 32
    assert len(kept) > 1


@pytest.mark.parametrize("is_async", (False, True))
async def test_what_refers_to_itself_is_collected(*, is_async: bool) -> None:
    gc.disable()
    try:
        gone = weakref.ref(Circle())
        assert gone() is not None
        if is_async:
            await trim.relieve()
        else:
            trim_heap()
        assert gone() is None
    finally:
        gc.enable()


async def test_where_the_allocator_cannot_be_asked_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trim, "_malloc_trim", lambda: None)
    assert trim_heap() is None
    assert await trim.relieve() == "garbage collected; this system's allocator can't be asked for more"


@on_glibc
async def test_the_event_loop_takes_its_turns_while_the_heap_is_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    turn = asyncio.Event()
    was_turned = False

    def slow_trim(_keep_bytes: int) -> int:
        nonlocal was_turned
        asyncio.run_coroutine_threadsafe(taken(), loop).result(timeout=10)
        was_turned = turn.is_set()
        return 1

    async def taken() -> None:
        turn.set()

    monkeypatch.setattr(trim, "_malloc_trim", lambda: slow_trim)
    await trim.relieve()
    assert was_turned
