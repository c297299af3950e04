"""memory: how much is left, and who has been promised it.

One truth: the reading. A reading holds every limit this process tree lives under (the host, each memory cgroup, the
user's own cap) and what counts against it. Everything else decides on readings: levels, admissions, the ladder. There
is no constant in megabytes here; every threshold is a share of the limit, or measured.

- `readings`: one look, from cgroup v1 and v2, the host and a cap
- `levels`: normal, elevated, critical, emergency, with hysteresis
- `budget`: reservations, and the arithmetic of an admission
- `costs`: what a class of work is expected to take
- `cleanup`: the ladder, gentlest step first
- `processes`: who holds memory, by role, in PSS
- `monitor`: MemoryMonitor, which looks, and starts the ladder
- `guard`: is_memory_safe_for_operation
"""

from memory.budget import Admission, BudgetStatistics, MemoryBudget, Reservation, mib
from memory.cleanup import CleanupReport, Ladder, Patience, Rung, Step, StepReport
from memory.costs import CostEstimator
from memory.errors import LimitTooLow, MemorySafetyError
from memory.guard import Safety, is_memory_safe_for_operation
from memory.levels import Level, LevelPolicy
from memory.monitor import MemoryMonitor, WatchPolicy
from memory.processes import ProcessMemory, Role, by_role, total_bytes
from memory.readings import Bound, MemorySource, Reading

__all__ = [
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
