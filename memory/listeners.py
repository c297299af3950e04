"""Those who want to hear of something. One that fails is logged, and harms neither the others nor whoever tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")


class Listeners(Generic[T]):
    """A list of functions that are called with each piece of news. They must not block."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[T], None]] = []

    def add(self, listener: Callable[[T], None]) -> Callable[[], None]:
        """Tell `listener` from now on. Call what is returned to stop that; twice is harmless."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def tell(self, news: T) -> None:
        """Call each with `news`."""
        for listener in tuple(self._listeners):
            try:
                listener(news)
            except Exception:  # one that only listens must not end what it listens to
                log.exception("listener.failed", listener=getattr(listener, "__qualname__", repr(listener)))
