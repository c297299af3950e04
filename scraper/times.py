"""Read the moments that sites print or hide in their ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

ID_TIME_SHIFT: Final = 22
"""A snowflake id holds its milliseconds above this bit."""
FIRST_DAY: Final = 86_400_000
"""In milliseconds. Ids from before the clock began were counted, and look as if they came from its first moments."""


def read_time(text: str, *, utc: bool = False, id_time_from: int | None = None) -> datetime | None:
    """A moment from ISO 8601, or from an id that begins with one; None for one without a zone, unless `utc`."""
    plain = text.strip()
    if id_time_from is not None:
        if not (plain.isascii() and plain.isdigit()) or not plain or len(plain) > 19:
            return None
        since = int(plain) >> ID_TIME_SHIFT
        return datetime.fromtimestamp((since + id_time_from) // 1000, UTC) if since >= FIRST_DAY else None
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) if utc else None
    return moment.astimezone(UTC)
