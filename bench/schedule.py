"""How often a post is looked at: young ones often, old ones seldom. And how many looks that comes to."""

from __future__ import annotations

import math
from datetime import timedelta

RUN_EVERY = timedelta(minutes=5)
"""How often the metrics scraper runs: what is due sooner waits for the next run."""

FOLLOWED_FOR = timedelta(days=30)

SCHEDULE = (
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=1), timedelta(minutes=30)),
    (timedelta(days=3), timedelta(hours=2)),
    (timedelta(days=14), timedelta(hours=6)),
    (timedelta.max, timedelta(days=1)),
)
"""Up to which age a post that does not grow is due again after which pause: `reading_interval` of the database."""


def reads_of_a_post(followed_for: timedelta = FOLLOWED_FOR, run_every: timedelta = RUN_EVERY) -> int:
    """How often a post is read that is followed from its first minute on, with a run of the job so often."""
    age, reads = timedelta(0), 0
    while age < followed_for:
        reads += 1
        pause = next(pause for up_to, pause in SCHEDULE if age < up_to)
        age += math.ceil(pause / run_every) * run_every
    return reads
