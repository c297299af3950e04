"""A moment as far as a printed text tells it: "3 hours ago" and "Sep 27" are spans, not instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_FARTHEST_WEST, _FARTHEST_EAST = timedelta(hours=-12), timedelta(hours=14)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """`earliest` to `latest`, both included: aware, in UTC, whole seconds. `text` is what was printed."""

    earliest: datetime
    latest: datetime
    text: str

    @property
    def exact(self) -> datetime | None:
        """The moment, where it is known to the second."""
        return self.earliest if self.earliest == self.latest else None


def moment_between(earliest: datetime, latest: datetime, text: str) -> Moment:
    """A Moment from two aware datetimes, in whole seconds."""
    first, last = (bound.astimezone(UTC).replace(microsecond=0) for bound in (earliest, latest))
    return Moment(first, last, text)


def zone_of(name: str | None) -> tzinfo | None:
    """The zone that an IANA name stands for; None for None. A name that nobody knows is a ValueError."""
    if name is None:
        return None
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - only where a site has a zone of its own

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is no time zone: give a name such as 'Europe/Berlin' or 'UTC'. If it is one, the "
            "system has no list of zones: install the package tzdata"
        ) from error


def local_moment(start: datetime, length: timedelta, zone: tzinfo | None, text: str) -> Moment | None:
    """The span of `length` from a local `start` without a zone: in `zone`, else in any zone of the world."""
    try:
        end = start + length - _SECOND
        if zone is None:
            first, last = start - _FARTHEST_EAST, end - _FARTHEST_WEST
            return moment_between(first.replace(tzinfo=UTC), last.replace(tzinfo=UTC), text)
        # Where clocks are turned back, a local time happens twice; where they are turned on, it never does.
        firsts = [start.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        lasts = [end.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        return moment_between(min(firsts), max(lasts), text)
    except (OverflowError, ValueError):
        return None
