"""A crew of workers for each test, that no test outlives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.crew import Crew

_numbers = itertools.count(1)


@pytest.fixture
def new_crew(open_folder: Path, chromium: Path) -> Iterator[Callable[..., Crew]]:
    """`new_crew(dsn, drain_seconds="5")`: workers of a database; None for an embedded one of their own."""
    crews: list[Crew] = []

    def make(dsn: str | None, **settings: str) -> Crew:
        crew = Crew(dsn, open_folder / f"crew-{next(_numbers)}", **settings)
        crews.append(crew)
        return crew

    yield make
    for crew in crews:
        crew.end()
