"""A worker that is special: `storm_worker.py --clock FILE` or `storm_worker.py --driver`.

At each SIGUSR1 its clock is off by the seconds that FILE says. All of the program that asks Python for the time is
told so, from before it was imported; the kernel and Chromium are not. With `--driver` it reads by way of Playwright
and its Node driver, which no job of ours needs.
"""

from __future__ import annotations

import datetime as dt
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

_real_time, _real_datetime = time.time, dt.datetime
_off_seconds = 0.0


class _AnyDatetime(type):
    """What the database gives is a datetime as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real_datetime)


class Jumping(dt.datetime, metaclass=_AnyDatetime):
    """A datetime whose now is off."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _real_datetime.now(tz) + dt.timedelta(seconds=_off_seconds)

    @classmethod
    def utcnow(cls) -> Any:
        return _real_datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=_off_seconds)


def let_jump(file: Path) -> None:
    """From now on the clock jumps with each SIGUSR1."""

    def jump(*_: object) -> None:
        global _off_seconds  # noqa: PLW0603 the clock of a process is one
        _off_seconds = float(file.read_text(encoding="ascii"))

    signal.signal(signal.SIGUSR1, jump)
    time.time = lambda: _real_time() + _off_seconds
    dt.datetime = Jumping  # type: ignore[misc]


def use_driver() -> None:
    """From now on each lease has a Playwright page."""
    from tidegate import program  # noqa: PLC0415 a clock would have to be changed before

    usual = program.pool_settings
    program.pool_settings = lambda settings: replace(usual(settings), needs_page=True)


def main(what: str, *words: str) -> None:
    if what == "--clock":
        let_jump(Path(words[0]))
    else:
        use_driver()
    from tidegate.cli import main as tidegate  # noqa: PLC0415 after the clock was changed

    sys.argv = ["tidegate", "worker"]
    tidegate()


if __name__ == "__main__":
    main(*sys.argv[1:])
