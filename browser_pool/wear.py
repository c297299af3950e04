"""What a browser has been through, and when it is time for another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from browser_pool.browser import Browser
from browser_pool.settings import PoolSettings
from memory import ProcessMemory, Role
from memory.processes import below

BROWSER_ROLES = frozenset({Role.DRIVER, Role.BROWSER, Role.GPU, Role.NETWORK})

YOUNG_SECONDS = 60.0
"""A browser younger than this has hardly grown: to replace it costs a launch and frees little. What it holds when it
comes of age is what its growth is measured against."""


@dataclass(frozen=True, slots=True)
class BrowserWear:
    """What a browser has been through: its age, and what it and its driver hold beside the pages, in bytes.

    `settled_bytes` is what they held when it came of age, None before that.
    """

    age_seconds: float
    held_bytes: int
    settled_bytes: int | None

    def has_grown(self, times: float) -> bool:
        """Whether it holds so many times what it held when it came of age."""
        return self.settled_bytes is not None and self.held_bytes >= times * self.settled_bytes > 0

    def is_worn(self, settings: PoolSettings) -> bool:
        """Whether it is time for another, by growth or by age."""
        return self.has_grown(settings.fat_browser) or self.age_seconds >= settings.browser_age_seconds


def wear_of(browser: Browser, tree: Iterable[ProcessMemory]) -> BrowserWear:
    """The wear of `browser`, by the last measurement of the process tree. One elsewhere holds nothing here."""
    held = 0
    if browser.root_pid is not None:
        held = sum(row.held_bytes for row in below(tree, browser.root_pid) if row.role in BROWSER_ROLES)
    return BrowserWear(browser.age_seconds, held, browser.settled_bytes)
