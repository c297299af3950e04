"""What a run reads, field by field, against what was read lately: a field that is gone is told with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from scraper.definition import Definition
from scraper.drift import Drift, Place, Yield, added, drifts, yields_of
from scraper.post import Post
from scraper.store import yields as store
from scraper.store.database import Database

log = structlog.get_logger()


class DriftWatch:
    """Counts what one run yields. What came before is asked for once a site, before the run adds to it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._before: dict[str, Mapping[Place, Yield]] = {}
        self._now: dict[Place, Yield] = {}

    async def note(self, definition: Definition, pages: Sequence[Sequence[Post]]) -> Mapping[Place, Yield]:
        """Count the posts of `pages`. Returns what they yield, to be stored with them."""
        if definition.name not in self._before:
            self._before[definition.name] = await store.recent(self._database, definition.name)
        yields = yields_of(definition, pages)
        self._now = added(self._now, yields)
        return yields

    def drifts(self) -> tuple[Drift, ...]:
        """The fields that this run read less than was read before."""
        before = {place: seen for of_site in self._before.values() for place, seen in of_site.items()}
        return drifts(self._now, before)

    def reasons(self) -> list[str]:
        """The same in words, for the run, and one line of the log for each."""
        found = self.drifts()
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
