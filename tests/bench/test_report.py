from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import report, soak
from bench.comparison import Missing
from bench.measuring import Plan, Run
from bench.micro import Figure, Micro, NotMeasurable
from bench.micro import Missing as MissingPart
from bench.report import Results, markdown, of_one_worker
from bench.roster import LIMIT, TIDEGATE
from bench.soak import Course

MACHINE = {"cores": "2", "command": "python -m bench"}
MIB = 1 << 20


def run(entrant: str, limit_mib: int | None, speed: float, completed: int = 100) -> Run:
    return Run(
        plan=Plan(entrant, "heavy", limit_mib, 0, 100, 120.0),
        completed=completed,
        wrong=0,
        lost=100 - completed,
        unfinished=0,
        seconds=12.0,
        first_page_seconds=1.5,
        pages_per_second=speed,
        cpu_seconds=20.0,
        peak_bytes=400 * MIB,
        used_peak_bytes=300 * MIB,
        limit_hits=2,
        oom_kills=0 if completed == 100 else 3,
        left_processes=0,
        ended="exit 0" if completed == 100 else "exit 1",
        last_words="" if completed == 100 else "Traceback\nError: it | died `here`\n",
    )


RESULTS = Results(
    MACHINE,
    (Missing("crawl4ai", "no network"),),
    (
        run(TIDEGATE, None, 9.0),
        run(LIMIT, None, 12.0),
        run(TIDEGATE, 320, 8.0),
        run(LIMIT, 320, 4.0, completed=40),
    ),
)


def test_results_are_the_same_after_they_were_written_and_loaded(tmp_path: Path) -> None:
    written = report.write(RESULTS, tmp_path)
    assert [path.name for path in written] == ["results.json", "results.md", "heavy.svg"]
    assert report.load(tmp_path) == RESULTS


def test_the_page_says_where_another_is_better_and_what_is_missing() -> None:
    page = markdown(RESULTS)
    assert "Not measured: crawl4ai: no network" in page
    assert "| heavy | no limit | bare CDP, page reused | pages/s |" in page
    assert "| Tidegate | 9.0 | 8.0 |" in page
    assert "| bare CDP, page reused | 12.0 | 4.0 (60%) |" in page
    assert "| bare CDP, page reused | heavy | 320 MiB | exit 1: `Error: it / died 'here'` |" in page


def test_nobody_is_said_to_be_better_who_lost_pages_or_is_as_good() -> None:
    runs = (run(TIDEGATE, None, 9.0), run(LIMIT, None, 9.3), run(TIDEGATE, 320, 8.0), run(LIMIT, 320, 12.0, 99))
    assert "Nowhere." in markdown(replace(RESULTS, runs=runs))


def test_every_table_is_rectangular() -> None:
    for block in markdown(RESULTS).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_a_plot_is_the_same_for_the_same_figures_and_names_everyone(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    report.write(RESULTS, one)
    report.write(RESULTS, other)
    drawn = (one / "heavy.svg").read_text()
    assert drawn == (other / "heavy.svg").read_text()
    for words in ("Tidegate", "bare CDP, page reused", "no limit", "320 MiB"):
        assert f">{words}</text>" in drawn


def test_one_worker_is_tidegate_without_a_limit() -> None:
    assert of_one_worker(RESULTS) == (9.0, 300 * MIB)
    with pytest.raises(NotMeasurable):
        of_one_worker(replace(RESULTS, runs=RESULTS.runs[1:]))


def test_micro_figures_are_written_with_what_could_not_be_measured(tmp_path: Path) -> None:
    measured = Micro((Figure("gate.reading", "a reading", "µs", 68.4, 96.2),), (MissingPart("queue", "no Postgres"),))
    data, page = report.write_micro(measured, MACHINE, tmp_path)
    assert json.loads(data.read_text())["figures"][0]["value"] == 68.4
    assert "| a reading | 68.4 µs | 96.2 µs |  |" in page.read_text()
    assert "Not measured: queue: no Postgres" in page.read_text()


def course(pages: int) -> Course:
    samples = [
        {
            "seconds": float(second),
            "pages": float(min(second * 10, pages)),
            "held_bytes": 400.0 * MIB,
            "processes": 7.0,
        }
        for second in range(pages // 10 + 1)
    ]
    return Course(samples, {"descriptors": (9, 9)}, {"browser_launches": 2})


def test_a_soak_is_cut_into_windows_of_equal_length() -> None:
    parts = soak.windows(course(1000), 1000, number=4)
    assert [(part.first, part.last) for part in parts] == [(0, 250), (250, 500), (500, 750), (750, 1000)]
    assert {round(part.pages_per_second, 6) for part in parts} == {10}
    assert {part.held_bytes for part in parts} == {400 * MIB}


def test_a_soak_that_is_too_short_for_windows_says_so() -> None:
    done = replace(run("soak", 320, 10.0), plan=Plan("soak", "heavy", 320, 0, 10, 600.0))
    page = soak.markdown(done, Course(), MACHINE, "soak.svg")
    assert "Too short to be cut into parts." in page
    assert "| pages | pages/s |" not in page


def test_a_soak_writes_what_was_left_over(tmp_path: Path) -> None:
    done = replace(run("soak", 320, 10.0), plan=Plan("soak", "heavy", 320, 0, 1000, 600.0))
    data, page, drawn = soak.write(done, course(1000), MACHINE, tmp_path)
    assert (data.name, page.name, drawn.name) == ("soak-320.json", "soak-320.md", "soak-320.svg")
    assert "| descriptors | 9 | 9 |" in page.read_text()
    assert "speed 1.00, memory 1.00" in page.read_text()
    assert "</svg>" in drawn.read_text()
