"""What happens in a pool, for those who want to be told: logs, metrics, a dashboard.

A hook is called with each event, in the moment it happens and on the event loop; it must not block. One that raises
is reported and does the pool no harm. What a pool is like at one moment is in `UnifiedBrowserPool.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """A context was handed out `waited_seconds` after it was asked for, with `reserved_bytes` promised to it.

    `was_alone`: it did not fit, and was let in because nobody else was at work and nothing more could be freed.
    """

    number: int
    site: str
    job: str
    waited_seconds: float
    reserved_bytes: int
    was_alone: bool = False


@dataclass(frozen=True, slots=True)
class LeaseOver:
    """A lease has ended. `how` is released, spoiled, expired or recalled; spoiled: its context is not used again."""

    number: int
    site: str
    job: str
    how: str
    held_seconds: float
    pages: int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Nobody could be given a context in time. `reason` is that of `LeaseRefused`."""

    site: str
    job: str
    reason: str
    detail: str
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class BrowserLaunched:
    """A browser serves. `is_sandboxed` is None for one that runs elsewhere."""

    endpoint: str
    version: str
    uses_driver: bool
    is_sandboxed: bool | None
    seconds: float


@dataclass(frozen=True, slots=True)
class BrowserLost:
    """A browser died, or did not answer any more and was ended."""

    endpoint: str
    version: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class BrowserRecycled:
    """A browser is being replaced, or was given up: `why` is worn, fat, idle or memory."""

    endpoint: str
    why: str
    age_seconds: float
    held_bytes: int


@dataclass(frozen=True, slots=True)
class EndpointDown:
    """No browser can be had there; it is tried again after `pause_seconds`."""

    endpoint: str
    detail: str
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class AddressQuarantined:
    """An address has killed so often that it is left alone."""

    url: str
    deaths: int


PoolEvent = (
    LeaseGranted
    | LeaseOver
    | RequestRefused
    | BrowserLaunched
    | BrowserLost
    | BrowserRecycled
    | EndpointDown
    | AddressQuarantined
)

Hook = Callable[[PoolEvent], None]


class Hooks:
    """Those who are told."""

    def __init__(self, hooks: Iterable[Hook] = ()) -> None:
        self._hooks = list(hooks)

    def add(self, hook: Hook) -> Callable[[], None]:
        """Tell `hook` from now on; returns what ends that."""
        self._hooks.append(hook)
        return lambda: self._hooks.remove(hook)

    def tell(self, event: PoolEvent) -> None:
        """Something has happened."""
        for hook in tuple(self._hooks):
            try:
                hook(event)
            except Exception:
                log.exception("hook.failed", hook=getattr(hook, "__qualname__", repr(hook)))
