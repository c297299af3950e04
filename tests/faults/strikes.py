"""The plan of a storm: which fault hits at which second, how hard, and whom. Pure: a seed has one plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

FIRST_SECOND: Final = 2.0
PAUSE_SECONDS: Final = (1.5, 5.0)
LONG_STOP: Final = (27.0, 38.0)
"""Longer than a worker may be silent before its tasks are handed to others."""
LONG_STOPS: Final = 0.25


class Fault(StrEnum):
    """Each kind of fault. What kills is over at once, the others last for some seconds."""

    KILL_RENDERER = "kill_renderer"
    STOP_RENDERER = "stop_renderer"
    KILL_BROWSER = "kill_browser"
    STOP_BROWSER = "stop_browser"
    KILL_NETWORK = "kill_network"
    STOP_NETWORK = "stop_network"
    KILL_DRIVER = "kill_driver"
    STOP_DRIVER = "stop_driver"
    KILL_WORKER = "kill_worker"
    STOP_WORKER = "stop_worker"
    DRAIN_WORKER = "drain_worker"
    JUMP_CLOCK = "jump_clock"
    KILL_BACKEND = "kill_backend"
    STOP_POSTGRES = "stop_postgres"
    KILL_POSTGRES = "kill_postgres"
    LOWER_LIMIT = "lower_limit"
    FILL_DISK = "fill_disk"
    SITE_HANGS = "site_hangs"
    SITE_REFUSES = "site_refuses"
    SITE_LIES = "site_lies"


AMOUNTS: Final[dict[Fault, tuple[float, float]]] = {
    Fault.STOP_RENDERER: (2, 12),
    Fault.STOP_BROWSER: (2, 12),
    Fault.STOP_NETWORK: (2, 12),
    Fault.STOP_DRIVER: (2, 12),
    Fault.STOP_WORKER: (2, 12),
    Fault.JUMP_CLOCK: (-3600, 3600),
    Fault.STOP_POSTGRES: (2, 10),
    Fault.LOWER_LIMIT: (4, 12),
    Fault.FILL_DISK: (3, 10),
    Fault.SITE_HANGS: (3, 9),
    Fault.SITE_REFUSES: (2, 6),
    Fault.SITE_LIES: (3, 9),
}
"""From the least to the most: seconds that it lasts, for a clock the seconds that it jumps by."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault to come. `pick`, from 0 to less than 1, says which one of those that could be hit then."""

    at_seconds: float
    fault: Fault
    amount: float
    pick: float

    def __str__(self) -> str:
        amount = f" {self.amount:.1f} s" if self.fault in AMOUNTS else ""
        return f"{self.at_seconds:6.1f} s  {self.fault}{amount}"


def plan(seed: int, seconds: float, only: Sequence[Fault] = ()) -> tuple[Strike, ...]:
    """The strikes of a storm of so many seconds, in their order. Each kind hits before any does again.

    With `only` the others are left out; those that stay hit when they would have.
    """
    chance = Random(f"storm:{seed}")  # as text: the same on every version of Python
    strikes = []
    at_seconds = FIRST_SECOND
    for fault in _faults(chance):
        if at_seconds >= seconds:
            break
        amount = chance.uniform(*AMOUNTS.get(fault, (0.0, 0.0)))
        if chance.random() < LONG_STOPS and fault is Fault.STOP_WORKER:
            amount = chance.uniform(*LONG_STOP)
        strikes.append(Strike(round(at_seconds, 1), fault, round(amount, 1), round(chance.random(), 4)))
        at_seconds += chance.uniform(*PAUSE_SECONDS)
    return tuple(strike for strike in strikes if not only or strike.fault in only)


def _faults(chance: Random) -> Iterator[Fault]:
    while True:
        yield from chance.sample(list(Fault), len(Fault))
