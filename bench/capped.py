"""The same pages in memory cgroups: how much of its own speed each keeps, what it loses, and who is killed.

Everything that reads is in the cgroup (Python, Node where there is one, Chromium); the site is outside. The page
cache is warm: each entrant has run without a limit just before. A bare loop ends at its first page that dies, and
what it has not read by then is lost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from bench.cgroup import NoCgroup, memory_cgroup
from bench.pages import BARE_CDP, REUSING, TIDEGATE, Work, entrants, work_of
from memory import mib
from tidegate.demo import DemoSite
from tidegate.logs import configure_logs

MIB = 1 << 20
PAGES = 200
NO_LIMIT_MB = 1 << 14
LIMITS_MB = (512, 384, 320, 256)
MOST_SECONDS = 240.0


async def report() -> None:
    """Print pages/s, ratio to its own speed without a limit, lost pages, kills and peak, by limit."""
    print(f"{'in a memory cgroup, ' + str(PAGES) + ' pages':<36}{'limit':>8}{'pages/s':>9}{'ratio':>8}", end="")
    print(f"{'lost':>6}{'kills':>7}{'peak':>10}")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        async with DemoSite(seed=7, posts=100) as site:
            file.write(json.dumps(work_of(site, PAGES)))
            file.flush()
            for name in (TIDEGATE, BARE_CDP, REUSING):
                try:
                    await _by_limit(name, file.name)
                except NoCgroup as error:
                    print(f"not measured: {error}")
                    return


async def _by_limit(name: str, file: str) -> None:
    free = 0.0
    for limit_mb in (NO_LIMIT_MB, *LIMITS_MB):
        with memory_cgroup(limit_mb * MIB) as group:
            _, said = await group.run(sys.executable, "-m", "bench.capped", name, file)
            peak, kills = mib(group.peak_bytes), group.oom_kills
        done, seconds = json.loads(said) if said else (0, float("inf"))
        speed = done / seconds
        free = free or speed
        limit = "none" if limit_mb == NO_LIMIT_MB else str(limit_mb)
        print(f"{name:<36}{limit:>8}{speed:>9.1f}{speed / free:>8.2f}{PAGES - done:>6}{kills:>7}{peak:>10}")


async def run(name: str, work: Work) -> None:
    """One entrant; prints how many pages it read in how many seconds. What was not read in time is lost."""
    done, started = 0, time.perf_counter()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            done = await entrants()[name](work)
    except Exception as error:  # noqa: BLE001 whatever ends a loop is what is measured
        print(f"{name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
    print(json.dumps([done, time.perf_counter() - started]))


if __name__ == "__main__":
    configure_logs(verbose=False, is_terminal=False)
    asyncio.run(run(sys.argv[1], [(url, post_id) for url, post_id in json.loads(Path(sys.argv[2]).read_text())]))
