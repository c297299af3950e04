"""Many at a time, or one alone."""

from __future__ import annotations

import asyncio
import random

import pytest

from jobs.room import Room
from tests.jobs.hands import PATIENCE_SECONDS


async def stay(room: Room, inside: set[str], name: str, *, alone: bool, turns: int = 3) -> int:
    """Be in it for some turns of the loop. Returns how many were seen there."""
    most = 0
    async with room.entered(alone=alone):
        inside.add(name)
        try:
            for _ in range(turns):
                most = max(most, len(inside))
                await asyncio.sleep(0)
        finally:
            inside.remove(name)
    return most


async def test_several_are_in_it_at_once() -> None:
    room, inside = Room(), set[str]()
    seen = await asyncio.gather(*(stay(room, inside, str(n), alone=False) for n in range(4)))
    assert max(seen) == 4


async def test_who_is_alone_is_alone_and_new_ones_do_not_keep_it_out() -> None:
    room, inside, order = Room(), set[str](), list[str]()

    async def enter(name: str, *, alone: bool) -> int:
        most = await stay(room, inside, name, alone=alone)
        order.append(name)
        return most

    async with asyncio.timeout(PATIENCE_SECONDS):
        first = asyncio.create_task(enter("first", alone=False))
        await asyncio.sleep(0)
        alone = asyncio.create_task(enter("alone", alone=True))
        await asyncio.sleep(0)
        late = asyncio.create_task(enter("late", alone=False))
        assert (await first, await alone, await late) == (1, 1, 1)
    assert order == ["first", "alone", "late"]


async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    room = Room()
    async with asyncio.timeout(PATIENCE_SECONDS), room.entered(alone=False):
        alone = asyncio.create_task(stay(room, set(), "alone", alone=True))
        await asyncio.sleep(0)
        late = asyncio.create_task(stay(room, set(), "late", alone=False))
        await asyncio.sleep(0)
        alone.cancel()
        await late
    with pytest.raises(asyncio.CancelledError):
        await alone
    await stay(room, set(), "again", alone=True)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_it_empties_and_nobody_disturbs_who_is_alone(seed: int) -> None:
    chance, room, inside = random.Random(seed), Room(), set[str]()
    kinds = [chance.random() < 0.3 for _ in range(40)]
    going = [
        asyncio.create_task(stay(room, inside, str(n), alone=alone, turns=chance.randrange(4)))
        for n, alone in enumerate(kinds)
    ]
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(10):
            await asyncio.sleep(0)
            chance.choice(going).cancel()
        seen = await asyncio.gather(*going, return_exceptions=True)
    assert all(most == 1 for most, alone in zip(seen, kinds, strict=True) if alone and most and isinstance(most, int))
    assert inside == set()
    assert await stay(room, inside, "last", alone=True) == 1
