"""The table of leases: who waits, who holds what, and which contexts there are.

It is the only truth. Every gauge, cap and health signal is computed from it; nothing is counted beside it, so
nothing can drift from it. Nothing here awaits.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from browser_pool.browser import Browser
from browser_pool.context import ContextState, WarmContext
from browser_pool.errors import LeaseRefused
from browser_pool.events import Hooks, RequestRefused
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.owner import BrowserOwner
from browser_pool.quarantine import Quarantine
from browser_pool.settings import PoolSettings
from memory import Reservation


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody in the queue. `held_up_by` is (reason, detail): what it waits for just now."""

    number: int
    request: LeaseRequest
    asked_seconds: float
    granted: asyncio.Future[Lease]
    held_up_by: tuple[str, str] = ("slot", "others were served first")
    ladder_was_climbed: bool = False

    @property
    def deadline_at_seconds(self) -> float:
        """The deadline of the lease that is asked for."""
        return self.asked_seconds + self.request.deadline_seconds

    @property
    def is_granted(self) -> bool:
        """Whether it got its lease. One that gave up, or was refused, is done as well."""
        return self.granted.done() and not self.granted.cancelled() and self.granted.exception() is None


@dataclass(frozen=True, slots=True)
class UseContext:
    """Take this free context."""

    context: WarmContext


@dataclass(frozen=True, slots=True)
class MakeContext:
    """There is a slot: make a new context."""


@dataclass(frozen=True, slots=True)
class CloseContext:
    """Every slot is taken, and this idle context of another kind is in the way."""

    context: WarmContext


@dataclass(frozen=True, slots=True)
class WaitForSlot:
    """Every slot is taken by somebody at work; or, where `is_its_own`, a context of its kind is about to be free."""

    detail: str
    is_its_own: bool = False


