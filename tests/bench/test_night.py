"""What is made of a long run: its parts, and the page about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.night import Night, Sample
from bench.night_report import markdown, write

MIB = 1 << 20
MACHINE = {"command": "python -m bench night"}


def sample(seconds: float, snapshots: int, *, used_mib: int = 300, is_ready: bool = True) -> Sample:
    return Sample(
        seconds=seconds,
        used_bytes=used_mib * MIB,
        anonymous_bytes=200 * MIB,
        processes=20,
        descriptors=900,
        snapshots=snapshots,
        not_ok=0,
        newest_seconds=None if not snapshots else 5.0,
        oldest_seconds=60.0,
        not_followed=0,
        alarms=0,
        is_ready=is_ready,
    )


def night(**facts: object) -> Night:
    """Of 400 s; for 10 s in each 100 s something was due, and 50 rows were written."""
    samples = [sample(float(at), 50 * (at // 100)) for at in range(0, 401, 10)]
    return Night(posts=50, limit_mib=512, seconds=400.0, samples=samples, rows=200, exit_code=0, **facts)  # type: ignore[arg-type]


def test_each_part_says_how_many_rows_and_how_fast_they_came_when_there_were_any() -> None:
    parts = night().parts(number=4)
    assert [(part.rows, part.rows_per_second) for part in parts] == [(50, 5.0)] * 4
    assert [(part.first_seconds, part.last_seconds) for part in parts] == [
        (0, 100),
        (100, 200),
        (200, 300),
        (300, 400),
    ]


def test_a_part_without_two_samples_is_left_out() -> None:
    assert Night(posts=1, limit_mib=None, seconds=100.0, samples=[sample(5, 0)]).parts() == []


@pytest.mark.parametrize(
    ("facts", "words"),
    (
        ({"wrong": 3}, "| 200 | 3 | 0 | 0 | 0 |"),
        ({"doubled": 2}, "| 200 | 0 | 2 | 0 | 0 |"),
        ({"never_read": 4}, "| 200 | 0 | 0 | 4 | 0 |"),
        ({"outcomes": {"ok": 200, "timeout": 7}}, "| 7 timeout |"),
        ({"oom_kills": 1}, "| 1 | 0 |"),
        ({"alarms": ["metrics_scraper stale: for hours"]}, "| metrics_scraper stale: for hours |"),
        ({"left": ["chromium --headless"]}, "left over: chromium --headless."),
        ({"runs": {"plan": {"success": 2, "failed": 1}}}, "| plan | 2 success, 1 failed |"),
    ),
)
def test_what_went_wrong_is_on_the_page(facts: dict[str, object], words: str) -> None:
    assert words in markdown(night(**facts), MACHINE, "night.svg")
    assert words not in markdown(night(), MACHINE, "night.svg")


def test_a_look_at_which_it_was_not_ready_is_counted() -> None:
    found = night()
    found.samples[3] = sample(30.0, 0, is_ready=False)
    assert "Ready at 40 of 41 looks." in markdown(found, MACHINE, "night.svg")


def test_everything_is_written_and_the_figures_can_be_had_again(tmp_path: Path) -> None:
    data, page, drawn = write(night(), MACHINE, tmp_path)
    assert (data.name, page.name, drawn.name) == ("night-512.json", "night-512.md", "night-512.svg")
    again = json.loads(data.read_text("utf-8"))
    assert Sample(**again["samples"][-1]) == night().samples[-1]
    assert drawn.read_text("utf-8").startswith("<?xml")
    assert drawn.name in page.read_text("utf-8")
