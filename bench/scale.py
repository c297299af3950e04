"""docs/scale.md: what 1 to 10,000 machines come to, computed from what was measured.

The whole page is written here and in `supplies`. `document` is pure: figures in, Markdown out. `write` reads
micro.json and writes the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import supplies
from bench.fleet import (
    FULL_SHARE,
    Fleet,
    Fleets,
    Measured,
    Plan,
    claim_seconds,
    databases_for,
    knee,
    most_pages_per_second,
    pages_per_second_alone,
    write_seconds,
)
from bench.markdown import about, in_seconds, number, table
from bench.micro.figures import from_json
from bench.supplies import DAY_SECONDS, MIB_A_GIB, gb_a_day
from jobs.metrics_scraper import PAGES_A_TASK, ROWS_A_PAGE
from jobs.queue import CONNECTIONS as QUEUE_CONNECTIONS
from scraper.store.database import CONNECTIONS

MACHINES = (1, 10, 100, 1_000, 10_000)
LARGE_CLAIM = 50


def write(page: Path, *, figures: Path, pages_per_second: float, worker_mib: float) -> Path:
    """Write `page` from `figures` (micro.json) and what one worker does. Returns where it is.

    Raises `FigureMissing` where a figure was not measured, and OSError where there is no such file.
    """
    micro = json.loads(figures.read_text(encoding="utf-8"))
    page.write_text(document(micro, pages_per_second=pages_per_second, worker_mib=worker_mib), encoding="utf-8")
    return page


def document(
    micro: Mapping[str, Any], *, pages_per_second: float, worker_mib: float, machines: Sequence[int] = MACHINES
) -> str:
    """The page. `micro` is {"machine": {name: text}, "figures": [a figure as JSON]}. Raises `FigureMissing`.

    `machines` are the sizes of fleet that it is about, in rising order.
    """
    measured = Measured.of(
        from_json(micro["figures"]),
        pages_per_second=pages_per_second,
        worker_mib=worker_mib,
        rows_a_page=ROWS_A_PAGE,
        connections_a_worker=CONNECTIONS + QUEUE_CONNECTIONS,
    )
    fleets = Fleets(measured, Plan(pages_a_claim=PAGES_A_TASK), tuple(machines))
    sections = (
        _head(micro["machine"], fleets),
        _needs(fleets),
        _worker(fleets),
        _limit(fleets),
        _past_the_knee(fleets),
        supplies.connections(fleets),
        supplies.disk(fleets),
        supplies.posts(fleets),
        supplies.hosts(fleets),
        _not_modelled(),
    )
    return "\n\n".join(sections) + "\n"


def _head(machine: Mapping[str, str], fleets: Fleets) -> str:
    rows = "; ".join(f"{name}: {text}" for name, text in machine.items())
    return f"""# Scale, on paper

What {fleets.machines[0]:,} to {fleets.many:,} machines would do, from what one was measured to do. \
`python -m bench scale` writes this page from `docs/benchmarks/micro.json` and `docs/benchmarks/results.json`; no \
figure in it is typed by hand. No fleet was run: this is arithmetic and a small simulation (`bench/fleet.py`), and \
the last section says what they leave out.

Measured on one machine, which ran Postgres and its clients at once. {rows}."""


def _needs(fleets: Fleets) -> str:
    measured, plan = fleets.measured, fleets.plan
    rows = []
    for machines in fleets.machines:
        enough = replace(plan, databases=databases_for(measured, machines, plan))
        fleet = fleets.of(machines, enough)
        rows.append(
            (
                f"{machines:,}",
                number(fleet.pages_per_second),
                number(machines * measured.worker_mib / MIB_A_GIB) + " GiB",
                f"{enough.databases:,}",
                f"{machines * measured.connections_a_worker:,}",
                number(gb_a_day(measured, fleet.pages_per_second)) + " GB",
            )
        )
    head = ("machines", "pages/s", "memory of the workers", "Postgres servers", "connections", "new rows a day")
    return f"""## What it takes

A machine is one worker. Postgres servers are as many as it takes to keep each below {FULL_SHARE:.0%}.

{table(head, rows)}"""


def _worker(fleets: Fleets) -> str:
    measured, plan = fleets.measured, fleets.plan
    a_day = measured.pages_per_second * DAY_SECONDS
    share = measured.pages_per_second / most_pages_per_second(measured, plan)
    return f"""## One worker

