"""`make bench`: the figures that this version can measure."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from importlib.metadata import version

from bench import capped, endurance, gate, pages
from browser_pool import find_chromium
from memory import MemorySource, mib
from tidegate.logs import configure_logs

ROUNDS = 3


async def main() -> None:
    """Run everything and print it."""
    configure_logs(verbose=False, is_terminal=sys.stderr.isatty())
    reading = MemorySource().read()
    bound = reading.binding
    limit = f"{mib(bound.limit_bytes)} ({bound.kind})" if bound else "unknown"
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, memory limit {limit}, {platform.system()}")
    print(f"versions: Python {platform.python_version()}, Playwright {version('playwright')}, ", end="")
    print(f"tidegate {version('tidegate')}, Chromium at {find_chromium().executable}")
    print(f"\ncommand: {' '.join(['python', '-m', 'bench', *sys.argv[1:]])}\n")
    gate.report_micro()
    await gate.report_watching()
    await gate.report_learned_cost()
    print()
    await pages.report(ROUNDS)
    print()
    await capped.report()
    print()
    await endurance.report()


asyncio.run(main())
