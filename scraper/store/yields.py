"""What definitions yielded, field by field and day by day; `scraper.drift` compares it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from scraper.drift import Place, Yield, usual
from scraper.store.database import Database, sql

RECENT_DAYS: Final = 28
REMEMBERED_DAYS: Final = 84
"""So long a field that is not read any more is still missed."""
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
            [seen.pages for _, seen in rows],
        )


async def add_to_task(connection: Any, task: int, yields: Mapping[Place, Yield]) -> None:
    """Keep with a task what it has read; its run adds it all up at its end."""
    rows = [
        {
            **{name: getattr(place, name) for name in ("site", "layout", "kind", "field")},
            **{name: getattr(seen, name) for name in ("posts", "found", "pages")},
        }
        for place, seen in yields.items()
    ]
    await connection.execute(sql("add_task_yields"), task, rows)


async def recent(database: Database, site: str, *, remembered_days: int = REMEMBERED_DAYS) -> dict[Place, Yield]:
    """What the definition of `site` usually yields: the best weeks of the last ones in which there was anything.

    A field that was not read for `remembered_days` is not among them: there is nothing to compare it with.
    """
    weeks: defaultdict[Place, list[Yield]] = defaultdict(list)
    for row in await database.fetch("recent_yields", site, RECENT_DAYS, remembered_days):
        place = Place(site, row["layout"], row["kind"], row["field"])
        weeks[place].append(Yield(row["posts"], row["found"], row["pages"], row["last_found_on"]))
    return {place: usual(of_place) for place, of_place in weeks.items()}