{number(measured.pages_per_second)} pages/s in {number(measured.worker_mib)} MiB: {about(a_day)} pages a day, if no \
host asks for patience. A task claims {plan.pages_a_claim} posts, so \
{number(measured.pages_per_second / plan.pages_a_claim)} tasks/s pass through the queue, and it takes {share:.1%} \
of what one Postgres can do."""


def _limit(fleets: Fleets) -> str:
    measured, plan = fleets.measured, fleets.plan
    claim_ms, write_ms = claim_seconds(measured, plan) * 1e3, write_seconds(measured, plan) * 1e3
    most, alone = most_pages_per_second(measured, plan), pages_per_second_alone(measured, plan)
    at = knee(measured, plan)
    found = [fleets.of(machines, plan) for machines in sorted({*fleets.machines, round(at)})]
    crossing = found[-1].pages_per_second / found[0].pages_per_second
    rows = [_fleet_row(measured, fleet) for fleet in found]
    head = ("machines", "pages/s", "of what they could read", "Postgres busy", "wait, median", "wait, p99")
    written = ", ".join(f"{rate:,.0f} by {n}" for n, rate in measured.snapshots_per_second.items())
    done = ", ".join(f"{rate:,.0f} by {n}" for n, rate in measured.jobs_per_second.items())
    return f"""## Where Postgres becomes the limit

Snapshots written a second: {written} writers. Entries of the queue done a second: {done} consumers; put into it in \
batches: {measured.enqueued_per_second:,.0f}. The best of each is taken for what one Postgres can do.

Writing {plan.pages_a_claim} pages takes {write_ms:.1f} ms of it, claiming them {claim_ms:.1f} ms. So it can take \
{plan.pages_a_claim} / {(claim_ms + write_ms) / 1e3:.4f} s = {most:,.0f} pages/s. A machine that also claims and \
writes does {alone:.2f}, so the knee is at {most:,.0f} / {alone:.2f} = **{at:,.0f} machines**. The simulation, in \
which times vary and machines queue up, has it at {crossing:,.0f}.

{table(head, rows)}

Below the knee machines hardly know of each other. Past it each more only makes all of them wait longer: nothing is \
lost, and nothing is gained."""


def _past_the_knee(fleets: Fleets) -> str:
    measured, plan = fleets.measured, fleets.plan
    larger = replace(plan, pages_a_claim=LARGE_CLAIM)
    split = replace(plan, databases=databases_for(measured, fleets.many, plan))
    both = replace(larger, databases=databases_for(measured, fleets.many, larger))
    rows = []
    for name, one in (
        ("as it is", plan),
        (f"tasks of {LARGE_CLAIM}", larger),
        (f"{split.databases} databases", split),
        (f"{both.databases} databases, tasks of {LARGE_CLAIM}", both),
    ):
        fleet = fleets.of(fleets.many, one)
        rows.append((name, f"{knee(measured, one):,.0f}", *_fleet_row(measured, fleet)[1:]))
    head = (
        f"{fleets.many:,} machines",
        "knee",
        "pages/s",
        "of what they could read",
        "Postgres busy",
        "wait, median",
        "wait, p99",
    )
    cpu = measured.snapshot_cpu_seconds
    return f"""## What helps past it

{table(head, rows)}

- **Several databases** help in proportion. Hosts are dealt out by a hash of their name: a host's posts, jobs and \
snapshots are all in one database, and a machine works for one of them. Only what shows all hosts at once has to ask \
every database.
- **Larger tasks** save most of what the queue costs, and only that: writing a page costs the same. They also make \
more be read again when a machine dies.
- **A Postgres with a machine of its own.** Of a page, Postgres itself took {cpu * 1e6:.0f} µs of one core; the rest \
was its clients, which shared the cores, and waiting for the disk. By that alone each core of its own would take \
{about(1 / cpu)} pages/s, and the knee be at {about(1 / cpu / measured.pages_per_second)} machines a core. That was \
not measured, so nothing else here rests on it.
- **A pooler** and **partitions** are about connections and about old rows; see below. They do not move the knee."""


def _not_modelled() -> str:
    return """## What this leaves out

- The network between machines and Postgres, and its failures. Each claim and each write is some dozens of round \
trips; at 1 ms each that is time of the reader, not of Postgres.
- Politeness. Readers in the simulation always have a page to read; the section above says when they don't. The \
turns at a host are rows of the database, so that all machines together ask it no more often than one would; a turn \
is one more small transaction a page.
- Planning. One machine splits a run into tasks, for all of them, while they work at it, and one run of the metrics \
scraper is open at a time; a fleet that reads faster than one machine plans would wait for it.
- What a task costs beside its entry in the queue: its row is begun and ended, and each page that is open is marked.
- Harvests, learning, planning, drafts, the dashboard's queries, backups, replicas.
- Checkpoints and vacuum beyond the minutes in which it was measured, and a table of snapshots that is larger than \
memory.
- A Postgres that has a machine for itself. It was measured with its clients on the same cores and no more than \
four of them: a server alone does more, and thousands of connections without a pooler less."""


def _fleet_row(measured: Measured, fleet: Fleet) -> tuple[str, ...]:
    could = fleet.machines * measured.pages_per_second
    return (
        f"{fleet.machines:,}",
        number(fleet.pages_per_second),
        f"{fleet.pages_per_second / could:.1%}",
        f"{fleet.database_busy:.0%}",
        in_seconds(fleet.wait_seconds),
        in_seconds(fleet.wait_high_seconds),
    )
