"""When a job runs: every so often, or by cron in a timezone, spread by jitter. Pure: a clock in, a moment out.

```
every 20m                         every 20 minutes, the first time at once
every 6h jitter 10m               up to 10 minutes later, by chance
cron 0 7 * * * in Europe/Berlin   at seven in the morning there, summer and winter
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

UNITS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
CRON_FIELDS: Final = ("minute", "hour", "day", "month", "weekday")
LEAST: Final = timedelta(seconds=1)
MOST: Final = timedelta(days=366)

_RULE = re.compile(
    r"(?:every\s+(?P<every>\S+(?:\s+(?:s|sec|m|min|h|d))?)|cron\s+(?P<cron>.+?)(?:\s+in\s+(?P<zone>\S+))?)"
    r"(?:\s+jitter\s+(?P<jitter>\S+(?:\s+(?:s|sec|m|min|h|d))?))?"
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


class BadSchedule(ValueError):
    """A schedule that can't be meant; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every` or `cron`, one of them."""

    every: timedelta | None = None
    cron: str | None = None
    zone: str = "UTC"
    jitter: timedelta = timedelta(0)

    @classmethod
    def parse(cls, rule: str) -> Self:
        """Read a rule as people write it. Raises `BadSchedule`."""
        match = _RULE.fullmatch(" ".join(rule.split()))
        if match is None:
            raise BadSchedule(
                f'"{rule}" is no schedule; write "every 20m", "every 6h jitter 10m" '
                'or "cron 0 7 * * * in Europe/Berlin"'
            )
        jitter = _span(match["jitter"], rule) if match["jitter"] else timedelta(0)
        if match["every"]:
            return cls(every=_span(match["every"], rule), jitter=jitter)
        zone = match["zone"] or "UTC"
        try:
            local = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # "Europe" is a folder, where the timezones are files.
            raise BadSchedule(f'"{rule}": there is no timezone {zone}; write one such as Europe/Berlin') from None
        try:
            _five_fields(match["cron"])
            CronSim(match["cron"], local)
        except CronSimError as error:
            raise BadSchedule(f'"{rule}": {str(error).lower()}; cron has five fields, such as "0 7 * * *"') from None
        return cls(cron=match["cron"], zone=zone, jitter=jitter)

    def __str__(self) -> str:
        timing = f"every {_words(self.every)}" if self.every is not None else f"cron {self.cron} in {self.zone}"
        return f"{timing} jitter {_words(self.jitter)}" if self.jitter else timing

    def first(self, now: datetime) -> datetime:
        """When it runs for the first time: an interval at once, cron when it says so."""
        return now if self.every is not None else self.following(now, 0.0)

    def following(self, now: datetime, chance: float) -> datetime:
        """The next time after `now`, later by `chance` (0 to 1) of the jitter.

        What was missed while nobody was there is not made up for: one run does for all of it.
        """
        if self.every is not None:
            return now + self.every + self.jitter * chance
        local = now.astimezone(ZoneInfo(self.zone))
        return next(CronSim(self.cron or "", local)).astimezone(UTC) + self.jitter * chance


def _five_fields(cron: str) -> None:
    """CronSim knows one with seconds as well, which would be six."""
    fields = len(cron.split())
    if fields != len(CRON_FIELDS):
        raise CronSimError(f"these are {fields} fields")


def _span(text: str, rule: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None or match[2] not in UNITS:
        raise BadSchedule(f'"{rule}": {text} is no span of time; write 90s, 20m, 6h or 1d')
    span = timedelta(seconds=min(float(match[1]) * UNITS[match[2]], MOST.total_seconds() + 1))
    if not LEAST <= span <= MOST:
        raise BadSchedule(f'"{rule}": {text} is out of range; from a second to a year')
    return span


def _words(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
