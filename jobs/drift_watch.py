"""What a run has read, field by field, against what was read lately: a field that is gone is told with the run."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from scraper.drift import Place, Yield, drifts
from scraper.store import yields as store
from scraper.store.database import Database

log = structlog.get_logger()


async def drift_reasons(database: Database, now: Mapping[Place, Yield]) -> list[str]:
    """The fields that a run read less than was read before it, in words, and one line of the log for each.

    `now` is what all of the run read, not yet added to what is compared with.
    """
    before: dict[Place, Yield] = {}
    for site in sorted({place.site for place in now}):
        before |= await store.recent(database, site)
    found = drifts(now, before)
    for drift in found:
        place = drift.place
        log.warning(
            "field.drift",
            site=place.site,
            layout=place.layout,
            kind=place.kind,
            field=place.field,
            posts=drift.now.posts,
            found=drift.now.found,
            pages=drift.now.pages,
            share_before=round(drift.before.share, 3),
            last_found_on=str(drift.before.last_found_on or ""),
        )
    return [str(drift) for drift in found]
