"""The public names of this room. Whoever changes the list changes what others rely on."""

from __future__ import annotations

import memory


def test_the_public_names_are_these() -> None:
    assert sorted(memory.__all__) == [
        "Admission",
        "Bound",
        "BudgetStatistics",
        "CleanupReport",
        "CostEstimator",
        "Ladder",
        "Level",
        "LevelPolicy",
        "LimitTooLow",
        "MemoryBudget",
        "MemoryMonitor",
        "MemorySafetyError",
        "MemorySource",
        "Patience",
        "ProcessMemory",
        "Reading",
        "Reservation",
        "Role",
        "Rung",
        "Safety",
        "Step",
        "StepReport",
        "WatchPolicy",
        "by_role",
        "is_memory_safe_for_operation",
        "mib",
        "total_bytes",
    ]


def test_each_public_name_is_there_and_nothing_else_leads_out_of_the_room() -> None:
    here = {name for name, value in vars(memory).items() if getattr(value, "__module__", "").startswith("memory.")}
    assert here == set(memory.__all__)
