"""What a long run came to, as JSON, as a page, and as a plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from bench import report
from bench.markdown import table
from bench.measuring import MIB
from bench.night import DUE_AGAIN, Night, Part
from bench.workloads import LEAK_MB

HOUR: Final = 3600
SETTLED: Final = 2
"""So many parts of ten it takes at most until everything that is kept is there."""


def write(found: Night, machine: dict[str, str], folder: Path = report.FOLDER) -> list[Path]:
    """Write all three."""
    from bench import plot  # noqa: PLC0415, matplotlib is only needed to draw

    folder.mkdir(parents=True, exist_ok=True)
    name = "night" if found.limit_mib is None else f"night-{found.limit_mib}"
    data, page, drawn = (folder / f"{name}.{kind}" for kind in ("json", "md", "svg"))
    data.write_text(json.dumps({"machine": machine, **found.as_json()}, indent=1) + "\n", "utf-8")
    page.write_text(markdown(found, machine, drawn.name), "utf-8")
    plot.night(found, drawn)
    return [data, page, drawn]


def markdown(found: Night, machine: dict[str, str], drawing: str) -> str:
    """The page."""
    limit = report.limit_words(found.limit_mib)
    parts = [
        f"# A long night: {found.seconds / HOUR:.1f} hours on a site that leaks, {limit}",
        f"Written by `{machine['command']}`.",
        table(["", ""], [[name, value] for name, value in machine.items()]),
        _setting(found),
        f"![Memory, age of what is stored, and speed over the hours]({drawing})",
        table(
            ["rows", "wrong", "twice", "posts never read", "pages not ok", "OOM kills", "alarms"],
            [
                [
                    str(found.rows),
                    str(found.wrong),
                    str(found.doubled),
                    str(found.never_read),
                    _others(found.outcomes),
                    report.count(found.oom_kills),
                    "; ".join(found.alarms) or "0",
                ]
            ],
        ),
        _parts(found.parts()),
        _end(found),
        table(
            ["job", "runs"],
            [
                [job, ", ".join(f"{number} {status}" for status, number in counts.items())]
                for job, counts in found.runs.items()
            ],
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _setting(found: Night) -> str:
    return (
        "`tidegate serve` with the embedded database and all jobs in one memory cgroup. Each page leaks "
        f"{LEAK_MB} MB a visit. {found.posts} posts are followed, each as one less than an hour old: it is due "
        f"{DUE_AGAIN.total_seconds() / 60:.0f} minutes after it was read (the posts of the site are older, so their "
        "due time is brought forward from outside)."
    )


def _others(outcomes: dict[str, int]) -> str:
    others = {outcome: number for outcome, number in outcomes.items() if outcome != "ok"}
    return ", ".join(f"{number} {outcome}" for outcome, number in others.items()) or "0"


def _parts(parts: list[Part]) -> str:
    if not parts:
        return "Too short to be cut into parts."
    shown = table(
        [
            "minutes",
            "rows",
            "rows/s at work",
            "used, MiB",
            "in no file, MiB",
            "last row, at most",
            "longest unread",
            "processes",
            "fds",
        ],
        [
            [
                f"{part.first_seconds / 60:.0f} to {part.last_seconds / 60:.0f}",
                str(part.rows),
                f"{part.rows_per_second:.1f}",
                f"{part.used_bytes / MIB:.0f}",
                f"{part.anonymous_bytes / MIB:.0f}",
                f"{part.newest_seconds:.0f} s",
                f"{part.oldest_seconds / 60:.1f} min",
                f"{part.processes:.0f}",
                f"{part.descriptors:.0f}",
            ]
            for part in parts
        ],
    )
    if len(parts) <= SETTLED:
        return shown
    early, late = parts[SETTLED - 1], parts[-1]
    if not early.rows_per_second:
        return shown
    speed, memory = late.rows_per_second / early.rows_per_second, late.anonymous_bytes / early.anonymous_bytes
    compared = f"The last part over the second: speed {speed:.2f}, memory in no file {memory:.2f}."
    return (
        f"{shown}\n\n{compared} Most of the file descriptors are files of tables that Postgres keeps open; their "
        "number goes up and down, and has a bound."
    )


def _end(found: Night) -> str:
    unready = sum(not sample.is_ready for sample in found.samples)
    peak = report.UNKNOWN if found.peak_bytes is None else f"{found.peak_bytes / MIB:.0f} MiB"
    cores = "" if found.cpu_seconds is None else f" It took {found.cpu_seconds / found.seconds:.2f} cores."
    return (
        f"Ready at {len(found.samples) - unready} of {len(found.samples)} looks. At its fullest {peak}, page cache "
        f"included, {report.count(found.limit_hits)} times at the limit.{cores} SIGTERM: exit code {found.exit_code} "
        f"after {found.drain_seconds:.1f} s; left over: {', '.join(found.left) or 'nothing'}."
    )
