"""One check can't keep the others from being made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rich.console import Console

from tidegate.doctor.examination import Look, rows_of
from tidegate.doctor.finding import Finding, Row, Verdict, good, note, worst
from tidegate.doctor.view import as_dict, show_row, show_sum

AMPLE_SECONDS = 30.0


def fine(_: Any) -> Finding:
    return good("fine")


async def test_a_look_that_breaks_is_a_failure_of_its_first_check_and_the_others_say_so() -> None:
    async def breaks() -> object:
        raise RuntimeError("out of order")

    first, second = await rows_of(Look("", AMPLE_SECONDS, breaks, {"first": fine, "second": fine}))
    assert (first.check, first.finding.verdict) == ("first", Verdict.FAILURE)
    assert "RuntimeError: out of order" in first.finding.found
    assert (second.check, second.finding.verdict) == ("second", Verdict.NOTE)
    assert "`first`" in second.finding.found


async def test_a_judge_that_breaks_is_a_failure_as_well() -> None:
    async def looks() -> object:
        return None

    def breaks(_: Any) -> Finding:
        raise KeyError("what")

    [row] = await rows_of(Look("", AMPLE_SECONDS, looks, {"first": breaks}))
    assert row.finding.verdict is Verdict.FAILURE


async def test_a_look_that_hangs_is_given_up() -> None:
    async def hangs() -> object:
        return await asyncio.get_running_loop().create_future()

    [row] = await rows_of(Look("", 0.05, hangs, {"first": fine}))
    assert (row.finding.verdict, row.finding.found) == (Verdict.FAILURE, "no answer in 0.05 s")


async def test_an_end_from_outside_goes_through() -> None:
    async def hangs() -> object:
        return await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(rows_of(Look("", AMPLE_SECONDS, hangs, {"first": fine})))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


FAILED = Finding(Verdict.FAILURE, "\x1b[31mred [bold]words[/bold]", "do this", ("and more",))
ROWS = [
    Row("one", good("fine")),
    Row("two", note("so so")),
    Row("three", FAILED),
    Row("remote", FAILED, {}, "ws://h"),
]


def test_the_worst_of_them_is_the_verdict() -> None:
    assert worst(ROWS) is Verdict.FAILURE
    assert worst(ROWS[:2]) is Verdict.NOTE
    assert worst(ROWS[:1]) is Verdict.GOOD


def test_a_person_sees_marks_advice_and_the_sum_and_what_others_wrote_commands_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console(width=60, highlight=False)
    for row in ROWS:
        show_row(row, console)
    show_sum(ROWS, console)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ok", "one", "fine"]
    assert lines[2].split(maxsplit=2) == ["FAIL", "three", "[31mred [bold]words[/bold]"]
    assert [line.strip() for line in lines[3:5]] == ["and more", "> do this"]
    assert lines[-1] == "2 of 4 checks failed: three, remote ws://h. 1 note."
    assert "\x1b" not in "".join(lines)


def test_a_line_that_is_too_long_goes_on_below_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    show_row(Row("one", good("word " * 30)), Console(width=60, highlight=False))
    first, *others = capsys.readouterr().out.splitlines()
    assert len(others) > 1
    assert {len(line) - len(line.lstrip()) for line in others} == {first.index("word")}
    assert not [line for line in (first, *others) if line != line.rstrip()]


def test_as_json_browsers_elsewhere_are_a_list_and_the_rest_has_names() -> None:
    answer = as_dict(ROWS)
    assert (answer["verdict"], answer["failures"]) == ("failure", ["three", "remote ws://h"])
    assert list(answer["checks"]) == ["one", "two", "three"]
    assert answer["checks"]["one"]["advice"] is None
    assert [one["endpoint"] for one in answer["browsers"]] == ["ws://h"]
