"""How a run ended, told from how its tasks ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jobs.job import Ending, Status
from scraper.store.runs import EndedTasks

MOST_REASONS: Final = 5


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
