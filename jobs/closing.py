"""How a run ended, told from how its tasks ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jobs.job import Ending, Status
from scraper.outcome import Outcome
from scraper.store.runs import EndedTasks

MOST_REASONS: Final = 5
READ: Final = frozenset({Outcome.OK, Outcome.EMPTY})


def pages_in_words(outcomes: Mapping[str, int]) -> tuple[str | None, bool]:
    """What pages were that were not read, "3 of 40 pages were not read: 2 timeout, …", and whether most are."""
    unread = {outcome: pages for outcome, pages in outcomes.items() if outcome not in READ}
    total, missed = sum(outcomes.values()), sum(unread.values())
    if not missed:
        return None, False
    told = ", ".join(f"{pages} {outcome}" for outcome, pages in sorted(unread.items(), key=lambda one: -one[1]))
    return f"{missed} of {total} pages were not read: {told}", 2 * missed > total


def ending_of(tasks: Sequence[EndedTasks], *reasons: str | None) -> Ending:
    """The ending of a run whose tasks are all over; `reasons` say what else is left or was found.

    It failed if there were tasks and none of them came to anything; it is partial if one did not, or something is
    left.
    """
    has_any = any(task.state == "done" and task.ending != Status.FAILED for task in tasks)
    said = [reason for reason in reasons if reason]
    is_partial = bool(said) or any(task.ending != Status.SUCCESS for task in tasks)
    told = [_in_words(task) for task in tasks if task.reason is not None or task.state != "done"]
    if len(told) > MOST_REASONS:
        told = [*told[:MOST_REASONS], f"{len(told) - MOST_REASONS} other reasons"]
    reason = "; ".join([*said, *told]) or None
    if tasks and not has_any:
        return Ending(Status.FAILED, reason)
    return Ending(Status.PARTIAL if is_partial else Status.SUCCESS, reason)


def _in_words(task: EndedTasks) -> str:
    many = f"{task.tasks} tasks" if task.tasks > 1 else "1 task"
    if task.state == "done":
        return f"{many}: {task.reason}" if task.tasks > 1 else str(task.reason)
    return f"{many} {task.state}: {task.reason}"
