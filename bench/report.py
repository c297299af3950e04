"""What the comparison writes into `docs/benchmarks/`: every run as JSON, tables as Markdown, and plots as SVG.

No figure in them is typed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.comparison import Missing
from bench.markdown import about, table
from bench.measuring import MIB, Plan, Run
from bench.micro import Figure, Micro, NotMeasurable, as_json
from bench.roster import TIDEGATE, TITLES
from bench.summary import Cell, Spread, cells
from bench.workloads import WORKLOADS

FOLDER: Final = Path(__file__).parent.parent / "docs" / "benchmarks"
WORDS: Final = 300
UNKNOWN: Final = "?"
BETTER_BY: Final = 1.05
"""By so much another has to be ahead of Tidegate before it is said to be."""


@dataclass(frozen=True, slots=True)
class Results:
    """One comparison: where it ran, what could not be measured, and every run."""

    machine: dict[str, str]
    missing: tuple[Missing, ...]
    runs: tuple[Run, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "machine": self.machine,
            "missing": [asdict(missing) for missing in self.missing],
            "runs": [asdict(run) for run in self.runs],
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Results:
        """What `as_json` gave."""
        return cls(
            said["machine"],
            tuple(Missing(**missing) for missing in said["missing"]),
            tuple(Run(**{**run, "plan": Plan(**run["plan"])}) for run in said["runs"]),
        )


def load(folder: Path = FOLDER) -> Results:
    """The comparison that was written last. Raises `FileNotFoundError`."""
    return Results.from_json(json.loads((folder / "results.json").read_text("utf-8")))


def write(results: Results, folder: Path = FOLDER) -> list[Path]:
    """Write JSON, Markdown and plots; gives what was written."""
    from bench import plot  # noqa: PLC0415, matplotlib is only needed to draw

    folder.mkdir(parents=True, exist_ok=True)
    data, table = folder / "results.json", folder / "results.md"
    data.write_text(json.dumps(results.as_json(), indent=1) + "\n", "utf-8")
    table.write_text(markdown(results), "utf-8")
    found = cells(results.runs)
    drawn = [plot.speed_by_limit(found, folder / f"{name}.svg", name) for name in _workloads(found)]
    return [data, table, *drawn]


def of_one_worker(results: Results) -> tuple[float, float]:
    """Pages/s of Tidegate over heavy pages without a limit, and the bytes that it held at most. Medians.

    Raises `NotMeasurable` where that was not in the comparison.
    """
    for cell in cells(results.runs):
        if (cell.entrant, cell.workload, cell.limit_mib) == (TIDEGATE, WORKLOADS[0].name, None):
            speed, held = cell.pages_per_second.median, cell.used_peak_bytes.median
            if speed is None or held is None:
                raise NotMeasurable("what one worker holds is known in a memory cgroup only")
            return speed, held
    raise NotMeasurable("what one worker does without a limit is not in results.json")


def write_micro(measured: Micro, machine: dict[str, str], folder: Path = FOLDER) -> list[Path]:
    """Write the micro figures as JSON and Markdown; gives what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "micro.json", folder / "micro.md"
    missing = [asdict(part) for part in measured.missing]
    said = {"machine": machine, "missing": missing, "figures": as_json(measured.figures)}
    data.write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    rows = [
        [figure.title, f"{_about(figure.value)} {figure.unit}", _high(figure), figure.note]
        for figure in measured.figures
    ]
    parts = [
        "# Micro figures",
        f"Written by `{machine['command']}`.",
        table(["", ""], [[name, value] for name, value in machine.items()]),
        *(f"Not measured: {part.part}: {part.reason}" for part in measured.missing),
        table(["what", "median", "99th percentile", ""], rows),
    ]
    page.write_text("\n\n".join(parts) + "\n", "utf-8")
    return [data, page]


def _about(value: float) -> str:
    return about(value) if value > 0 else f"{value:g}"


def _high(figure: Figure) -> str:
    return "" if figure.high is None else f"{_about(figure.high)} {figure.unit}"


def markdown(results: Results) -> str:
    """All tables, with where they were measured and who did better than Tidegate."""
    found = sorted(cells(results.runs), key=lambda cell: list(TITLES).index(cell.entrant))
    written = f"Written by `{results.machine['command']}`. [README.md](README.md) has what it means and what not."
    parts = ["# Results", written, _machine(results)]
    if results.missing:
        parts.append("\n".join(f"- Not measured: {missing.what}: {missing.why}" for missing in results.missing))
    parts.append(f"## Where Tidegate is not the best\n\n{_better(found)}")
    for name in _workloads(found):
        its = [cell for cell in found if cell.workload == name]
        title = next(workload.title for workload in WORKLOADS if workload.name == name)
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n![Pages/s by memory limit]({name}.svg)")
        parts.append(speed_table(its))
        parts += [
            f"### {limit_words(limit)}\n\n{_figures([cell for cell in its if cell.limit_mib == limit])}"
            for limit in _limits(its)
        ]
    if trouble := _troubles(results.runs):
        parts.append(f"## What was said where pages are missing\n\n{trouble}")
    return "\n\n".join(parts) + "\n"


def speed_table(its: Sequence[Cell]) -> str:
    """Right pages/s by entrant and limit; what was lost in brackets."""
    limits = _limits(its)
    rows = []
    for name in _entrants(its):
        by_limit = {cell.limit_mib: cell for cell in its if cell.entrant == name}
        rows.append([TITLES[name], *(_speed(by_limit.get(limit)) for limit in limits)])
    return table(["right pages/s (share of pages missing)", *(limit_words(limit) for limit in limits)], rows)


