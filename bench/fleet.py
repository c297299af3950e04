"""Many machines on one Postgres, simulated: who waits for whom, from what was measured.

A machine is one worker with a few readers (contexts). Each reader goes round: it claims posts (a task from the queue,
and the rows that are its own), reads their pages one after the other, writes what it read in one transaction, and
claims again. Reading is the machine's own affair. Claiming and writing queue up, first come first served, at a
database that serves one at a time at the best speed that was measured with several clients. Times are drawn around
their means.

Pure: no clock, no files, and the same seed gives the same fleet.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

from bench.micro.figures import Figure, NotMeasurable

FULL_SHARE = 0.7
"""How full a database is planned to be: above that waiting grows fast."""

PAGE_SPREAD = 0.5
"""Standard deviation over mean of the time of a page."""
DATABASE_SPREAD = 0.6
"""The same of a transaction."""

BATCHES = 4000
"""At least so many are simulated after warming up, and two rounds of every reader."""


class FigureMissing(NotMeasurable):
    """A figure that the model needs was not measured; the message names it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the model rests on. `snapshots_per_second` is by writers, `jobs_per_second` by consumers.

    A snapshot is all that is written for a page: its outcome, and when the post is due again, go with it.
    `snapshot_cpu_seconds` is what Postgres itself takes of one core for one.
    """

    pages_per_second: float
    worker_mib: float
    snapshots_per_second: Mapping[int, float]
    jobs_per_second: Mapping[int, float]
    enqueued_per_second: float
    due_row_seconds: float
    snapshot_cpu_seconds: float
    snapshot_bytes: float
    outcome_bytes: float
    post_bytes: float
    connection_mib: float
    connections_a_worker: int

    @classmethod
    def of(
        cls,
        figures: Iterable[Figure],
        *,
        pages_per_second: float,
        worker_mib: float,
        rows_a_page: int,
        connections_a_worker: int,
    ) -> Self:
        """From micro figures, and what one worker does. Raises `FigureMissing`."""
        by_key = {figure.key: figure.value for figure in figures}

        def value(key: str) -> float:
            if key not in by_key:
                raise FigureMissing(f"{key} was not measured: `python -m bench micro` says why")
            return by_key[key]

        return cls(
            pages_per_second=pages_per_second,
            worker_mib=worker_mib,
            snapshots_per_second={n: value(f"store.snapshots_by_{n}") for n in (1, 2, 4)},
            jobs_per_second={n: value(f"queue.done_by_{n}") for n in (1, 2, 4)},
            enqueued_per_second=value("queue.enqueued_in_batches"),
            due_row_seconds=value("store.page_at_last_row") / 1e3 / rows_a_page,
            snapshot_cpu_seconds=value("store.snapshot_server_cpu") / 1e6,
            snapshot_bytes=value("store.snapshot_bytes"),
            outcome_bytes=value("store.outcome_bytes"),
            post_bytes=value("store.post_bytes"),
            connection_mib=value("store.connection_memory"),
            connections_a_worker=connections_a_worker,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How machines share the work. Hosts are dealt out evenly to the databases, and machines with them."""

    pages_a_claim: int = 10
    databases: int = 1
    readers: int = 2


@dataclass(frozen=True, slots=True)
class Fleet:
    """What so many machines came to. Waiting is for the database, before it begins to serve.

    `claimed`, `read` and `in_flight` are pages over the whole simulated time; the rest is after warming up.
    """

    machines: int
    plan: Plan
    pages_per_second: float
    database_busy: float
    wait_seconds: float
    wait_high_seconds: float
    claimed: int
    read: int
    in_flight: int


def claim_seconds(measured: Measured, plan: Plan) -> float:
    """What a claim takes of a database: the task put into the queue and taken out, and the rows of its posts."""
    job = 1 / max(measured.jobs_per_second.values()) + 1 / measured.enqueued_per_second
    return job + measured.due_row_seconds * plan.pages_a_claim


def write_seconds(measured: Measured, plan: Plan) -> float:
    """What writing down the pages of a claim takes of a database."""
    return plan.pages_a_claim / max(measured.snapshots_per_second.values())


def most_pages_per_second(measured: Measured, plan: Plan) -> float:
    """What the databases can take: `databases * pages_a_claim / (claim_seconds + write_seconds)`."""
    return plan.databases * plan.pages_a_claim / (claim_seconds(measured, plan) + write_seconds(measured, plan))


