"""How a run ended, told from how its tasks ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import Ending, Status
from jobs.closing import MOST_REASONS, ending_of, pages_in_words
from scraper.store.runs import EndedTasks

GOOD = EndedTasks("done", "success", None, 7)
LEFT = EndedTasks("done", "partial", "pages put off: quiet please", 1)
MANY_LEFT = EndedTasks("done", "partial", "pages put off: quiet please", 3)
BAD = EndedTasks("done", "failed", "no such table", 1)
HELD = EndedTasks("held", None, "it failed 3 times: ValueError: x", 1)
MANY_HELD = EndedTasks("held", None, "3 workers died at it", 2)
DROPPED = EndedTasks("dropped", None, "the deadline of its run was over", 4)


@pytest.mark.parametrize(
    ("tasks", "reasons", "ending"),
    (
        # Nothing to do is no failure.
        ([], [], Ending(Status.SUCCESS)),
        ([], [None], Ending(Status.SUCCESS)),
        ([], ["memory is short"], Ending(Status.PARTIAL, "memory is short")),
        ([GOOD], [], Ending(Status.SUCCESS)),
        ([GOOD, LEFT], [], Ending(Status.PARTIAL, "pages put off: quiet please")),
        ([MANY_LEFT], [], Ending(Status.PARTIAL, "3 tasks: pages put off: quiet please")),
        ([GOOD, BAD], [], Ending(Status.PARTIAL, "no such table")),
        ([BAD], [], Ending(Status.FAILED, "no such table")),
        ([GOOD, HELD], [], Ending(Status.PARTIAL, "1 task held: it failed 3 times: ValueError: x")),
        ([HELD], [], Ending(Status.FAILED, "1 task held: it failed 3 times: ValueError: x")),
        ([BAD, HELD], [], Ending(Status.FAILED, "no such table; 1 task held: it failed 3 times: ValueError: x")),
        ([LEFT, HELD], [], Ending(Status.PARTIAL, f"{LEFT.reason}; 1 task held: {HELD.reason}")),
        (
            [DROPPED, MANY_HELD],
            [],
            Ending(
                Status.FAILED,
                "4 tasks dropped: the deadline of its run was over; 2 tasks held: 3 workers died at it",
            ),
        ),
        ([GOOD], ["likes: read of 0 of 9"], Ending(Status.PARTIAL, "likes: read of 0 of 9")),
        (
            [GOOD, LEFT],
            ["planned by half", None, "likes"],
            Ending(Status.PARTIAL, f"planned by half; likes; {LEFT.reason}"),
        ),
        (
            [GOOD, EndedTasks("done", "success", "all were known", 2)],
            [],
            Ending(Status.SUCCESS, "2 tasks: all were known"),
        ),
    ),
)
def test_a_run_ends_as_its_tasks_did(tasks: list[EndedTasks], reasons: list[str | None], ending: Ending) -> None:
    assert ending_of(tasks, *reasons) == ending


@pytest.mark.parametrize(
    ("outcomes", "words", "are_most"),
    (
        ({}, None, False),
        ({"ok": 7, "empty": 1}, None, False),
        ({"ok": 7, "timeout": 1, "not_found": 2}, "3 of 10 pages were not read: 2 not_found, 1 timeout", False),
        ({"ok": 1, "blocked": 1}, "1 of 2 pages were not read: 1 blocked", False),
        ({"ok": 1, "blocked": 2}, "2 of 3 pages were not read: 2 blocked", True),
        ({"not_found": 30}, "30 of 30 pages were not read: 30 not_found", True),
    ),
)
def test_pages_that_were_not_read_are_told(outcomes: dict[str, int], words: str | None, are_most: bool) -> None:  # noqa: FBT001 a column
    assert pages_in_words(outcomes) == (words, are_most)


def test_of_many_reasons_some_are_told_and_the_others_counted() -> None:
    tasks = [EndedTasks("held", None, f"reason {n}", 1) for n in range(MOST_REASONS + 3)]
    reason = ending_of(tasks).reason or ""
    assert reason.count("reason ") == MOST_REASONS
    assert reason.endswith("; 3 other reasons")


texts = st.none() | st.text()
endings = st.sampled_from(("success", "partial", "failed"))
ended = st.builds(EndedTasks, st.just("done"), endings, texts, st.integers(1, 9)) | st.builds(
    EndedTasks, st.sampled_from(("held", "dropped")), st.none(), st.text(), st.integers(1, 9)
)


@given(st.lists(ended), st.lists(texts))
def test_only_a_run_of_which_all_was_done_well_is_a_success(
    tasks: list[EndedTasks], reasons: list[str | None]
) -> None:
    ending = ending_of(tasks, *reasons)
    is_good = all(task.state == "done" and task.ending == "success" for task in tasks) and not any(reasons)
    assert (ending.status is Status.SUCCESS) == is_good
    has_any = any(task.state == "done" and task.ending != "failed" for task in tasks)
    assert (ending.status is Status.FAILED) == (bool(tasks) and not has_any)
