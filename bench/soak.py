"""`make soak-pool`: many pages in one pool. Is it as fast at the end, does it hold as much, and what is left over?

The pool runs in a process and a memory cgroup of its own, the site outside of it.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import report
from bench.markdown import table
from bench.measuring import MIB, Plan, Run, measure
from bench.roster import Entrant
from bench.workloads import POSTS, SEED, WORKLOADS
from tidegate.demo import DemoSite

PAGES: Final = 5000
WINDOWS: Final = 10
SECONDS_A_PAGE: Final = 2.0
"""So slow a run is given up."""
SOAK: Final = Entrant("soak", "Tidegate, one pool", "soak")


@dataclass(slots=True)
class Course:
    """What a soak said of itself. `left` is (before, after) by what it is; `pages_at` when each page was done."""

    samples: list[dict[str, float]] = field(default_factory=list)
    left: dict[str, tuple[int, int]] = field(default_factory=dict)
    pool: dict[str, int] = field(default_factory=dict)

    def hear(self, said: dict[str, Any]) -> None:
        """One line that is not a page."""
        if "sample" in said:
            self.samples.append(said["sample"])
        else:
            self.left = {name: (before, after) for name, (before, after) in said["left"].items()}
            self.pool = said["pool"]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the way: from page `first` to page `last`."""

    first: int
    last: int
    pages_per_second: float
    held_bytes: float


async def soak(pages: int, limit_mib: int | None, tell: Callable[[int], None]) -> tuple[Run, Course]:
    """Run it; `tell` gets the number of pages with each sample."""
    course = Course()

    def hear(said: dict[str, Any]) -> None:
        course.hear(said)
        if course.samples:
            tell(int(course.samples[-1]["pages"]))

    plan = Plan(SOAK.name, WORKLOADS[0].name, limit_mib, 0, pages, pages * SECONDS_A_PAGE)
    async with DemoSite(seed=SEED, posts=POSTS) as site:
        return await measure(plan, SOAK, WORKLOADS[0], site, hear), course


def windows(course: Course, pages: int, number: int = WINDOWS) -> list[Window]:
    """The way cut into equal parts by pages, with the speed of each and the median of what was held meanwhile."""
    edges = [pages * index // number for index in range(number + 1)]
    found = []
    for first, last in itertools.pairwise(edges):
        its = [sample for sample in course.samples if first <= sample["pages"] <= last]
        if len(its) > 1 and its[-1]["seconds"] > its[0]["seconds"]:
            speed = (its[-1]["pages"] - its[0]["pages"]) / (its[-1]["seconds"] - its[0]["seconds"])
            found.append(Window(first, last, speed, statistics.median(sample["held_bytes"] for sample in its)))
    return found


def write(run: Run, course: Course, machine: dict[str, str], folder: Path = report.FOLDER) -> list[Path]:
    """Write JSON, Markdown and plot."""
    from bench import plot  # noqa: PLC0415, matplotlib is only needed to draw

    folder.mkdir(parents=True, exist_ok=True)
    name = "soak" if run.plan.limit_mib is None else f"soak-{run.plan.limit_mib}"
    data, table, drawn = (folder / f"{name}.{kind}" for kind in ("json", "md", "svg"))
    said = {"machine": machine, "run": asdict(run), **asdict(course)}
    data.write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    table.write_text(markdown(run, course, machine, drawn.name), "utf-8")
    plot.soak(course, windows(course, run.plan.pages), drawn)
    return [data, table, drawn]


def markdown(run: Run, course: Course, machine: dict[str, str], drawing: str) -> str:
    """Tables of a soak."""
    parts_of_way = windows(course, run.plan.pages)
    parts = [
        f"# Soak: {run.plan.pages} heavy pages in one pool, {report.limit_words(run.plan.limit_mib)}",
        f"Written by `{machine['command']}`.",
        table(["", ""], [[name, value] for name, value in machine.items()]),
        f"![Speed and memory over the pages]({drawing})",
        table(
            ["right", "wrong", "lost", "out of time", "seconds", "pages/s", "peak, MiB", "OOM kills", "ended"],
            [
                [
                    f"{run.completed} of {run.plan.pages}",
                    *(str(count) for count in (run.wrong, run.lost, run.unfinished)),
                    f"{run.seconds:.0f}",
                    f"{run.pages_per_second:.1f}",
                    report.UNKNOWN if run.peak_bytes is None else f"{run.peak_bytes / MIB:.0f}",
                    report.count(run.oom_kills),
                    run.ended,
                ]
            ],
        ),
        table(["pages", "pages/s", "held (PSS), MiB"], [_row(part) for part in parts_of_way])
        if parts_of_way
        else "Too short to be cut into parts.",
    ]
    parts.append(
        "Held is what the process and its browser have by their share of each page of memory, those of their "
        "programs too. Programs that were in the page cache before count against no limit, so the peak of a cgroup "
        "can be less."
    )
    if len(parts_of_way) > 2:
        early, late = parts_of_way[1], parts_of_way[-1]
        parts.append(
            f"The last part over the second: speed {late.pages_per_second / early.pages_per_second:.2f}, "
            f"memory {late.held_bytes / early.held_bytes:.2f}."
        )
    parts.append(
        table(
            ["left over", "before", "after"],
            [[name.replace("_", " "), str(before), str(after)] for name, (before, after) in course.left.items()],
        )
    )
    parts.append("Threads that are left are those in which asyncio reads files; they end with the process.")
    parts.append(
        table(["the pool", ""], [[name.replace("_", " "), str(count)] for name, count in course.pool.items()])
    )
    return "\n\n".join(parts) + "\n"


def _row(part: Window) -> list[str]:
    return [f"{part.first} to {part.last}", f"{part.pages_per_second:.1f}", f"{part.held_bytes / MIB:.0f}"]
