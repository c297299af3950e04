"""Who has been promised memory.

Memory that is asked for appears in the readings only later: a context takes a second to grow. Deciding on the
reading alone hands the same megabytes out many times. So each grant is a reservation: a debit that is made in the
same step as the decision, and that shrinks as the promised memory shows up in the readings.

    headroom = limit - used - what is promised and not yet used

What has arrived of a promise is measured where it can be (a lease knows its renderer). Elsewhere it is taken to be
the growth since the promise was made, the oldest promise first. It is reckoned anew at each look: memory that came
and went has not arrived.

A promise has a deadline, so that one whose holder is gone does not stand for ever. Each component of the program has
a budget, a share of the limit: its promises never add up to more, so that none can starve the others.

Nothing here awaits, so a decision and its debit can't be torn apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog

from memory.processes import ProcessMemory, Role
from memory.readings import Bound, Reading

log = structlog.get_logger()

MARGIN_SHARE = 0.10
"""This share of the limit is never promised: readings lag behind allocations by a moment. Measured at 320 MiB with
pages of 100 ms: with 0.06 the peak came to 292 to 320 MiB in six runs, and once the kernel killed; with 0.10 to 255
to 297, and more pages/s."""


class Component(StrEnum):
    """The parts of the program that hold memory of their own. `other` is whoever does not say, and has no budget."""

    BROWSER = "browser"
    STORE = "store"
    JOBS = "jobs"
    DASHBOARD = "dashboard"
    OTHER = "other"


SHARES: Mapping[str, float] = {
    Component.BROWSER: 0.90,
    Component.STORE: 0.25,
    Component.JOBS: 0.25,
    Component.DASHBOARD: 0.10,
}
"""The most of the limit that may be promised to each. They add up to more than one: what is really there decides
first. A component that is not named here may have the whole."""

_COMPONENT_OF = {
    Role.DRIVER: Component.BROWSER,
    Role.BROWSER: Component.BROWSER,
    Role.RENDERER: Component.BROWSER,
    Role.GPU: Component.BROWSER,
    Role.NETWORK: Component.BROWSER,
    Role.POSTGRES: Component.STORE,
}


@dataclass(frozen=True, slots=True)
class ComponentStatistics:
    """One component: what it may be promised, what it is promised, and what of that has not arrived. Bytes.

    `held_bytes` is what its processes were last measured to hold; None for components that live in our own process,
    which can't be told apart. `budget_bytes` is None where no limit is known.
    """

    component: str
    budget_bytes: int | None
    promised_bytes: int
    unused_bytes: int
    held_bytes: int | None


@dataclass(frozen=True, slots=True)
class Admission:
    """The arithmetic of one decision, in bytes. `available` and `limit` are None where no limit is known.

    `over_budget` is set when there would be room, but not within the budget of the component that asked.
    """

    is_safe: bool
    need_bytes: int
    limit_bytes: int | None
    used_bytes: int | None
    promised_bytes: int
    margin_bytes: int
    bound_by: str
    over_budget: str | None = None

    @property
    def available_bytes(self) -> int | None:
        """What could have been promised."""
        if self.limit_bytes is None or self.used_bytes is None:
            return None
        return self.limit_bytes - self.used_bytes - self.promised_bytes - self.margin_bytes

    @property
    def reason(self) -> str:
        """The decision in words and numbers."""
        if self.over_budget is not None:
            return f"{mib(self.need_bytes)} needed, but {self.over_budget}"
        if self.limit_bytes is None or self.used_bytes is None:
            return f"{mib(self.need_bytes)} granted: no memory limit is known here"
        sum_up = (
            f"{mib(self.limit_bytes)} limit - {mib(self.used_bytes)} used - {mib(self.promised_bytes)} promised"
            f" - {mib(self.margin_bytes)} margin = {mib(self.available_bytes or 0)} ({self.bound_by})"
        )
        return f"{mib(self.need_bytes)} needed, {'and' if self.is_safe else 'but'} {sum_up}"


@dataclass(slots=True, eq=False)
class Reservation:
    """Memory promised to `owner`. `unused_bytes` of it had not shown up at the last look.

    `deadline_at_seconds` is a monotonic time, None for a promise that stands until it is given back. `used_before` is
    what counted against each bound when it was made. `arrived_bytes` is what its owner has measured, None if nobody
    does.
    """

    owner: str
    component: str
    promised_bytes: int
    unused_bytes: int
    deadline_at_seconds: float | None
    used_before: Mapping[str, int] | None = None
    arrived_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """What is promised now, and what has been decided so far."""

    reservations: int
    promised_bytes: int
    unused_bytes: int
    granted: int
    refused: int
    expired: int


def decide(reading: Reading, need_bytes: int, promised_bytes: int, margin_share: float = MARGIN_SHARE) -> Admission:
    """May `need_bytes` be promised, given a reading and what is promised already?

    Every bound has to have room, less a margin of its own: the answer carries the one with the least left.
    """

    def left(bound: Bound) -> int:
        return bound.headroom_bytes - int(bound.limit_bytes * margin_share)

    binding = min(reading.bounds, key=left, default=None)
    if binding is None:
        return Admission(True, need_bytes, None, None, promised_bytes, 0, "no limit known")
    return Admission(
        left(binding) - promised_bytes >= need_bytes,
        need_bytes,
        binding.limit_bytes,
        binding.used_bytes,
        promised_bytes,
        int(binding.limit_bytes * margin_share),
        binding.source,
    )


@dataclass(slots=True)
class MemoryBudget:
    """The book of reservations. One for the whole program."""

    margin_share: float = MARGIN_SHARE
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    _reservations: dict[int, Reservation] = field(default_factory=dict)
    _last: Reading | None = None
    _granted: int = 0
    _refused: int = 0
    _expired: int = 0

    @property
    def unused_bytes(self) -> int:
        """Promised and not yet used."""
        return sum(reservation.unused_bytes for reservation in self._reservations.values())

    def reserve(
        self,
        reading: Reading,
        need_bytes: int,
        *,
        owner: str,
        component: str = Component.OTHER,
        deadline_at_seconds: float | None = None,
    ) -> tuple[Reservation | None, Admission]:
        """Decide on a fresh reading and, if it is safe, debit at once. (None, why) if it is not.

        Raises ValueError for a need that is not a whole number of bytes, 0 or more.
        """
        _must_be_bytes(need_bytes)
        admission = self.decide(reading, need_bytes, component)
        if not admission.is_safe:
            self._refused += 1
            return None, admission
        debit = self.debit(need_bytes, owner=owner, component=component, deadline_at_seconds=deadline_at_seconds)
        return debit, admission

    def decide(self, reading: Reading, need_bytes: int, component: str = Component.OTHER) -> Admission:
        """What `reserve` would say, without promising anything."""
        self.observe(reading)
        admission = decide(reading, need_bytes, self.unused_bytes, self.margin_share)
        budget = self._budget_bytes(component, admission.limit_bytes)
        if not admission.is_safe or budget is None:
            return admission
        promised = sum(one.promised_bytes for one in self._reservations.values() if one.component == component)
        if promised + need_bytes <= budget:
            return admission
        over = f"{mib(promised)} of the {mib(budget)} that {component} may have are promised already"
        return replace(admission, is_safe=False, over_budget=over)

    def debit(
        self,
        need_bytes: int,
        *,
        owner: str,
        component: str = Component.OTHER,
        deadline_at_seconds: float | None = None,
    ) -> Reservation:
        """Promise without asking: for work that must run, in its smallest form, whatever the last reading said."""
        _must_be_bytes(need_bytes)
        used = _used(self._last) if self._last else None
        reservation = Reservation(owner, component, need_bytes, need_bytes, deadline_at_seconds, used)
        self._reservations[id(reservation)] = reservation
        self._granted += 1
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Give a promise back. Twice is harmless."""
        self._reservations.pop(id(reservation), None)

    def measure(self, reservation: Reservation, arrived_bytes: int) -> None:
        """Take note of how much of a promise has arrived, by whoever can measure it."""
        reservation.arrived_bytes = min(max(0, arrived_bytes), reservation.promised_bytes)
        reservation.unused_bytes = reservation.promised_bytes - reservation.arrived_bytes

    def observe(self, reading: Reading) -> None:
        """Let promises end whose deadline has passed, and reckon anew what has arrived of the others.

        Of all that nobody measures, what has arrived since one of them was made is at most the growth since then, and
        at most what it and the later ones were promised. The one that explains most is taken.
        """
        self._last = reading
        for reservation in tuple(self._reservations.values()):
            deadline = reservation.deadline_at_seconds
            if deadline is not None and deadline <= reading.at_seconds:
                self.release(reservation)
                self._expired += 1
                log.warning("reservation.expired", owner=reservation.owner, promised_bytes=reservation.promised_bytes)
        unmeasured = [one for one in self._reservations.values() if one.arrived_bytes is None]
        now = reading.binding
        arrived = since = promised = 0
        for place in reversed(range(len(unmeasured))):
            reservation = unmeasured[place]
            if reservation.used_before is None:
                reservation.used_before = _used(reading)
            promised += reservation.promised_bytes
            before = None if now is None else reservation.used_before.get(now.source)
            growth = 0 if now is None or before is None else now.used_bytes - before
            if min(promised, growth) >= max(arrived, 1):
                arrived, since = min(promised, growth), place
        for place, reservation in enumerate(unmeasured):
            settled = min(arrived, reservation.promised_bytes) if place >= since else 0
            reservation.unused_bytes = reservation.promised_bytes - settled
            arrived -= settled

    def components(self, reading: Reading, tree: tuple[ProcessMemory, ...] = ()) -> tuple[ComponentStatistics, ...]:
        """The book by component, with what the processes of `tree` hold beside it."""
        held = dict.fromkeys(_COMPONENT_OF.values(), 0)
        for row in tree:
            if row.role in _COMPONENT_OF:
                held[_COMPONENT_OF[row.role]] += row.held_bytes
        rows = []
        for component in dict.fromkeys((*self.shares, *(one.component for one in self._reservations.values()))):
            own = [one for one in self._reservations.values() if one.component == component]
            rows.append(
                ComponentStatistics(
                    component,
                    self._budget_bytes(component, reading.limit_bytes),
                    sum(one.promised_bytes for one in own),
                    sum(one.unused_bytes for one in own),
                    held.get(Component(component)) if tree and component in set(Component) else None,
                )
            )
        return tuple(rows)

    def _budget_bytes(self, component: str, limit_bytes: int | None) -> int | None:
        share = self.shares.get(component)
        return None if share is None or limit_bytes is None else int(share * limit_bytes)

    def statistics(self) -> BudgetStatistics:
        """The book as it stands."""
        return BudgetStatistics(
            reservations=len(self._reservations),
            promised_bytes=sum(one.promised_bytes for one in self._reservations.values()),
            unused_bytes=self.unused_bytes,
            granted=self._granted,
            refused=self._refused,
            expired=self._expired,
        )


def mib(value_bytes: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{value_bytes / (1 << 20):,.0f} MiB"


def _used(reading: Reading) -> dict[str, int]:
    return {bound.source: bound.used_bytes for bound in reading.bounds}


def _must_be_bytes(need_bytes: object) -> None:
    if not isinstance(need_bytes, int) or isinstance(need_bytes, bool) or need_bytes < 0:
        raise ValueError(f"a need is a number of bytes, 0 or more, not {need_bytes!r}")
