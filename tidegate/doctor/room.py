"""Memory: every limit that holds here, and whether a browser with a page fits into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from memory import Admission, Bound, Component, Level, MemoryGuard, Reading, mib
from memory.readings import memory_cgroups
from tidegate.doctor.finding import Finding, failure, good, note

MIB = 1 << 20
STEP_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Memory:
    """A reading; the cgroups it goes by, innermost first; swap, of which `may_swap_bytes` is what the cgroup may use.

    `may_swap_bytes` is None where no limit is known.
    """

    reading: Reading
    cgroups: tuple[str, ...]
    cgroup_version: int | None
    swap_bytes: int
    swapped_bytes: int
    may_swap_bytes: int | None


@dataclass(frozen=True, slots=True)
class Room:
    """Whether a browser (`launch_bytes`, 0 for one that runs elsewhere) with a page can be promised."""

    admission: Admission
    launch_bytes: int


def look_at_memory(guard: MemoryGuard) -> Memory:
    """Blocking, for a moment."""
    cgroups = memory_cgroups()
    swap = psutil.swap_memory()
    return Memory(
        guard.monitor.check_memory(),
        tuple(cgroup.where for cgroup in cgroups),
        cgroups[0].version if cgroups else None,
        swap.total,
        swap.used,
        _may_swap(cgroups[0].path) if cgroups and cgroups[0].version == 2 else None,
    )


def _may_swap(cgroup: Path) -> int | None:
    try:
        return int((cgroup / "memory.swap.max").read_text(encoding="ascii"))
    except (OSError, ValueError):
        # "max" is no limit, and no file is no account of swap.
        return None


def judge_memory(facts: Memory) -> Finding:
    """How full it is at the limit that binds, and all limits."""
    reading = facts.reading
    if reading.binding is None:
        return note(
            f"no limit can be known here ({'; '.join(reading.unknowns)})", "Set one with TIDEGATE_MEMORY_LIMIT_MB."
        )
    found = f"{reading.level.name.lower()}; {_in_words(reading.binding)}"
    others = [_in_words(bound) for bound in reading.bounds if bound is not reading.binding]
    if reading.level is Level.NORMAL:
        return good(found, details=others)
    return note(found, "Something else fills it already: `tidegate memory` shows since when.", details=others)


def _in_words(bound: Bound) -> str:
    share = f"{mib(bound.used_bytes)} of {mib(bound.limit_bytes)} used"
    return f"{share}, {mib(bound.headroom_bytes)} left ({bound.source})"


def judge_cgroup(facts: Memory) -> Finding:
    """Where the limits of a container come from."""
    if facts.cgroup_version is None:
        return note(
            "no memory cgroup to be seen: only the host's memory is known",
            "If this is a container with a limit, say it with TIDEGATE_MEMORY_LIMIT_MB.",
        )
    return good(f"v{facts.cgroup_version}, {facts.cgroups[0]}")


def judge_swap(facts: Memory) -> Finding:
    """Pages that were swapped out are slow; nothing is lost."""
    if facts.swap_bytes == 0:
        return good("none")
    found = f"{mib(facts.swapped_bytes)} of {mib(facts.swap_bytes)} used on this machine"
    if facts.may_swap_bytes is not None:
        found += f"; this cgroup may use {mib(facts.may_swap_bytes)}"
    if 2 * facts.swapped_bytes > facts.swap_bytes:
        return note(found, "The machine is short of memory, and pages will be slow: see who holds it.")
    return good(found)


def judge_pressure(facts: Memory) -> Finding:
    """Pressure tells of trouble before the limit is reached."""
    pressure = facts.reading.pressure
    if pressure is None:
        return note("not told by this kernel (PSI): levels go by what is used alone")
    found = f"some task waited for memory {pressure:.0%} of the last 10 s"
    return note(found, "Raise the limit, or see who holds memory.") if pressure > 0.1 else good(found)


def judge_kills(facts: Memory) -> Finding:
    """What the kernel has killed already is a hint that the limit is too low."""
    kills = facts.reading.oom_kills
    if kills is None:
        return note("not counted by this kernel")
    if kills:
        return note(
            f"the kernel has killed {kills} for memory in this cgroup since it was made",
            "Raise the limit, or lower TIDEGATE_MAX_CONTEXTS.",
        )
    return good("none in this cgroup")


def look_at_room(guard: MemoryGuard, launch_bytes: int, context_bytes: int) -> Room:
    """What the pool would be answered."""
    reading = guard.monitor.check_memory()
    return Room(guard.budget.decide(reading, launch_bytes + context_bytes, Component.BROWSER), launch_bytes)


def judge_room(facts: Room) -> Finding:
    """Whether a browser and a first page fit, and what the limit would have to be if they don't."""
    admission = facts.admission
    limit, used = admission.limit_bytes, admission.used_bytes
    if limit is None or used is None:
        return note(
            "no memory limit is known, so nothing holds a browser back", "Set one with TIDEGATE_MEMORY_LIMIT_MB."
        )
    if admission.is_safe:
        what = "a browser and a page fit" if facts.launch_bytes else "what a page elsewhere costs here fits"
        return good(f"{what}: {admission.reason}")
    advice = _advice(admission, enough_bytes(admission))
    if used + facts.launch_bytes > limit:
        return failure(f"no browser fits: {admission.reason}", advice)
    return note(f"a browser fits, with one page at a time and slowly: {admission.reason}", advice)


def enough_bytes(admission: Admission) -> int:
    """The least limit under which what was asked for fits, in whole steps. Pure."""
    share = admission.margin_bytes / admission.limit_bytes if admission.limit_bytes else 0.0
    needed = (admission.need_bytes + admission.promised_bytes + (admission.used_bytes or 0)) / (1 - share)
    return -int(-needed // STEP_BYTES) * STEP_BYTES


def _advice(admission: Admission, enough: int) -> str:
    if admission.bound_by.startswith("host"):
        return "This machine itself is short of memory: end what else runs here, or take a larger one."
    if admission.bound_by.startswith("cap"):
        return f"Raise TIDEGATE_MEMORY_LIMIT_MB to {enough // MIB} at least."
    return (
        f"Raise the container's limit to {mib(enough)} at least (`--memory`, `mem_limit`, `limits.memory`); "
        "512 MiB is a good size."
    )
