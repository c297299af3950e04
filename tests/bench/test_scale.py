"""Many machines on one Postgres, on paper: no page is lost, no database more than full, the knee where it must be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import fleet, scale, schedule
from bench.fleet import Measured, Plan, knee, simulate
from bench.micro.figures import Figure, as_json
from jobs import metrics_scraper
from scraper.store.database import Database

MEASURED = Measured(
    pages_per_second=9.0,
    worker_mib=400.0,
    snapshots_per_second={1: 700.0, 2: 900.0, 4: 950.0},
    jobs_per_second={1: 700.0, 2: 1200.0, 4: 1100.0},
    enqueued_per_second=13_000.0,
    due_row_seconds=0.00004,
    snapshot_cpu_seconds=0.0007,
    snapshot_bytes=460.0,
    outcome_bytes=210.0,
    post_bytes=228.0,
    connection_mib=1.6,
    connections_a_worker=7,
)
SLOW_DATABASE = replace(MEASURED, snapshots_per_second={1: 40.0, 2: 50.0, 4: 45.0})
SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
PLANS = (Plan(), Plan(pages_a_claim=50), Plan(databases=3), Plan(pages_a_claim=1, readers=4))

FIGURES = [
    *(Figure(f"store.snapshots_by_{n}", "", "1/s", 500.0 + n) for n in (1, 2, 4)),
    *(Figure(f"queue.done_by_{n}", "", "1/s", 700.0 + n) for n in (1, 2, 4)),
    Figure("queue.enqueued_in_batches", "", "1/s", 13_000.0),
    Figure("store.page_at_last_row", "", "ms", 0.8, 2.0),
    Figure("store.snapshot_server_cpu", "", "µs", 700.0),
    Figure("store.snapshot_bytes", "", "bytes", 460.0),
    Figure("store.outcome_bytes", "", "bytes", 210.0),
    Figure("store.post_bytes", "", "bytes", 228.0),
    Figure("store.connection_memory", "", "MiB", 1.6),
]


def micro(figures: list[Figure]) -> dict[str, Any]:
    return {"machine": {"cores": "2", "system": "Linux"}, "figures": as_json(figures)}


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("machines", (1, 7, 300))
def test_every_page_that_was_claimed_is_read_or_on_its_way(machines: int, plan: Plan) -> None:
    found = simulate(MEASURED, machines, plan=plan)
    assert found.claimed == found.read + found.in_flight
    assert 0 < found.in_flight <= machines * plan.readers * plan.pages_a_claim
    assert found.read > 0


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("measured", (MEASURED, SLOW_DATABASE), ids=("usual", "slow database"))
@pytest.mark.parametrize("machines", (1, 30, 100, 500))
def test_no_database_is_more_than_full_and_no_machine_faster_than_it_was_measured(
    machines: int, measured: Measured, plan: Plan
) -> None:
    found = simulate(measured, machines, plan=plan)
    assert 0 < found.database_busy <= 1 + 1e-9
    # What is drawn varies around its mean, and so does what comes of it.
    assert found.pages_per_second <= 1.05 * machines * measured.pages_per_second
    assert found.pages_per_second <= 1.05 * fleet.most_pages_per_second(measured, plan)


@pytest.mark.parametrize("plan", PLANS[:3], ids=str)
def test_up_to_the_knee_more_machines_give_more(plan: Plan) -> None:
    at = knee(MEASURED, plan)
    totals = [simulate(MEASURED, max(1, round(at * share)), plan=plan).pages_per_second for share in SHARES]
    assert totals == sorted(totals)


@pytest.mark.parametrize("plan", PLANS[:3], ids=str)
@pytest.mark.parametrize("measured", (MEASURED, SLOW_DATABASE), ids=("usual", "slow database"))
def test_the_knee_of_the_simulation_is_where_the_arithmetic_has_it(measured: Measured, plan: Plan) -> None:
    """It is where what one machine does, times their number, meets what the databases can take."""
    expected = knee(measured, plan)
    one = simulate(measured, 1, plan=plan).pages_per_second
    most = simulate(measured, round(expected * 5), plan=plan).pages_per_second
    assert most / one == pytest.approx(expected, rel=0.1)


def test_past_the_knee_more_machines_only_wait_longer() -> None:
    at = round(knee(MEASURED, Plan()))
    before, past, far = (simulate(MEASURED, machines) for machines in (at // 2, at * 2, at * 8))
    assert far.pages_per_second == pytest.approx(past.pages_per_second, rel=0.05)
    assert before.wait_seconds < past.wait_seconds < far.wait_seconds
    assert far.wait_high_seconds >= far.wait_seconds


def test_databases_move_the_knee_in_proportion_and_larger_claims_a_little() -> None:
    assert knee(MEASURED, Plan(databases=4)) == pytest.approx(4 * knee(MEASURED, Plan()))
    assert knee(MEASURED, Plan(pages_a_claim=50)) > knee(MEASURED, Plan())


@pytest.mark.parametrize("machines", (1, 50, 1_000, 10_000))
def test_databases_are_as_many_as_it_takes_and_no_more(machines: int) -> None:
    count = fleet.databases_for(MEASURED, machines, Plan())
    room = fleet.FULL_SHARE * knee(MEASURED, Plan())
    assert count * room >= machines
    assert count == 1 or (count - 1) * room < machines


def test_the_same_seed_gives_the_same_fleet_and_another_seed_another() -> None:
    assert simulate(MEASURED, 20) == simulate(MEASURED, 20)
    assert simulate(MEASURED, 20) != simulate(MEASURED, 20, seed=8)


@pytest.mark.database
async def test_the_schedule_is_the_one_that_the_database_keeps(database: Database) -> None:
    younger = timedelta(0)
    for up_to, pause in schedule.SCHEDULE:
        for age in (younger, min(up_to, timedelta(days=365)) - timedelta(seconds=1)):
            assert await database.pool.fetchval("select reading_interval($1::interval, null)", age) == pause
        younger = up_to


def test_runs_are_as_often_as_the_job_has_them() -> None:
    assert metrics_scraper.SCHEDULE.every == schedule.RUN_EVERY


@pytest.mark.parametrize(
    ("followed_for", "run_every", "reads"),
    (
        (timedelta(hours=1), timedelta(minutes=5), 12),
        (timedelta(hours=1), timedelta(minutes=20), 3),
        (timedelta(hours=6), timedelta(minutes=5), 12 + 20),
        (timedelta(days=30), timedelta(minutes=5), 12 + 20 + 36 + 24 + 44 + 16),
    ),
)
def test_a_post_is_read_as_often_as_the_schedule_and_the_runs_allow(
    followed_for: timedelta, run_every: timedelta, reads: int
) -> None:
    assert schedule.reads_of_a_post(followed_for, run_every) == reads


def test_the_page_has_the_knee_and_a_row_for_every_size_of_fleet() -> None:
    page = scale.document(micro(FIGURES), pages_per_second=9.0, worker_mib=400.0, machines=(1, 10, 100))
    measured = Measured.of(FIGURES, pages_per_second=9.0, worker_mib=400.0, rows_a_page=20, connections_a_worker=7)
    assert f"**{knee(measured, Plan()):,.0f} machines**" in page
    for start in ("| 1 |", "| 10 |", "| 100 |"):
        assert page.count(f"\n{start}") == 5
    assert "nan" not in page
    assert page == scale.document(micro(FIGURES), pages_per_second=9.0, worker_mib=400.0, machines=(1, 10, 100))


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    page = scale.document(micro(FIGURES), pages_per_second=9.0, worker_mib=400.0, machines=(1, 10))
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 7
    for head, *rows in tables:
        assert {row.count("|") for row in rows} == {head.count("|")}


def test_a_figure_that_was_not_measured_is_named() -> None:
    without = [figure for figure in FIGURES if figure.key != "queue.done_by_2"]
    with pytest.raises(fleet.FigureMissing, match=r"queue\.done_by_2 was not measured"):
        scale.document(micro(without), pages_per_second=9.0, worker_mib=400.0)


def test_the_page_is_written_from_the_figures_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whole fleets are simulated above.
    monkeypatch.setattr(fleet, "simulate", lambda measured, _, *, plan: simulate(measured, 1, plan=plan))
    figures, page = tmp_path / "micro.json", tmp_path / "scale.md"
    figures.write_text(json.dumps(micro(FIGURES)), encoding="utf-8")
    assert scale.write(page, figures=figures, pages_per_second=9.0, worker_mib=400.0) == page
    assert page.read_text(encoding="utf-8").startswith("# Scale, on paper\n")
