"""A room for many at a time, or for one alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Room:
    """Who wants to be alone waits until the others have gone, and keeps new ones out meanwhile."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_taken = False
        self._want_it_alone = 0
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def entered(self, *, alone: bool) -> AsyncIterator[None]:
        """Be in it, for the body of the `async with`."""
        if alone:
            self._want_it_alone += 1
            try:
                await self._until(lambda: not self._inside)
            finally:
                self._want_it_alone -= 1
                self._wake()
        else:
            await self._until(lambda: not self._is_taken and not self._want_it_alone)
        self._inside += 1
        self._is_taken = alone
        try:
            yield
        finally:
            self._inside -= 1
            self._is_taken = False
            self._wake()

    async def _until(self, is_free: Callable[[], bool]) -> None:
        while not is_free():
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            finally:
                self._waiting.remove(turn)

    def _wake(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
