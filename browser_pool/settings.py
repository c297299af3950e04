"""What the pool can be told. Sizes that depend on the machine are measured, not set here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from browser_pool.endpoint import LOCAL, Endpoint

MIB = 1 << 20


def _two_a_core() -> int:
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """Settings of one UnifiedBrowserPool.

    `max_contexts` bounds contexts by processor: two a core keep it busy while one waits for the network. Memory has
    its own say. Who waits rises in priority by one every `ages_every_seconds`. `context_cost_bytes` is the prior of
    what a context takes, until enough have been measured: a page of a large application held 60 to 110 MiB.
    `launch_cost_bytes` is what driver and browser take before any page.

    `needs_page` is whether leases have a Playwright page unless they say otherwise. Without one the pool does without
    Playwright and its Node driver, which is half the memory of a small container and a third more pages/s.
    `endpoints` are where browsers come from. A context elsewhere costs `remote_context_bytes` of our memory.

    A context is replaced after so many pages or seconds, a browser after so many seconds or when it and its driver
    hold `fat_browser` times what they held a minute after launch. A browser that nobody has had a context in for
    `idle_browser_seconds` is ended, unless it is the kind that leases get by default.

    A browser that makes no context in `open_seconds`, or does not close one in `clean_seconds`, is taken to hang and
    is ended.

    With `headed` a browser has windows, with `devtools` DevTools beside each page, and Playwright waits `slow_mo_ms`
    between one step and the next.

    With `keeps_popups` the windows that a page opens stay: a person looks at them. Only where it is `headed`.

    An address under which a browser or renderer died `deaths_per_url` times is left alone for `quarantine_seconds`.
    """

    chromium: Path | None = None
    headed: bool = False
    devtools: bool = False
    slow_mo_ms: float = 0.0
    keeps_popups: bool = False
    needs_page: bool = True
    endpoints: tuple[Endpoint, ...] = (LOCAL,)
    max_contexts: int = field(default_factory=_two_a_core)
    queue_limit: int = 1000
    ages_every_seconds: float = 15.0
    context_cost_bytes: int = 96 * MIB
    launch_cost_bytes: int = 130 * MIB
    remote_context_bytes: int = 4 * MIB
    pages_per_context: int = 500
    context_age_seconds: float = 1800.0
    browser_age_seconds: float = 6 * 3600.0
    fat_browser: float = 2.0
    idle_browser_seconds: float = 120.0
    deaths_per_url: int = 3
    quarantine_seconds: float = 6 * 3600.0
    clean_seconds: float = 5.0
    open_seconds: float = 10.0
    launch_seconds: float = 30.0
    program_name: str = "Tidegate"
    scratch: Path | None = None
