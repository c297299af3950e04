"""What is kept of a comparison that does not come to its end, and of one that lacks a peer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from bench import __main__ as program
from bench import comparison, report
from bench.comparison import Missing, Setting
from bench.measuring import Plan, Run
from bench.roster import TIDEGATE, Entrant, chosen

RUN = Run(
    plan=Plan(TIDEGATE, "light", None, 0, 10, 60.0),
    completed=10,
    wrong=0,
    lost=0,
    unfinished=0,
    seconds=1.0,
    first_page_seconds=0.5,
    pages_per_second=20.0,
    cpu_seconds=None,
    peak_bytes=None,
    used_peak_bytes=None,
    limit_hits=None,
    oom_kills=None,
    left_processes=None,
    ended="exit 0",
)
SETTING = Setting(tuple(chosen([TIDEGATE, "crawlee"])), {"light": (None,)}, rounds=1)


@pytest.fixture(autouse=True)
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a part is kept. Only who has run is asked for versions: the others' packages may not be there."""

    def machine(command: str, entrants: Iterable[Entrant] = ()) -> dict[str, str]:
        return {"command": command, "asked": ", ".join(entrant.name for entrant in entrants)}

    monkeypatch.setattr(program, "UNFINISHED", tmp_path / "unfinished")
    monkeypatch.setattr(program, "machine", machine)
    return tmp_path / "unfinished"


@pytest.mark.parametrize("error", (KeyboardInterrupt(), OSError("the disk is full")), ids=("Ctrl-C", "an error"))
async def test_a_part_is_kept_but_not_in_the_place_of_the_whole(
    error: BaseException, unfinished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compare(_: Setting) -> AsyncIterator[Run | Missing]:
        yield RUN
        raise error

    monkeypatch.setattr(comparison, "compare", compare)
    with pytest.raises(type(error)):
        await program._compare(SETTING, tmp_path / "whole")
    assert report.load(unfinished).runs == (RUN,)
    assert not (tmp_path / "whole").exists()


async def test_a_peer_that_can_not_be_had_is_named_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compare(_: Setting) -> AsyncIterator[Run | Missing]:
        yield Missing("crawlee", "no network")
        yield RUN

    monkeypatch.setattr(comparison, "compare", compare)
    await program._compare(SETTING, tmp_path / "whole")
    results = report.load(tmp_path / "whole")
    assert results.runs == (RUN,)
    assert results.missing == (Missing("crawlee", "no network"),)
    assert results.machine["asked"] == TIDEGATE