def pages_per_second_alone(measured: Measured, plan: Plan) -> float:
    """What a machine does that never waits for others: a reader's round is claiming, reading and writing."""
    pages = plan.readers * plan.pages_a_claim
    reading = pages / measured.pages_per_second
    return pages / (reading + claim_seconds(measured, plan) + write_seconds(measured, plan))


def knee(measured: Measured, plan: Plan) -> float:
    """How many machines give all that the databases can take; more of them only wait."""
    return most_pages_per_second(measured, plan) / pages_per_second_alone(measured, plan)


def databases_for(measured: Measured, machines: int, plan: Plan) -> int:
    """How many databases keep so many machines busy, each of them filled to `FULL_SHARE` at most."""
    return max(1, math.ceil(machines / (FULL_SHARE * knee(measured, replace(plan, databases=1)))))


class _Step(IntEnum):
    CLAIM = 0
    CLAIMED = 1
    WRITE = 2
    WRITTEN = 3


@dataclass(slots=True)
class _Database:
    """First come, first served. Time counts as busy from `from_seconds` to `until_seconds`."""

    from_seconds: float
    until_seconds: float
    free_at: float = 0.0
    busy_seconds: float = 0.0
    waits: list[float] = field(default_factory=list)

    def serve(self, now: float, seconds: float) -> float:
        """Take a request that comes in now; when it will be done. Requests come in the order of time."""
        start = max(now, self.free_at)
        self.free_at = start + seconds
        self.busy_seconds += max(0.0, min(self.free_at, self.until_seconds) - max(start, self.from_seconds))
        if now >= self.from_seconds:
            self.waits.append(start - now)
        return self.free_at


def simulate(measured: Measured, machines: int, *, plan: Plan | None = None, seed: int = 7) -> Fleet:
    """So many machines at work. Each has its readers; together they read as fast as was measured for one worker."""
    plan = plan or Plan()
    chance = random.Random(seed)
    readers, size = machines * plan.readers, plan.pages_a_claim
    reading = size * plan.readers / measured.pages_per_second
    claiming, writing = claim_seconds(measured, plan), write_seconds(measured, plan)
    rounds = max(reading + claiming + writing, readers * (claiming + writing) / plan.databases)
    warm, end = rounds, rounds * (1 + max(2.0, BATCHES / readers))
    databases = [_Database(warm, end) for _ in range(plan.databases)]
    holds = [0] * readers
    claimed = read = read_warm = 0
    events = [(chance.uniform(0, reading), reader, _Step.CLAIM) for reader in range(readers)]
    heapq.heapify(events)
    while events[0][0] <= end:
        now, reader, step = heapq.heappop(events)
        database = databases[reader // plan.readers % plan.databases]
        then = now
        match step:
            case _Step.CLAIM:
                then = database.serve(now, _drawn(chance, claiming, DATABASE_SPREAD))
            case _Step.CLAIMED:
                claimed += size
                holds[reader] = size
                then = now + _drawn(chance, reading, PAGE_SPREAD / size**0.5)
            case _Step.WRITE:
                then = database.serve(now, _drawn(chance, writing, DATABASE_SPREAD))
            case _Step.WRITTEN:
                read += size
                read_warm += size if now >= warm else 0
                holds[reader] = 0
        heapq.heappush(events, (then, reader, _Step((step + 1) % len(_Step))))
    waits = [wait for one in databases for wait in one.waits]
    return Fleet(
        machines,
        plan,
        pages_per_second=read_warm / (end - warm),
        database_busy=sum(one.busy_seconds for one in databases) / (end - warm) / plan.databases,
        wait_seconds=statistics.median(waits),
        wait_high_seconds=statistics.quantiles(waits, n=100)[98],
        claimed=claimed,
        read=read,
        in_flight=sum(holds),
    )


@dataclass(frozen=True, slots=True)
class Fleets:
    """Fleets of several sizes, all by the same figures; `machines` in rising order. Each is simulated once."""

    measured: Measured
    plan: Plan
    machines: tuple[int, ...]
    _found: dict[tuple[int, Plan], Fleet] = field(default_factory=dict)

    @property
    def many(self) -> int:
        """The largest."""
        return self.machines[-1]

    def of(self, machines: int, plan: Plan) -> Fleet:
        """What so many come to."""
        key = (machines, plan)
        if key not in self._found:
            self._found[key] = simulate(self.measured, machines, plan=plan)
        return self._found[key]


def _drawn(chance: random.Random, mean: float, spread: float) -> float:
    """A time of that mean, never below zero: the gamma distribution. `spread` is its deviation over its mean."""
    shape = 1 / spread**2
    return chance.gammavariate(shape, mean / shape)
