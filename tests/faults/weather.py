"""What a storm is made of, and the words on the command line that make it."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.strikes import Fault

LIMIT_MIB_A_WORKER: Final = 500


@dataclass(frozen=True, slots=True)
class Weather:
    """What a storm is made of."""

    seed: int
    seconds: float
    workers: int = 2
    limit_mib: int | None = None
    only: tuple[Fault, ...] = ()

    @property
    def replay(self) -> str:
        """The command that makes the same one."""
        words = [f"--seed {self.seed}", f"--minutes {self.seconds / 60:g}", f"--workers {self.workers}"]
        words += [f"--limit {self.limit_mib}"] if self.limit_mib else []
        words += [f"--only {','.join(self.only)}"] if self.only else []
        return f"python -m tests.faults.storm {' '.join(words)}"


def weather_of(arguments: Sequence[str] | None) -> Weather:
    """Read a command line."""
    parser = argparse.ArgumentParser("python -m tests.faults.storm", description="The program in a storm of faults.")
    parser.add_argument("--seed", default="random", help="a number, or random (default)")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults hit (default 3)")
    parser.add_argument("--workers", type=int, default=2, help="how many there are (default 2)")
    parser.add_argument("--limit", type=int, metavar="MIB", help=f"memory of all; {LIMIT_MIB_A_WORKER} a worker")
    parser.add_argument("--only", default="", metavar="KIND,...", help=f"of {', '.join(Fault)}")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if options.seed == "random" else int(options.seed)
    only = tuple(Fault(kind) for kind in options.only.split(",") if kind)
    return Weather(seed, options.minutes * 60, options.workers, options.limit, only)
