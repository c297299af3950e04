"""The pool as it is at one moment, row by row, for those who want to look at it. Nothing in it is alive."""

from __future__ import annotations

import time
from dataclasses import dataclass

from browser_pool.lease import Lease
from browser_pool.table import LeaseTable, PoolStatistics, Waiter


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease that is held. `url` is what it opened last; `held_bytes` what its renderer was last seen to hold."""

    number: int
    site: str
    job: str
    url: str | None
    age_seconds: float
    remaining_seconds: float
    pages: int
    reserved_bytes: int
    held_bytes: int | None


@dataclass(frozen=True, slots=True)
class WaiterView:
    """A request that waits for a lease."""

    number: int
    site: str
    job: str
    priority: int
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class PoolView:
    """All of it: the oldest leases first, waiters in the order in which they are served."""

    statistics: PoolStatistics
    leases: tuple[LeaseView, ...]
    waiters: tuple[WaiterView, ...]
    quarantined: tuple[str, ...]


def view_of(table: LeaseTable) -> PoolView:
    """The table, as it stands."""
    now_seconds = time.monotonic()
    return PoolView(
        table.statistics(),
        tuple(_lease(lease, now_seconds) for lease in table.leases.values()),
        tuple(_waiter(waiter, now_seconds) for waiter in table.in_order()),
        table.quarantine.quarantined(),
    )


def _lease(lease: Lease, now_seconds: float) -> LeaseView:
    return LeaseView(
        lease.number,
        lease.request.site,
        lease.request.job,
        lease.url,
        now_seconds - lease.granted_seconds,
        lease.remaining_seconds,
        lease.context.pages - lease.pages_before,
        lease.reservation.promised_bytes,
        lease.context.held_bytes,
    )


def _waiter(waiter: Waiter, now_seconds: float) -> WaiterView:
    request = waiter.request
    return WaiterView(waiter.number, request.site, request.job, request.priority, now_seconds - waiter.asked_seconds)