def _speed(cell: Cell | None) -> str:
    if cell is None:
        return UNKNOWN
    missing = cell.pages - cell.completed
    return _number(cell.pages_per_second.median) + (f" ({missing / cell.pages:.0%})" if missing else "")


COLUMNS: Final[dict[str, Callable[[Cell], str]]] = {
    "entrant": lambda cell: TITLES[cell.entrant],
    "pages/s": lambda cell: _spread(cell.pages_per_second),
    "Tidegate's over its": lambda cell: _spread(cell.tidegate_over_it, 2),
    "of its own speed": lambda cell: _number(cell.of_own_speed.median, 2),
    "right": lambda cell: f"{cell.completed} of {cell.pages}",
    "wrong": lambda cell: str(cell.wrong),
    "lost": lambda cell: str(cell.lost),
    "out of time": lambda cell: str(cell.unfinished),
    "first page, s": lambda cell: _spread(cell.first_page_seconds),
    "CPU s/page": lambda cell: _spread(cell.cpu_seconds_a_page, 2),
    "peak, MiB": lambda cell: _mib(cell.peak_bytes),
    "peak without idle file pages, MiB": lambda cell: _mib(cell.used_peak_bytes),
    "limit hits": lambda cell: count(cell.limit_hits),
    "OOM kills": lambda cell: count(cell.oom_kills),
    "left processes": lambda cell: count(cell.left_processes),
}


def _figures(its: Sequence[Cell]) -> str:
    return table(list(COLUMNS), [[column(cell) for column in COLUMNS.values()] for cell in its])


def _better(found: Sequence[Cell]) -> str:
    """Who is ahead of Tidegate, in what. What one saves that reads less is no merit, so it has to read as much."""
    lines = []
    for cell in found:
        own = next((one for one in found if one.entrant == TIDEGATE and _place(one) == _place(cell)), None)
        if own is None or cell.entrant == TIDEGATE or cell.completed < own.completed:
            continue
        ahead = [
            words
            for words, its, ours, more_is_better in (
                ("pages/s", cell.pages_per_second, own.pages_per_second, True),
                ("time to first page", cell.first_page_seconds, own.first_page_seconds, False),
                ("CPU a page", cell.cpu_seconds_a_page, own.cpu_seconds_a_page, False),
                ("peak memory", cell.used_peak_bytes, own.used_peak_bytes, False),
            )
            if _is_ahead(its, ours, more_is_better=more_is_better)
        ]
        ahead += [
            words
            for words, its_count, our_count in (
                ("pages missing", cell.pages - cell.completed, own.pages - own.completed),
                ("limit hits", cell.limit_hits, own.limit_hits),
                ("OOM kills", cell.oom_kills, own.oom_kills),
                ("left processes", cell.left_processes, own.left_processes),
            )
            if its_count is not None and our_count is not None and its_count < our_count
        ]
        if ahead:
            lines.append([cell.workload, limit_words(cell.limit_mib), TITLES[cell.entrant], ", ".join(ahead)])
    head = ["pages", "limit", "entrant", f"ahead by {BETTER_BY - 1:.0%} or more in"]
    return table(head, lines) if lines else "Nowhere."


def _is_ahead(its: Spread, ours: Spread, *, more_is_better: bool) -> bool:
    if its.median is None or ours.median is None:
        return False
    return its.median > ours.median * BETTER_BY if more_is_better else its.median * BETTER_BY < ours.median


def _troubles(runs: Sequence[Run]) -> str:
    """The last line that each entrant said in each place where it did not read everything."""
    said: dict[tuple[str, str, str], str] = {}
    for run in runs:
        if run.completed < run.plan.pages:
            words = [line.strip() for line in run.last_words.splitlines() if line.strip()]
            last = (words[-1] if words else "nothing")[:WORDS].replace("|", "/").replace("`", "'")
            key = (TITLES[run.plan.entrant], run.plan.workload, limit_words(run.plan.limit_mib))
            said.setdefault(key, f"{run.ended}: `{last}`")
    head = ["entrant", "pages", "limit", "how it ended, and its last words"]
    return table(head, [[*key, words] for key, words in said.items()]) if said else ""


def _machine(results: Results) -> str:
    return table(["", ""], [[name, value] for name, value in results.machine.items()])


def _place(cell: Cell) -> tuple[str, int | None]:
    return cell.workload, cell.limit_mib


def _workloads(found: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.workload for cell in found))


def _limits(found: Sequence[Cell]) -> list[int | None]:
    return list(dict.fromkeys(cell.limit_mib for cell in found))


def _entrants(found: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.entrant for cell in found))


def limit_words(limit_mib: int | None) -> str:
    return "no limit" if limit_mib is None else f"{limit_mib} MiB"


def _spread(spread: Spread, digits: int = 1) -> str:
    if spread.median is None or spread.least is None or spread.most is None:
        return UNKNOWN
    return f"{spread.median:.{digits}f} ({spread.least:.{digits}f} to {spread.most:.{digits}f})"


def _number(value: float | None, digits: int = 1) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def _mib(spread: Spread) -> str:
    return _spread(
        Spread(*(None if one is None else one / MIB for one in (spread.median, spread.least, spread.most))), 0
    )


def count(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)
