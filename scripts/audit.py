"""Whether any locked package has a known hole. Usage: audit.py LOCK.

Exit code 1 if one has. Where the advisories can't be reached it says so, and that nothing was audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said, and the exit code."""

    lines: tuple[str, ...]
    code: int


def judged(found: list[dict[str, Any]]) -> Verdict:
    """What pip-audit found, package by package. Pure."""
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none yet'}"
        for one in found
        for hole in one.get("vulns", ())
    ]
    skipped = [one for one in found if "skip_reason" in one]
    if holes:
        return Verdict(tuple(holes), 1)
    if len(skipped) == len(found):
        return Verdict(("not audited: the advisories can't be reached from here",), 0)
    lines = [f"{len(found) - len(skipped)} packages audited, no known hole"]
    lines += [f"not audited: {one['name']} ({one['skip_reason']})" for one in skipped]
    return Verdict(tuple(lines), 0)


def main(lock: str) -> int:
    """Ask, and say what came of it."""
    command = [sys.executable, "-m", "pip_audit", "-r", lock, "--disable-pip", "--no-deps"]
    try:
        asked = subprocess.run(  # noqa: S603 our own command
            [*command, "--progress-spinner", "off", "--timeout", "10", "-f", "json"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        verdict = judged(json.loads(asked.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        verdict = Verdict(("not audited: the advisories can't be reached from here",), 0)
    for line in verdict.lines:
        print(f"tidegate: {line}")  # noqa: T201 it is what it is for
    return verdict.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
