from __future__ import annotations

from dataclasses import replace

import pytest

from bench.comparison import Setting, usual_limits
from bench.measuring import Course, Plan, Run
from bench.roster import LIMIT, TIDEGATE, chosen
from bench.summary import Spread, cells

PLAN = Plan(TIDEGATE, "heavy", None, 0, 100, 120.0)
RUN = Run(
    plan=PLAN,
    completed=100,
    wrong=0,
    lost=0,
    unfinished=0,
    seconds=12.0,
    first_page_seconds=1.0,
    pages_per_second=10.0,
    cpu_seconds=20.0,
    peak_bytes=400,
    used_peak_bytes=300,
    limit_hits=2,
    oom_kills=0,
    left_processes=0,
    ended="exit 0",
)


def run(entrant: str, number: int, speed: float, *, limit_mib: int | None = None, completed: int = 100) -> Run:
    plan = replace(PLAN, entrant=entrant, round=number, limit_mib=limit_mib)
    return replace(RUN, plan=plan, pages_per_second=speed, completed=completed, lost=100 - completed)


def test_a_ratio_compares_runs_of_the_same_round_only() -> None:
    # The machine was three times slower in the second round: ratios do not care.
    runs = [run(TIDEGATE, 0, 9.0), run(LIMIT, 0, 12.0), run(TIDEGATE, 1, 3.0), run(LIMIT, 1, 4.0)]
    own, limit = cells(runs)
    assert limit.tidegate_over_it == Spread(0.75, 0.75, 0.75)
    assert own.tidegate_over_it == Spread(1, 1, 1)
    assert own.pages_per_second == Spread(6, 3, 9)


def test_the_share_of_its_own_speed_is_against_its_own_run_without_a_limit() -> None:
    runs = [run(TIDEGATE, 0, 10.0), run(TIDEGATE, 0, 8.0, limit_mib=256), run(LIMIT, 0, 5.0, limit_mib=256)]
    _, own, other = cells(runs)
    assert own.of_own_speed.median == pytest.approx(0.8)
    assert other.of_own_speed == Spread(None, None, None)


def test_pages_and_kills_are_added_up_and_what_nobody_knows_stays_unknown() -> None:
    unknown = replace(run(LIMIT, 1, 0.0, completed=0), oom_kills=None, peak_bytes=None, cpu_seconds=None)
    killed = replace(run(LIMIT, 0, 4.0, completed=40), oom_kills=3)
    (cell,) = cells([killed, unknown])
    assert (cell.pages, cell.completed, cell.lost, cell.oom_kills) == (200, 40, 160, 3)
    assert cell.peak_bytes == Spread(400, 400, 400)
    assert cell.cpu_seconds_a_page.median == pytest.approx(0.5)
    (cell,) = cells([unknown])
    assert (cell.oom_kills, cell.peak_bytes) == (None, Spread(None, None, None))
    assert cell.tidegate_over_it == Spread(None, None, None)


def test_one_that_reads_nothing_has_no_ratio_and_no_cpu_a_page() -> None:
    _, nothing = cells([run(TIDEGATE, 0, 9.0), run(LIMIT, 0, 0.0, completed=0)])
    assert nothing.tidegate_over_it.median is None
    assert nothing.cpu_seconds_a_page.median is None


def test_speed_counts_from_the_first_page_of_each_worker_to_the_last_that_was_told() -> None:
    course = Course(right={0: 2.0, 1: 3.0, 2: 4.0}, last=4.0)
    assert course.pages_per_second(tried=3, workers=1, seconds=9.0) == pytest.approx(1.0)
    course = Course(right={0: 2.0, 1: 3.0}, given_up={2}, last=6.0)
    assert course.pages_per_second(tried=3, workers=1, seconds=9.0) == pytest.approx(0.25)


def test_when_the_first_page_is_there_the_other_workers_are_nearly_done_with_theirs() -> None:
    # Two workers, a page a second each.
    course = Course(right={index: 1 + index // 2 for index in range(20)}, last=10.0)
    assert course.pages_per_second(tried=20, workers=2, seconds=12.0) == pytest.approx(2.0)


def test_speed_counts_to_the_end_where_pages_are_missing() -> None:
    course = Course(right={0: 2.0, 1: 3.0}, last=3.0)
    assert course.pages_per_second(tried=100, workers=1, seconds=12.0) == pytest.approx(0.1)
    assert Course().pages_per_second(tried=100, workers=1, seconds=12.0) == 0


def test_a_page_that_is_told_twice_counts_once() -> None:
    course = Course()
    course.note(0, [{}], is_right=False)
    course.note(0, [{}], is_right=True)
    course.note(1, None, is_right=False)
    course.note(1, [{}], is_right=True)
    assert (len(course.right), course.wrong, course.given_up, course.told) == (0, {0}, {1}, 2)


def test_in_each_round_everybody_runs_everywhere_in_another_order() -> None:
    entrants = tuple(chosen([TIDEGATE, LIMIT, "bare-fresh"]))
    setting = Setting(entrants, usual_limits(["heavy", "light"], [None, 320]), rounds=2, pages_share=0.5)
    plans = setting.plans()
    assert len(plans) == len(set(plans)) == 2 * 2 * 2 * 3
    orders = [tuple(plan.entrant for plan in plans[start : start + 3]) for start in range(0, len(plans), 3)]
    assert all(set(order) == {TIDEGATE, LIMIT, "bare-fresh"} for order in orders)
    assert len(set(orders)) > 2
    assert setting.plans() == plans
    assert {plan.pages for plan in plans if plan.workload == "heavy"} == {50}


@pytest.mark.parametrize("name", ("heavier", ""))
def test_a_kind_of_pages_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        usual_limits([name], [])
