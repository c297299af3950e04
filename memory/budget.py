"""Who has been promised memory.

Memory that is asked for appears in the readings only later: a context takes a second to grow. Deciding on the
reading alone hands the same megabytes out many times. So each grant is a reservation: a debit that is made in the
same step as the decision, and that shrinks as the promised memory shows up in the readings.

    headroom = limit - used - what is promised and not yet used

Nothing here awaits, so a decision and its debit can't be torn apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from memory.readings import Bound, Reading

MARGIN_SHARE = 0.06
"""This share of the limit is never promised: readings lag behind allocations by a moment."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The arithmetic of one decision, in bytes. `available` and `limit` are None where no limit is known."""

    is_safe: bool
    need_bytes: int
    limit_bytes: int | None
    used_bytes: int | None
    promised_bytes: int
    margin_bytes: int
    bound_by: str

    @property
    def available_bytes(self) -> int | None:
        """What could have been promised."""
        if self.limit_bytes is None or self.used_bytes is None:
            return None
        return self.limit_bytes - self.used_bytes - self.promised_bytes - self.margin_bytes

    @property
    def reason(self) -> str:
        """The decision in words and numbers."""
        if self.limit_bytes is None or self.used_bytes is None:
            return f"{mib(self.need_bytes)} granted: no memory limit is known here"
        sum_up = (
            f"{mib(self.limit_bytes)} limit - {mib(self.used_bytes)} used - {mib(self.promised_bytes)} promised"
            f" - {mib(self.margin_bytes)} margin = {mib(self.available_bytes or 0)} ({self.bound_by})"
        )
        return f"{mib(self.need_bytes)} needed, {'and' if self.is_safe else 'but'} {sum_up}"


@dataclass(slots=True, eq=False)
class Reservation:
    """Memory promised to `owner`. `unused_bytes` of it have not shown up in the readings yet."""

    owner: str
    promised_bytes: int
    unused_bytes: int


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """What is promised now, and what has been decided so far."""

    reservations: int
    promised_bytes: int
    unused_bytes: int
    granted: int
    refused: int


def decide(reading: Reading, need_bytes: int, promised_bytes: int, margin_share: float = MARGIN_SHARE) -> Admission:
    """May `need_bytes` be promised, given a reading and what is promised already?

    Every bound has to have room, not just the tightest by share: the answer carries the one with the least left.
    """
    binding = reading.binding
    if binding is None or binding.limit_bytes is None:
        return Admission(True, need_bytes, None, None, promised_bytes, 0, "no limit known")
    margin = int(binding.limit_bytes * margin_share)
    left = binding.limit_bytes - binding.used_bytes - promised_bytes - margin
    return Admission(
        left >= need_bytes,
        need_bytes,
        binding.limit_bytes,
        binding.used_bytes,
        promised_bytes,
        margin,
        binding.source,
    )


@dataclass(slots=True)
class MemoryBudget:
    """The book of reservations. One for the whole program."""

    margin_share: float = MARGIN_SHARE
    _reservations: dict[int, Reservation] = field(default_factory=dict)
    _last_seen: Bound | None = None
    _granted: int = 0
    _refused: int = 0

    @property
    def unused_bytes(self) -> int:
        """Promised and not yet used."""
        return sum(reservation.unused_bytes for reservation in self._reservations.values())

    def reserve(self, reading: Reading, need_bytes: int, *, owner: str) -> tuple[Reservation | None, Admission]:
        """Decide on a fresh reading and, if it is safe, debit at once. (None, why) if it is not."""
        if need_bytes < 0:
            raise ValueError(f"a need is a number of bytes, not {need_bytes}")
        self.observe(reading)
        admission = decide(reading, need_bytes, self.unused_bytes, self.margin_share)
        if not admission.is_safe:
            self._refused += 1
            return None, admission
        return self.debit(need_bytes, owner=owner), admission

    def debit(self, need_bytes: int, *, owner: str) -> Reservation:
        """Promise without asking: for work that must run, in its smallest form, whatever the reading says."""
        reservation = Reservation(owner, need_bytes, need_bytes)
        self._reservations[id(reservation)] = reservation
        self._granted += 1
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Give a promise back. Twice is harmless."""
        self._reservations.pop(id(reservation), None)

    def observe(self, reading: Reading) -> None:
        """Growth since the last look is promised memory that has arrived: the oldest promises shrink first."""
        now, before = reading.binding, self._last_seen
        self._last_seen = now
        if now is None or before is None or now.source != before.source:
            return
        arrived = now.used_bytes - before.used_bytes
        for reservation in self._reservations.values():
            if arrived <= 0:
                return
            settled = min(arrived, reservation.unused_bytes)
            reservation.unused_bytes -= settled
            arrived -= settled

    def statistics(self) -> BudgetStatistics:
        """The book as it stands."""
        return BudgetStatistics(
            reservations=len(self._reservations),
            promised_bytes=sum(one.promised_bytes for one in self._reservations.values()),
            unused_bytes=self.unused_bytes,
            granted=self._granted,
            refused=self._refused,
        )


def mib(value_bytes: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{value_bytes / (1 << 20):,.0f} MiB"
