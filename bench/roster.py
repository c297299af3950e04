"""Who takes part, and how each is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import environments

KEPT: Final = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TZ")
"""What an entrant sees of our environment."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """One program that reads pages. `environment_of` names the environment that it runs in; None is our own."""

    name: str
    title: str
    module: str
    options: tuple[str, ...] = ()
    environment_of: str | None = None

    def command(self, task: Path) -> list[str]:
        """How it is started. Raises `NoEnvironment` where its packages can't be had."""
        python = environments.python_of(self.environment_of) if self.environment_of else sys.executable
        return [str(python), "-m", f"bench.entrants.{self.module}", str(task), *self.options]

    def environment(self, scratch: Path) -> dict[str, str]:
        """The variables that it is started with; what it leaves lying about goes to `scratch`."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}

    def versions(self) -> dict[str, str]:
        """Packages and versions that it runs with, where it has an environment of its own."""
        return environments.versions_of(self.environment_of) if self.environment_of else {}


TIDEGATE: Final = "tidegate"
LIMIT: Final = "bare-cdp"
"""The loop over raw CDP: what two cores can do."""

ROSTER: Final = (
    Entrant(TIDEGATE, "Tidegate", "tidegate"),
    Entrant(LIMIT, "bare CDP, page reused", "bare_cdp"),
    Entrant("bare-reused", "bare Playwright, page reused", "bare_playwright"),
    Entrant("bare-fresh", "bare Playwright, a context a page", "bare_playwright", ("--fresh",)),
    Entrant("crawlee", "crawlee, autoscaling", "crawlee", environment_of="crawlee"),
    Entrant("crawlee-fixed", "crawlee, fixed concurrency", "crawlee", ("--fixed",), environment_of="crawlee"),
    Entrant("scrapy-playwright", "scrapy-playwright", "scrapy", environment_of="scrapy"),
    Entrant("crawl4ai", "crawl4ai", "crawl4ai", environment_of="crawl4ai"),
)


TITLES: Final = {entrant.name: entrant.title for entrant in ROSTER}
"""How each is called in tables and plots."""


def chosen(names: Sequence[str]) -> list[Entrant]:
    """Those of these names, or all where there is none. Raises `KeyError`."""
    by_name = {entrant.name: entrant for entrant in ROSTER}
    return [by_name[name] for name in names] if names else list(ROSTER)
