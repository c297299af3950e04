"""`tidegate memory`: what holds here, and what was done about it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from memory import LearnedCost, Level, Reading
from scraper.store.memory_history import MemoryOverview
from tidegate.memory_report import MemoryReport
from tidegate.memory_view import as_dict, show_memory

Start = Callable[..., subprocess.Popen[str]]
Say = Callable[..., tuple[int, str, str]]
MIB = 1 << 20
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.processes
def test_as_json_it_has_every_limit_of_this_machine_and_an_empty_history(start: Start) -> None:
    process = start("memory", "--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    report = json.loads(out)
    now = report["now"]
    assert now["level"] in {level.name.lower() for level in Level}
    assert now["bounds"]
    assert now["used_bytes"] + now["available_bytes"] == now["limit_bytes"]
    assert all(bound["limit_bytes"] > 0 for bound in now["bounds"])


@pytest.mark.processes
def test_a_cap_of_ones_own_is_one_of_the_limits(start: Start) -> None:
    out, _ = start("memory", "--json", "--memory-limit-mb", "512").communicate(timeout=120)
    bounds = json.loads(out)["now"]["bounds"]
    assert [bound["limit_bytes"] for bound in bounds if bound["kind"] == "cap"] == [512 * MIB]


def row(**fields: Any) -> Any:
    return fields


def report() -> MemoryReport:
    step = {"name": "trim the heap", "detail": "gave back \x1b[31mred", "freed": 5 * MIB, "failed": False}
    skip = "50 MiB needed, but 512 MiB limit - 460 MiB used"
    return MemoryReport(
        reading=Reading(0.0, (), None, None, unknowns=("no memory cgroup here",)),
        since=NOON,
        history=MemoryOverview(
            over_time=[
                row(from_at=NOON, share=0.25, peak_used_bytes=128 * MIB, limit_bytes=512 * MIB, level=0),
                row(from_at=NOON, share=None, peak_used_bytes=None, limit_bytes=None, level=0),
                row(from_at=NOON, share=0.97, peak_used_bytes=497 * MIB, limit_bytes=512 * MIB, level=3),
            ],
            processes=[
                row(
                    process="host:1",
                    at=NOON,
                    by_role={"renderer": 200 * MIB, "python": 40 * MIB},
                    by_component={
                        "browser": {"budget": 460 * MIB, "promised": 96 * MIB, "unused": 0, "held": 300 * MIB},
                        "jobs": {"budget": None, "promised": 0, "unused": 0, "held": None},
                    },
                )
            ],
            ladder_runs=[
                row(at=NOON, reason="level critical", steps=[step], freed_bytes=5 * MIB, seconds=0.2, is_calm=False)
            ],
            ladder_sums=row(runs=1, runs_calm=0, freed_bytes=5 * MIB),
            skips=[
                row(component="jobs", name="job learn", ending="skipped", times=3, last_at=NOON, last_reason=skip)
            ],
        ),
        learned=(LearnedCost("context demo/metrics_scraper", 77 * MIB, 64),),
    )


def test_a_person_sees_how_full_it_was_who_held_it_what_was_done_and_what_was_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_memory(report(), Console(width=200, highlight=False))
    out = capsys.readouterr().out
    for words in (
        "Memory now: normal",
        "not known: no memory cgroup here",
        "|▂?█|  fullest 97%: 497 MiB of 512 MiB (emergency)",
        "renderer 200, python 40",
        "Clean-up: 1 runs, 0 reached calm, 5 MiB given back",
        "level critical: 5 MiB in 0.2 s, not calm yet (trim the heap 5 MiB)",
        "job learn",
        "50 MiB needed, but 512 MiB limit - 460 MiB used",
        "context demo/metrics_scraper",
    ):
        assert words in out
    assert "unknown" in out
    assert "\x1b" not in out


def test_a_program_gets_bytes_and_times_it_can_read() -> None:
    answer = json.loads(json.dumps(as_dict(report()), default=str))
    assert answer["now"]["limit_bytes"] is None
    assert answer["now"]["unknowns"] == ["no memory cgroup here"]
    assert answer["ladder"]["last"][0]["at"] == NOON.isoformat()
    assert answer["skips"][0]["times"] == 3
    assert answer["expected_costs"][0]["expected_bytes"] == 77 * MIB


@pytest.mark.parametrize("hours", ("0", "-1", "abc"))
def test_a_time_that_makes_no_sense_is_refused_in_one_line(say: Say, hours: str) -> None:
    code, _, err = say("memory", "--hours", hours)
    assert code == 2
    assert err.count("\n") == 1
