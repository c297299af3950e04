"""Ending processes that we have started: by pid and start time, never by name."""

from __future__ import annotations

import os
import time

import psutil

END_SECONDS = 5.0


def kill(processes: list[psutil.Process]) -> None:
    """Kill exactly these. psutil knows them by pid and start time, so a reused pid is never hit."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def end(processes: list[psutil.Process], *, patience_seconds: float = 1.0) -> None:
    """Give them a moment to end by themselves, then kill them. Blocking."""
    alive = _still_running(processes, patience_seconds)
    kill(alive)
    _still_running(alive, END_SECONDS)


def runs(process: psutil.Process) -> bool:
    """Whether it still does something. One that has ended and was not collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def below(process: psutil.Process | None) -> list[psutil.Process]:
    """It and everything it has started, now."""
    if process is None:
        return []
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def session_of(leader: psutil.Process | None) -> list[psutil.Process]:
    """Everything in the session that `leader` opened, also after it has died and its children have other parents.

    The system gives its number to nobody else while one of them lives.
    """
    if leader is None or (psutil.pid_exists(leader.pid) and not leader.is_running()):
        return []
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader.pid:
                found.append(process)
        except OSError:
            continue
    return found


def _still_running(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended after so long.

    Orphans of Chromium are collected by the first process of the system, in its own time or never: they are not
    waited for.
    """
    until = time.monotonic() + seconds
    while (alive := [process for process in processes if runs(process)]) and time.monotonic() < until:
        time.sleep(0.01)
    return alive
