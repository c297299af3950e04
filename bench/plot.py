"""Plots as SVG. The same figures give the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.measuring import MIB
from bench.night import Night
from bench.roster import LIMIT, TIDEGATE, TITLES
from bench.soak import Course, Window
from bench.summary import Cell

mpl.use("svg")

OWN: Final = "#0b7285"
COLOURS: Final = {
    LIMIT: "#868e96",
    "bare-reused": "#ced4da",
    "bare-fresh": "#adb5bd",
    "crawlee": "#e8590c",
    "crawlee-fixed": "#ffa94d",
    "scrapy-playwright": "#5c940d",
    "crawl4ai": "#862e9c",
    TIDEGATE: OWN,
}
STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tidegate",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def speed_by_limit(found: Sequence[Cell], path: Path, workload: str) -> Path:
    """Right pages/s of each entrant by memory limit; a cross where pages are missing."""
    its = [cell for cell in found if cell.workload == workload]
    limits = list(dict.fromkeys(cell.limit_mib for cell in its))
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
        for name in [name for name in COLOURS if any(cell.entrant == name for cell in its)]:
            line = [(limits.index(cell.limit_mib), cell) for cell in its if cell.entrant == name]
            speeds = [(place, cell.pages_per_second.median or 0.0) for place, cell in line]
            is_own = name == TIDEGATE
            axes.plot(
                *zip(*speeds, strict=True),
                color=COLOURS[name],
                linewidth=2.6 if is_own else 1.5,
                marker="o",
                markersize=5,
                label=TITLES[name],
                zorder=3 if is_own else 2,
            )
            incomplete = [
                (place, cell.pages_per_second.median or 0.0) for place, cell in line if cell.completed < cell.pages
            ]
            if incomplete:
                axes.plot(
                    *zip(*incomplete, strict=True),
                    color=COLOURS[name],
                    linestyle="none",
                    marker="x",
                    markersize=11,
                    markeredgewidth=2,
                    zorder=4,
                )
        axes.set_xticks(range(len(limits)), ["no limit" if limit is None else f"{limit} MiB" for limit in limits])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("right pages/s")
        axes.set_title("A cross: pages were lost, or not read in time", loc="left", fontsize=10)
        axes.grid(axis="y", color="#e9ecef", zorder=0)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
    return path


def soak(course: Course, parts: Sequence[Window], path: Path) -> Path:
    """Speed of each part of the way, and what was held at each sample."""
    with mpl.rc_context(STYLE):
        figure, (speed, held) = plt.subplots(2, figsize=(9, 4.6), sharex=True, layout="constrained")
        middles = [(part.first + part.last) / 2 for part in parts]
        speed.plot(middles, [part.pages_per_second for part in parts], color=OWN, linewidth=2, marker="o")
        speed.set_ylim(bottom=0)
        speed.set_ylabel("pages/s")
        held.plot(
            [sample["pages"] for sample in course.samples],
            [sample["held_bytes"] / MIB for sample in course.samples],
            color=OWN,
            linewidth=0.8,
        )
        held.set_ylim(bottom=0)
        held.set_ylabel("held (PSS), MiB")
        held.set_xlabel("pages")
        for axes in (speed, held):
            axes.grid(axis="y", color="#e9ecef", zorder=0)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
    return path


def night(found: Night, path: Path) -> Path:
    """Memory, how old the last row and the oldest number were, and the speed, over the hours."""
    hours = [sample.seconds / 3600 for sample in found.samples]
    with mpl.rc_context(STYLE):
        figure, (memory, age, speed) = plt.subplots(3, figsize=(9, 6.4), sharex=True, layout="constrained")
        if found.limit_mib is not None:
            memory.axhline(found.limit_mib, color="#868e96", linestyle="--", linewidth=1, label="limit")
        memory.plot(
            hours, [sample.used_bytes / MIB for sample in found.samples], color=OWN, linewidth=0.8, label="used"
        )
        memory.plot(
            hours,
            [sample.anonymous_bytes / MIB for sample in found.samples],
            color="#e8590c",
            linewidth=0.8,
            label="in no file",
        )
        memory.set_ylabel("MiB")
        memory.legend(loc="lower left", frameon=False, ncols=3)
        for name, colour, values in (
            ("longest unread", "#e8590c", [sample.oldest_seconds for sample in found.samples]),
            ("last row", OWN, [sample.newest_seconds for sample in found.samples]),
        ):
            age.plot(
                hours,
                [float("nan") if value is None else value / 60 for value in values],
                color=colour,
                linewidth=0.9,
                label=name,
            )
        age.set_ylabel("age, minutes")
        age.legend(loc="upper left", frameon=False, ncols=2)
        parts = found.parts()
        speed.plot(
            [(part.first_seconds + part.last_seconds) / 7200 for part in parts],
            [part.rows_per_second for part in parts],
            color=OWN,
            linewidth=2,
            marker="o",
        )
        speed.set_ylabel("rows/s at work")
        speed.set_xlabel("hours")
        for axes in (memory, age, speed):
            axes.set_ylim(bottom=0)
            axes.grid(axis="y", color="#e9ecef", zorder=0)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
    return path