@dataclass(slots=True)
class Totals:
    """Events since the pool was made."""

    granted: int = 0
    granted_alone: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    expired: int = 0
    recalled: int = 0
    contexts_made: int = 0
    contexts_closed: int = 0
    pages_opened: int = 0
    browser_launches: int = 0
    browsers_lost: int = 0
    browsers_recycled: int = 0
    longest_wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The pool at one moment, from the table, and what has happened since it was made."""

    waiting: int
    leased: int
    free: int
    cleaning: int
    closing: int
    granted: int
    granted_alone: int
    refused: dict[str, int]
    expired: int
    recalled: int
    contexts_made: int
    contexts_closed: int
    pages_opened: int
    browser_launches: int
    browsers_lost: int
    browsers_recycled: int
    longest_wait_seconds: float


class LeaseTable:
    """The rows and the rules for changing them."""

    def __init__(
        self,
        settings: PoolSettings,
        memory_is_tight: Callable[[], bool],
        *,
        quarantine: Quarantine | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._settings = settings
        self._memory_is_tight = memory_is_tight
        self._hooks = hooks or Hooks()
        self.quarantine = quarantine or Quarantine(settings.deaths_per_url, settings.quarantine_seconds)
        self._numbers = itertools.count(1)
        self.waiters: list[Waiter] = []
        self.leases: dict[int, Lease] = {}
        self.contexts: list[WarmContext] = []
        self.totals = Totals()

    def enqueue(self, request: LeaseRequest) -> Waiter:
        """Put a request into the queue. Raises `LeaseRefused` when the queue is full."""
        if len(self.waiters) >= self._settings.queue_limit:
            raise self.refusal(request, "queue_full", f"{len(self.waiters)} are waiting already", 0.0)
        waiter = Waiter(next(self._numbers), request, time.monotonic(), asyncio.get_running_loop().create_future())
        self.waiters.append(waiter)
        return waiter

    def in_order(self) -> list[Waiter]:
        """Who waits, in the order in which they are served: highest priority first, then first come, first served.

        Whoever waits rises by one for every `ages_every_seconds`, so that no stream of urgent requests can starve it.
        """
        now_seconds, every_seconds = time.monotonic(), self._settings.ages_every_seconds
        # One that was cancelled is still here until its task has run.
        waiting = (one for one in self.waiters if not one.granted.done())
        return sorted(waiting, key=lambda one: (-aged_priority(one, now_seconds, every_seconds), one.number))

    def leave(self, waiter: Waiter) -> None:
        """Take it out of the queue, served or not."""
        if waiter in self.waiters:
            self.waiters.remove(waiter)

    def refusal(self, request: LeaseRequest, reason: str, detail: str, waited_seconds: float) -> LeaseRefused:
        """Count a refusal and make its error."""
        self.totals.refused[reason] = self.totals.refused.get(reason, 0) + 1
        self._hooks.tell(RequestRefused(request.site, request.job, reason, detail, waited_seconds))
        return LeaseRefused(reason, detail, waited_seconds)

    def choose(self, request: LeaseRequest) -> UseContext | MakeContext | CloseContext | WaitForSlot:
        """Which context a request gets, as things stand. Decides only."""
        free, cleaning = self.in_state(ContextState.FREE), self.in_state(ContextState.CLEANING)
        if not request.is_fresh:
            same = [one for one in free if fits(one, request)]
            if same:
                # One without a page that nobody asked for, and of those the one used last: its caches are warm, and
                # the others may grow old enough to be closed.
                return UseContext(max(same, key=lambda one: (not one.has_page, one.free_since_seconds)))
            if any(fits(one, request) for one in cleaning):
                return WaitForSlot("a context of this site is just being cleaned", is_its_own=True)
        if len(self.contexts) < self._settings.max_contexts:
            return MakeContext()
        if self.in_state(ContextState.CLOSING):
            return WaitForSlot("a context is just being closed")
        if free:
            return CloseContext(min(free, key=lambda one: one.free_since_seconds))
        return WaitForSlot(f"all {self._settings.max_contexts} contexts are in use")

    def add_context(self, request: LeaseRequest, source: BrowserOwner | None = None) -> WarmContext:
        """Register a context before it exists."""
        context = WarmContext(next(self._numbers), request.site, request.identity, source)
        self.contexts.append(context)
        self.totals.contexts_made += 1
        return context

    def drop_context(self, context: WarmContext) -> None:
        """Forget a context that is gone. Twice is harmless."""
        if context in self.contexts:
            self.contexts.remove(context)
            self.totals.contexts_closed += 1
            self.totals.pages_opened += context.pages

    def drop_contexts_of(self, browser: Browser) -> None:
        """Forget what died with `browser`; a context that is leased goes when its lease does."""
        for context in list(self.contexts):
            if context.browser is browser and context.state is not ContextState.LEASED:
                self.drop_context(context)

    def grant(self, waiter: Waiter, context: WarmContext, reservation: Reservation) -> Lease:
        """Turn a waiter into a lease on `context`."""
        self.leave(waiter)
        context.state = ContextState.LEASED
        lease = Lease(
            waiter.number,
            waiter.request,
            context,
            reservation,
            asked_seconds=waiter.asked_seconds,
            memory_is_tight=self._memory_is_tight,
            quarantine=self.quarantine,
        )
        self.leases[lease.number] = lease
        self.totals.granted += 1
        self.totals.longest_wait_seconds = max(self.totals.longest_wait_seconds, lease.waited_seconds)
        return lease

    def is_worn(self, context: WarmContext) -> bool:
        """Has it been through so much that a new one is better?"""
        wear = context.wear
        return (
            wear.pages >= self._settings.pages_per_context or wear.age_seconds >= self._settings.context_age_seconds
        )

    def in_state(self, state: ContextState) -> list[WarmContext]:
        """The contexts that are in `state` now."""
        return [context for context in self.contexts if context.state is state]

    def statistics(self) -> PoolStatistics:
        """The table as it stands."""
        totals = self.totals
        return PoolStatistics(
            waiting=len(self.waiters),
            leased=len(self.in_state(ContextState.LEASED)),
            free=len(self.in_state(ContextState.FREE)),
            cleaning=len(self.in_state(ContextState.CLEANING)),
            closing=len(self.in_state(ContextState.CLOSING)),
            granted=totals.granted,
            granted_alone=totals.granted_alone,
            refused=dict(totals.refused),
            expired=totals.expired,
            recalled=totals.recalled,
            contexts_made=totals.contexts_made,
            contexts_closed=totals.contexts_closed,
            pages_opened=totals.pages_opened + sum(context.pages for context in self.contexts),
            browser_launches=totals.browser_launches,
            browsers_lost=totals.browsers_lost,
            browsers_recycled=totals.browsers_recycled,
            longest_wait_seconds=totals.longest_wait_seconds,
        )


def fits(context: WarmContext, request: LeaseRequest) -> bool:
    """Whether a warm context is of the kind that is asked for. Pure."""
    is_same = context.site == request.site and context.identity == request.identity
    return is_same and (context.has_page or not request.needs_page)


def aged_priority(waiter: Waiter, now_seconds: float, every_seconds: float) -> int:
    """What a request's priority has come to by waiting. Pure."""
    return waiter.request.priority + int((now_seconds - waiter.asked_seconds) // every_seconds)
