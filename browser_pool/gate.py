"""The gate: who is let in, and when.

The head of the queue is served when there is a slot, a place to get a browser from, and its memory could be reserved;
else it is known what it waits for. Where memory is what is missing, the ladder is climbed for it. Nothing here awaits
Chromium, and memory is read anew for each decision.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from browser_pool.context import WarmContext
from browser_pool.events import Hooks, LeaseGranted
from browser_pool.fleet import Fleet, NoSource
from browser_pool.learning import CostLearner
from browser_pool.lease import Lease
from browser_pool.owner import BrowserOwner
from browser_pool.reaper import Reaper
from browser_pool.recycling import Recycler
from browser_pool.settings import PoolSettings
from browser_pool.table import CloseContext, LeaseTable, UseContext, Waiter, WaitForSlot
from memory import Admission, Component, Level, MemoryGuard, Patience, Reservation, Rung

PATIENCE = Patience(first_seconds=2.0, most_seconds=16.0)
ALONE_SECONDS = 0.5

HeldUpBy = tuple[str, str, bool]
"""What a waiter waits for: a reason of `LeaseRefused`, the detail, and whether it is its own affair."""


class Gate:
    """Serves the queue of `table`. It is shut until `open`, and again from `shut` on."""

    def __init__(
        self,
        table: LeaseTable,
        fleet: Fleet,
        guard: MemoryGuard,
        settings: PoolSettings,
        *,
        reaper: Reaper,
        recycler: Recycler,
        learner: CostLearner,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        hooks: Hooks,
    ) -> None:
        self._table = table
        self._fleet = fleet
        self._reaper = reaper
        self._recycler = recycler
        self._learner = learner
        self._guard = guard
        self._settings = settings
        self._spawn = spawn
        self._hooks = hooks
        self._is_open = False
        self._climbing: asyncio.Task[None] | None = None
        self._climb_pause_seconds = 0.0
        self._climbed_at_seconds = 0.0
        self._wake: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Serve from now on."""
        self._is_open = True

    def shut(self) -> None:
        """Let nobody in any more."""
        self._is_open = False
        if self._climbing is not None:
            self._climbing.cancel()
        if self._wake is not None:
            self._wake.cancel()

    def dispatch(self) -> None:
        """Serve the queue in its order for as long as there is something to give. Never waits.

        Whoever lacks what all need, memory or a slot, holds the others up. Whoever lacks what is its own affair, a
        context that is being cleaned or a place that is down, does not.
        """
        for waiter in self._table.in_order():
            if not self._is_open or self._guard.monitor.ladder.is_running:
                return
            held_up_by = self._serve(waiter)
            if held_up_by is not None:
                waiter.held_up_by = held_up_by[:2]
                if not held_up_by[2]:
                    return

    def _serve(self, waiter: Waiter) -> HeldUpBy | None:
        """Grant `waiter` a context, or say what it has to wait for."""
        request = waiter.request
        choice = self._table.choose(request)
        if isinstance(choice, WaitForSlot):
            return "slot", choice.detail, choice.is_its_own
        if isinstance(choice, CloseContext):
            self._reaper.retire(choice.context)
            return "slot", "an idle context of another site is being closed", False
        if isinstance(choice, UseContext):
            need = self._learner.need_bytes(request, choice.context, is_remote=choice.context.is_remote)
            return self._admit(waiter, need, lambda: choice.context)
        source = self._fleet.choose(
            self._table.contexts, needs_page=bool(request.needs_page), now_seconds=time.monotonic()
        )
        if isinstance(source, NoSource):
            return self._wait_for(source)
        if self._recycler.must_wait(source):
            return "memory", "a worn browser is being replaced, and two do not fit side by side", False
        need = self._learner.need_bytes(request, None, is_remote=not source.endpoint.is_local)
        return self._admit(waiter, need, lambda: self._table.add_context(request, source), launching=source)

    def _admit(
        self,
        waiter: Waiter,
        need_bytes: int,
        context: Callable[[], WarmContext],
        *,
        launching: BrowserOwner | None = None,
    ) -> HeldUpBy | None:
        """Reserve the memory, and only then have a context. A browser that must be launched first needs its own."""
        reservation, admission = self._reserve(waiter, need_bytes, launching)
        if reservation is None:
            self._ask_for_memory(waiter, admission.need_bytes)
            return "memory", admission.reason, False
        lease = self._table.grant(waiter, context(), reservation)
        waiter.granted.set_result(lease)
        self._tell(lease, was_alone=not admission.is_safe)
        return None

    def _reserve(
        self, waiter: Waiter, need_bytes: int, launching: BrowserOwner | None
    ) -> tuple[Reservation | None, Admission]:
        budget, reading = self._guard.budget, self._guard.monitor.check_memory()
        terms: dict[str, Any] = {
            "owner": f"lease {waiter.number}",
            "component": Component.BROWSER,
            "deadline_at_seconds": waiter.deadline_at_seconds + self._settings.clean_seconds,
        }
        was_promised = launching is not None and self._learner.has_promised(launching)
        refused = self._learner.reserve_launch(launching, reading) if launching is not None else None
        if refused is None:
            reservation, admission = budget.reserve(reading, need_bytes, **terms)
        else:
            reservation, admission = None, refused
        is_alone = not self._table.leases
        if reservation is None and is_alone and waiter.ladder_was_climbed and reading.level < Level.EMERGENCY:
            # The ladder has given back what it could and nobody else is at work: to wait longer is to wait for ever.
            # One context at a time is the smallest form of work there is.
            self._table.totals.granted_alone += 1
            return budget.debit(need_bytes, **terms), admission
        if reservation is None and launching is not None and not was_promised:
            self._learner.forget_growth(launching)
        return reservation, admission

    def _tell(self, lease: Lease, *, was_alone: bool) -> None:
        self._hooks.tell(
            LeaseGranted(
                lease.number,
                lease.request.site,
                lease.request.job,
                lease.waited_seconds,
                lease.reservation.promised_bytes,
                was_alone,
            )
        )

    def _wait_for(self, source: NoSource) -> HeldUpBy:
        """Nobody announces that a place may be tried again: a timer does."""
        if source.wait_seconds is None:
            return "slot", source.detail, True
        if self._wake is None or self._wake.cancelled() or self._wake.when() <= time.monotonic():
            self._wake = asyncio.get_running_loop().call_later(source.wait_seconds, self.dispatch)
        return "browser", source.detail, True

    def _ask_for_memory(self, waiter: Waiter, need_bytes: int) -> None:
        """Have the ladder climbed until `need_bytes` are free, one climb at a time.

        Where a climb has just brought nothing there is not another at once, the less so while others are at work
        who will give back.
        """
        if self._climbing is not None and not self._climbing.done():
            return
        pause = self._climb_pause_seconds if self._table.leases else min(self._climb_pause_seconds, ALONE_SECONDS)
        if time.monotonic() < self._climbed_at_seconds + pause:
            return
        self._climbing = self._spawn(self._climb(waiter, need_bytes))

    async def _climb(self, waiter: Waiter, need_bytes: int) -> None:
        # What others hold at work is not taken for one who waits: above this rung only the level decides.
        report = await self._guard.make_room(
            need_bytes,
            f"lease {waiter.number} needs memory",
            component=Component.BROWSER,
            highest=Rung.RECYCLE,
            at_once=True,
        )
        self._climb_pause_seconds = PATIENCE.after(
            self._climb_pause_seconds, is_calm=report is not None and report.is_calm
        )
        self._climbed_at_seconds = time.monotonic()
        waiter.ladder_was_climbed = True
        self.dispatch()
