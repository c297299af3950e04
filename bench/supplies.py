"""What a fleet needs besides machines: connections, disk, posts and hosts. Sections of docs/scale.md."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from bench.fleet import FULL_SHARE, Fleets, Measured, databases_for
from bench.markdown import about, number, table
from bench.schedule import FOLLOWED_FOR, RUN_EVERY, reads_of_a_post
from jobs.queue import CONNECTIONS as QUEUE_CONNECTIONS
from scraper.definitions import Definitions
from scraper.pace import interval_seconds
from scraper.store.cluster import SMALL
from scraper.store.database import CONNECTIONS

DAY_SECONDS = 86_400
GB = 1e9
MIB_A_GIB = 1024


def connections(fleets: Fleets) -> str:
    """What a fleet asks of Postgres in connections, and from when on it takes a pooler."""
    measured = fleets.measured
    rows = [
        (
            f"{machines:,}",
            f"{machines * measured.connections_a_worker:,}",
            number(machines * measured.connections_a_worker * measured.connection_mib / MIB_A_GIB) + " GiB",
        )
        for machines in fleets.machines
    ]
    most = int(SMALL["max_connections"])
    return f"""## Connections

A worker holds {CONNECTIONS} for the store and {QUEUE_CONNECTIONS} for the queue. An idle one takes \
{number(measured.connection_mib)} MiB of Postgres.

{table(("machines", "connections", "memory of Postgres for them"), rows)}

The embedded server allows {most} and listens on no network: it is for one machine. From the second on \
`TIDEGATE_DATABASE_URL` names a server of its own. Postgres allows 100 unless told otherwise, which is \
{100 // measured.connections_a_worker} workers. Some hundred workers want a pooler (PgBouncer): at {FULL_SHARE:.0%} \
of the knee a few dozen connections to Postgres do all the work. What listens for jobs, one connection a worker, \
can't go through transaction pooling, nor can session locks: those go past the pooler, or to one that pools \
sessions."""


def disk(fleets: Fleets) -> str:
    """What a fleet leaves on disk."""
    measured = fleets.measured
    a_page = measured.snapshot_bytes + measured.outcome_bytes
    rows = []
    for machines in fleets.machines:
        a_day = gb_a_day(measured, machines * measured.pages_per_second)
        rows.append((f"{machines:,}", f"{number(a_day)} GB", f"{about(a_day * FOLLOWED_FOR.days)} GB"))
    return f"""## Rows

A page leaves a snapshot of {measured.snapshot_bytes:.0f} bytes and an outcome of {measured.outcome_bytes:.0f}, \
indexes included: {a_page:.0f} bytes. A followed post is {measured.post_bytes:.0f}. With enough databases, and \
every machine at work day and night:

{table(("machines", "a day", f"{FOLLOWED_FOR.days} days"), rows)}

Rows are only ever added, but their indexes are by post, and so are written to all over: what is written to has to \
fit into memory. Partitions by month keep it small, and make retention a `drop table` in place of a long delete; the \
key of a snapshot, post and run, then takes in the time as well. Posts are updated in place, and each update moves \
the post in the index of what is due: autovacuum has to keep up, which is one more reason to stay below \
{FULL_SHARE:.0%}."""


def posts(fleets: Fleets) -> str:
    """How many posts a fleet can follow."""
    measured, plan = fleets.measured, fleets.plan
    reads = reads_of_a_post()
    rows = []
    for machines in fleets.machines:
        enough = replace(plan, databases=databases_for(measured, machines, plan))
        a_day = fleets.of(machines, enough).pages_per_second * DAY_SECONDS
        rows.append(
            (
                f"{machines:,}",
                about(a_day),
                about(a_day / reads),
                about(a_day / reads * FOLLOWED_FOR.days),
            )
        )
    head = (
        "machines",
        "posts looked at once a day",
        "of the mix: new posts a day",
        f"of the mix: posts followed ({FOLLOWED_FOR.days} days)",
    )
    return f"""## How many posts that is

The mix looks at young posts often and at old ones seldom: every 5, 15, 30 minutes, 2 and 6 hours, then once a day. \
With a run every {RUN_EVERY // timedelta(minutes=1)} minutes, a post followed from its first minute on is read \
{reads} times in {FOLLOWED_FOR.days} days. With enough databases:

{table(head, rows)}"""


def hosts(fleets: Fleets) -> str:
    """How many hosts it takes to keep a fleet busy."""
    measured = fleets.measured
    polite = {
        f"{definition.name}, as its definition says": (
            definition.politeness.requests_per_second,
            definition.politeness.jitter,
        )
        for definition in Definitions.builtin()
    }
    rows = []
    for name, (rate, jitter) in {**polite, "a host that allows 1/s": (1.0, 0.0), "10/s": (10.0, 0.0)}.items():
        per_second = 1 / interval_seconds(rate, jitter, None, 0.5)
        rows.append(
            (
                name,
                f"{per_second:.2f}",
                f"{per_second * DAY_SECONDS:,.0f}",
                f"{per_second / measured.pages_per_second:.2f}",
                *(
                    f"{math.ceil(machines * measured.pages_per_second / per_second):,}"
                    for machines in (1, 100, fleets.many)
                ),
            )
        )
    head = (
        *("", "requests/s", "pages a day", "machines it keeps busy", "hosts for 1 machine"),
        *("for 100", f"for {fleets.many:,}"),
    )
    return f"""## Hosts bind first

How often a host may be asked does not depend on who asks. Pages a day of one host = requests/s x {DAY_SECONDS:,}, \
jitter taken off, however many machines there are; and to keep N machines busy takes N x \
{number(measured.pages_per_second)} / (requests/s) hosts.

{table(head, rows)}

So a host that allows fewer than {number(measured.pages_per_second)} requests/s never needs a second machine for \
speed. More machines are for more hosts."""


def gb_a_day(measured: Measured, pages_per_second: float) -> float:
    """Gigabytes of new rows a day."""
    return pages_per_second * DAY_SECONDS * (measured.snapshot_bytes + measured.outcome_bytes) / GB
