"""The public names of this room. Whoever changes the list changes what others rely on."""

from __future__ import annotations

import memory


def test_the_public_names_are_these() -> None:
    assert sorted(memory.__all__) == [
        "Admission",
        "BatchPacer",
        "BatchPolicy",
        "BatchResult",
        "Bound",
        "BudgetStatistics",
        "ByteBudgetCache",
        "CacheStatistics",
        "CleanupReport",
        "Component",
        "ComponentStatistics",
        "CostEstimator",
        "Ending",
        "Ladder",
        "LearnedCost",
        "Level",
        "LevelPolicy",
        "LimitTooLow",
        "MemoryBudget",
        "MemoryGuard",
        "MemoryMonitor",
        "MemorySafetyError",
        "MemorySource",
        "Operation",
        "Patience",
        "Permit",
        "ProcessMemory",
        "Reading",
        "Reservation",
        "Role",
        "Rung",
        "Safety",
        "SkippedForMemory",
        "Step",
        "StepReport",
        "WatchPolicy",
        "by_role",
        "clear_arrays",
        "current_guard",
        "is_memory_safe_for_operation",
        "memory_aware_batch_processor",
        "memory_safe",
        "mib",
        "next_size",
        "process_array_in_chunks",
        "process_in_batches",
        "total_bytes",
        "trim_heap",
    ]


def test_each_public_name_is_there_and_nothing_else_leads_out_of_the_room() -> None:
    here = {name for name, value in vars(memory).items() if getattr(value, "__module__", "").startswith("memory.")}
    assert here == set(memory.__all__)
