"""What definitions yielded, field by field and day by day; `scraper.drift` compares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from scraper.drift import Place, Yield
from scraper.store.database import Database, sql

RECENT_DAYS: Final = 28
NOTHING: Final[Mapping[Place, Yield]] = MappingProxyType({})


async def add(connection: Any, yields: Mapping[Place, Yield]) -> None:
    """Add `yields` to those of today, in the transaction of `connection`."""
    # In one order everywhere, so that two who add at once never wait for each other.
    rows = sorted(yields.items(), key=lambda item: item[0])
    if rows:
        await connection.execute(
            sql("add_yields"),
            [place.site for place, _ in rows],
            [place.layout for place, _ in rows],
            [place.kind for place, _ in rows],
            [place.field for place, _ in rows],
            [seen.posts for _, seen in rows],
            [seen.found for _, seen in rows],
        )


async def recent(database: Database, site: str, *, days: int = RECENT_DAYS) -> dict[Place, Yield]:
    """What the definition of `site` yielded in the last days."""
    rows = await database.fetch("recent_yields", site, days)
    return {Place(site, row["layout"], row["kind"], row["field"]): Yield(row["posts"], row["found"]) for row in rows}
