"""memory: how much is left, and who has been promised it.

One truth: the reading. A reading holds every limit this process tree lives under (the host, each memory cgroup, the
user's own cap) and what counts against it. Everything else decides on readings: levels, admissions, the ladder. There
is no constant in megabytes here; every threshold is a share of the limit, or measured.

- `readings`: one look, from cgroup v1 and v2, the host and a cap; `file_pages`: how much of the programs must stay
- `levels`: normal, elevated, critical, emergency, with hysteresis
- `budget`: reservations, budgets by component, and the arithmetic of an admission
- `costs`: what a class of work is expected to take
- `cleanup`: the ladder, gentlest step first; `trim`: its first step, the heap
- `processes`: who holds memory, by role, in PSS
- `monitor`: MemoryMonitor, which looks, and starts the ladder
- `guard`: MemoryGuard, all of that in one, and is_memory_safe_for_operation
- `middleware`: memory_safe, which an operation wears
- `batching`: long work in batches; `pacer`: how large they may be
- `cache`: a cache with a budget in bytes
"""

from memory.batching import (
    BatchResult,
    clear_arrays,
    memory_aware_batch_processor,
    process_array_in_chunks,
    process_in_batches,
)
from memory.budget import (
    Admission,
    BudgetStatistics,
    Component,
    ComponentStatistics,
    MemoryBudget,
    Reservation,
    mib,
)
from memory.cache import ByteBudgetCache, CacheStatistics
from memory.cleanup import CleanupReport, Ladder, Patience, Rung, Step, StepReport
from memory.costs import CostEstimator, LearnedCost
from memory.errors import LimitTooLow, MemorySafetyError, SkippedForMemory
from memory.guard import Ending, MemoryGuard, Operation, Safety, current_guard, is_memory_safe_for_operation
from memory.levels import Level, LevelPolicy
from memory.middleware import Permit, memory_safe
from memory.monitor import MemoryMonitor, WatchPolicy
from memory.pacer import BatchPacer, BatchPolicy, next_size
from memory.processes import ProcessMemory, Role, by_role, total_bytes
from memory.readings import Bound, MemorySource, Reading
from memory.trim import trim_heap

__all__ = [
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
