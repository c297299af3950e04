"""What happens in a pool, as structlog events with stable names."""

from __future__ import annotations

from dataclasses import asdict

import structlog

from browser_pool.events import (
    AddressQuarantined,
    BrowserLaunched,
    BrowserLost,
    BrowserRecycled,
    EndpointDown,
    LeaseGranted,
    LeaseOver,
    PoolEvent,
    RequestRefused,
)

log = structlog.get_logger()

NAMES: dict[type[PoolEvent], tuple[str, str]] = {
    LeaseGranted: ("lease.granted", "debug"),
    LeaseOver: ("lease.over", "debug"),
    RequestRefused: ("lease.refused", "warning"),
    BrowserLaunched: ("browser.launched", "info"),
    BrowserLost: ("browser.gone", "warning"),
    BrowserRecycled: ("browser.recycled", "info"),
    EndpointDown: ("endpoint.down", "warning"),
    AddressQuarantined: ("address.quarantined", "warning"),
}
"""The name of each event and how much it matters."""


def log_event(event: PoolEvent) -> None:
    """A hook that logs. See `events.Hooks`."""
    name, level = NAMES[type(event)]
    if isinstance(event, LeaseOver) and event.how in {"expired", "recalled"}:
        name, level = f"lease.{event.how}", "warning"
    if isinstance(event, LeaseGranted) and event.was_alone:
        name, level = "lease.granted_alone", "info"
    fields = {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(event).items()}
    getattr(log, level)(name, **fields)
