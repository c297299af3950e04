"""Chromium's sandbox: whether it is on, as the kernel sees it, and what of this system forbids it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tidegate.doctor.finding import Finding, good, note

FORBIDDING = {
    "user.max_user_namespaces": "0",
    "kernel.unprivileged_userns_clone": "0",
    "kernel.apparmor_restrict_unprivileged_userns": "1",
}
"""Settings of the kernel, and the value of each that keeps a user from making namespaces."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """How the kernel confines a process more than us: system call filters, and process id namespaces within ours."""

    filters: int
    namespaces: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What decides over it, and what it came to.

    `refusals` are settings that forbid user namespaces; `is_filtered` is whether we are under a system call filter
    ourselves, as in a container. `is_on` is what the browser was launched with, `page` how the process of its page is
    confined; None where that is not known.
    """

    is_root: bool
    refusals: tuple[str, ...] = ()
    is_filtered: bool = False
    is_on: bool | None = None
    page: Confinement | None = None


def look_at_sandbox(root: Path = Path("/")) -> Sandbox:
    """What of this system decides over it. Blocking, for a moment."""
    values = {name: _setting(root, name) for name in FORBIDDING}
    refusals = tuple(f"{name}={value}" for name, value in values.items() if value == FORBIDDING[name])
    own = _status(root, str(os.getpid())) or {}
    return Sandbox(sys.platform == "linux" and os.geteuid() == 0, refusals, own.get("Seccomp", "0") != "0")


def confinement_of(pid: int, root: Path = Path("/")) -> Confinement | None:
    """From `/proc/PID/status`, which anybody may read; None where there is none."""
    theirs, ours = _status(root, str(pid)), _status(root, str(os.getpid()))
    if theirs is None or ours is None:
        return None
    filters = [int(rows.get("Seccomp_filters", "0")) for rows in (theirs, ours)]
    namespaces = [len(rows.get("NSpid", "").split()) for rows in (theirs, ours)]
    return Confinement(max(0, filters[0] - filters[1]), max(0, namespaces[0] - namespaces[1]))


def _setting(root: Path, name: str) -> str | None:
    try:
        return (root / "proc/sys" / name.replace(".", "/")).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _status(root: Path, pid: str) -> dict[str, str] | None:
    try:
        text = (root / "proc" / pid / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def judge_sandbox(facts: Sandbox) -> Finding:
    """On is good; off works, and a page that breaks out of Chromium is not held by anything of it."""
    if facts.is_on is None:
        return _expected(facts)
    if not facts.is_on:
        return note(f"off: {_why_not(facts)}", _advice(facts))
    if facts.page is None:
        return good("on, says Chromium; how its pages are confined can't be seen here")
    if not facts.page.filters and not facts.page.namespaces:
        return note(
            "Chromium was started with it, and the process of its page is not confined by the kernel",
            "Take it for off, and tell us what system this is.",
        )
    return good(
        f"on: the kernel confines the process of the page by {facts.page.filters} system call filters and "
        f"{facts.page.namespaces} namespaces more than this one"
    )


def _expected(facts: Sandbox) -> Finding:
    """No browser has started, so this is what can be said without."""
    if facts.is_root or facts.refusals:
        return note(f"would be off: {_why_not(facts)}", _advice(facts))
    return note("not known: no browser has started")


def _why_not(facts: Sandbox) -> str:
    if facts.is_root:
        return "Chromium refuses its sandbox to root"
    if facts.refusals:
        return f"this system forbids user namespaces ({', '.join(facts.refusals)})"
    if facts.is_filtered:
        return "user namespaces are forbidden, it seems by the seccomp profile of the container"
    return "this system forbids user namespaces"


def _advice(facts: Sandbox) -> str:
    if facts.is_root:
        return "Run Tidegate as another user: `USER` in the image, or `--user` of the container."
    if facts.refusals:
        return "Have the system allow them (`sysctl`), or accept that pages run without a sandbox."
    return (
        "Start the container with a seccomp profile that allows clone and unshare to make user namespaces, or accept "
        "that pages run without a sandbox."
    )
