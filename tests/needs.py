"""Markers that say what a case needs, and a run that stops where they are missing.

| marker | the case |
|---|---|
| `database` | talks to a real Postgres |
| `browser` | opens pages in a real Chromium |
| `processes` | starts programs: the command line, workers, servers |
| `slow` | runs in `make test-all` only |

A case without one of the first three runs anywhere in milliseconds: `-m "not (database or browser or processes)"`.
A case whose fixtures need more than its markers say ends the collection. A case without any marker that starts a
process all the same fails at that line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

NEEDS = ("database", "browser", "processes")
MARKER_OF_FIXTURE = {
    "embedded_postgres": "database",
    "chromium": "browser",
    "windowed_chromium": "browser",
    "screen": "processes",
    "start": "processes",
    "new_crew": "processes",
}
"""Only those at the root: a fixture that asks for one of them is found by it."""
STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty"})


def rest_slow(values: Iterable[Any], *, fast: int = 1) -> list[Any]:
    """Gives parameters of a case: the first `fast` of them for `make test`, the others for `make test-all` only."""
    return [value if n < fast else pytest.param(value, marks=pytest.mark.slow) for n, value in enumerate(values)]


def undeclared(item: pytest.Item) -> list[str]:
    """Gives the markers that an item's fixtures call for and that it does not have."""
    fixtures: Iterable[str] = getattr(item, "fixturenames", ())
    called_for = {MARKER_OF_FIXTURE[name] for name in fixtures if name in MARKER_OF_FIXTURE}
    return sorted(called_for - {mark.name for mark in item.iter_markers()})


def refuse_undeclared(items: Iterable[pytest.Item]) -> None:
    """Raises `pytest.UsageError` that names each item with a need that no marker of it says."""
    wrong = {item.nodeid.partition("[")[0]: missing for item in items if (missing := undeclared(item))}
    if wrong:
        lines = [f"{case} needs @pytest.mark.{' and @pytest.mark.'.join(wrong[case])}" for case in wrong]
        raise pytest.UsageError("\n".join(lines))


class ProcessGuard:
    """Raises where a case that is marked with no need starts a process. An audit hook can't be removed: one a run."""

    def __init__(self) -> None:
        self._pure: str | None = None
        sys.addaudithook(self._look)

    def _look(self, event: str, _: tuple[object, ...]) -> None:
        if self._pure is not None and event in STARTS:
            raise AssertionError(f"{self._pure} starts a process: mark it `processes`, `browser` or `database`")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Watches the case itself; fixtures are held to their markers at collection."""
        if not any(item.get_closest_marker(name) for name in NEEDS):
            self._pure = item.nodeid
        try:
            return (yield)
        finally:
            self._pure = None
