"""The program's figures for Prometheus: the pool's own, memory, rows, jobs. Asked for at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from browser_pool import UnifiedBrowserPool
from browser_pool.instrumentation.prometheus import PoolMetrics
from memory import MemoryGuard, by_role
from tidegate.dashboard.state import State

PREFIX: Final = "tidegate"


class Exposition:
    """A registry of our own, so that two in one process don't meet."""

    def __init__(self, state: State, guard: MemoryGuard, pool: UnifiedBrowserPool) -> None:
        self._registry = CollectorRegistry()
        self._pool = PoolMetrics(pool, self._registry, prefix=f"{PREFIX}_pool")
        self._registry.register(ProgramMetrics(state, guard))

    def text(self) -> tuple[bytes, str]:
        """What a scrape gets, and its type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def close(self) -> None:
        """Count no more."""
        self._pool.close()


class ProgramMetrics(Collector):
    """Memory as it is now, rows as `state` has read them last."""

    def __init__(self, state: State, guard: MemoryGuard) -> None:
        self._state = state
        self._guard = guard

    def describe(self) -> Iterator[Metric]:
        """Nothing is taken twice in a registry of our own."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        yield from self._memory()
        yield from self._rows()
        yield from self._jobs()

    def _memory(self) -> Iterator[Metric]:
        monitor, budget = self._guard.monitor, self._guard.budget
        reading = monitor.check_memory()
        if reading.binding is not None:
            yield _gauge("memory_limit_bytes", "The limit that would be hit first", reading.binding.limit_bytes)
            yield _gauge("memory_used_bytes", "What counts against that limit", reading.binding.used_bytes)
        yield _gauge("memory_level", "0 normal, 1 elevated, 2 critical, 3 emergency", int(reading.level))
        yield _gauge("memory_promised_bytes", "Reserved and not arrived yet", budget.unused_bytes)
        held = _gauge("memory_held_bytes", "What our processes were last measured to hold (PSS)", labels=("role",))
        for role, amount in by_role(monitor.tree).items():
            held.add_metric((role.value,), amount)
        yield held
        if (kills := monitor.oom_kills()) is not None:
            yield CounterMetricFamily(f"{PREFIX}_memory_oom_kills", "Kills by the kernel in our cgroup", value=kills)

    def _rows(self) -> Iterator[Metric]:
        fresh = self._state.freshness
        yield _gauge("database_up", "Whether the database answers", int(fresh is not None))
        if fresh is None:
            return
        posts = _gauge("posts", "Posts by what they wait for", labels=("state",))
        for state in ("followed", "due", "late", "held", "given_up"):
            posts.add_metric((state,), getattr(fresh, state))
        yield posts
        yield _gauge("posts_oldest_due_seconds", "Since when the post due first is due", fresh.oldest_due_seconds)
        if fresh.last_snapshot_at is not None:
            moment = fresh.last_snapshot_at.timestamp()
            yield _gauge("last_snapshot_timestamp_seconds", "When a post was last read", moment)

    def _jobs(self) -> Iterator[Metric]:
        rows = self._state.last_rows
        raised = _gauge("alarms", "Alarms that are not over", labels=("job", "kind"))
        for alarm in rows.get("alarms", ()):
            raised.add_metric((alarm["job"], alarm["kind"]), 1)
        yield raised
        ended = _gauge("job_last_end_timestamp_seconds", "When a job ended last, and how", labels=("job", "status"))
        for job in rows.get("jobs", ()):
            if job["finished_at"]:
                moment = datetime.fromisoformat(job["finished_at"]).timestamp()
                ended.add_metric((job["job"], job["status"]), moment)
        yield ended


def _gauge(name: str, what: str, value: float | None = None, *, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    if labels:
        return GaugeMetricFamily(f"{PREFIX}_{name}", what, labels=labels)
    return GaugeMetricFamily(f"{PREFIX}_{name}", what, value=value)
