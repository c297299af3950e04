"""A lease: the right to use one context until a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from browser_pool.context import WarmContext
from browser_pool.errors import (
    BrowserGone,
    LeaseEnded,
    LeaseRecalled,
    NavigationTimeout,
    NoPlaywrightPage,
    PageTooLarge,
)
from browser_pool.fence import MayOpen
from browser_pool.hearing import Heard
from browser_pool.identity import DEFAULT_IDENTITY, Identity
from browser_pool.lane import SCREENSHOT_SECONDS, Opened
from browser_pool.quarantine import Quarantine
from memory import Reservation

if TYPE_CHECKING:
    from playwright.async_api import Page


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What is asked for. `deadline_seconds` covers waiting, work and clean-up; higher `priority` goes first.

    `needs_page` is whether it has to have a Playwright page; None leaves that to the pool. One that `is_deferrable`
    may be recalled in an emergency: whoever holds it then asks again.
    """

    site: str
    identity: Identity = DEFAULT_IDENTITY
    priority: int = 0
    deadline_seconds: float = 120.0
    is_fresh: bool = False
    job: str = ""
    is_deferrable: bool = True
    needs_page: bool | None = None

    @property
    def cost_class(self) -> str:
        """Under which name it is learned what such a lease costs."""
        return f"context {self.site}/{self.job}"


class Lease:
    """A context in use. It has the verbs of a lane; after its end each of them raises `LeaseEnded`."""

    def __init__(
        self,
        number: int,
        request: LeaseRequest,
        context: WarmContext,
        reservation: Reservation,
        *,
        asked_seconds: float,
        memory_is_tight: Callable[[], bool],
        quarantine: Quarantine | None = None,
    ) -> None:
        self.number = number
        self.request = request
        self.context = context
        self.reservation = reservation
        self.asked_seconds = asked_seconds
        self.granted_seconds = time.monotonic()
        self.deadline_at_seconds = asked_seconds + request.deadline_seconds
        self.memory_is_tight = memory_is_tight
        self.quarantine = quarantine
        self.url: str | None = None
        self.page_was_used = False
        self.is_over = False
        self.is_spoiled = False
        self.is_recalled = False
        self.too_large: PageTooLarge | None = None
        self.is_expired = False
        self.pages_before = context.pages
        self.peak_bytes = 0
        self.held_before_bytes = context.held_bytes or 0
        self.learned_at_page = context.pages
        self.on_recall: Callable[[], None] | None = None
        self.expiry: asyncio.TimerHandle | None = None

    @property
    def waited_seconds(self) -> float:
        """From asking to being granted."""
        return self.granted_seconds - self.asked_seconds

    @property
    def remaining_seconds(self) -> float:
        """Until the deadline; 0 once it has passed."""
        return max(0.0, self.deadline_at_seconds - time.monotonic())

    @property
    def page(self) -> Page:
        """The full Playwright page. Only valid inside the lease. Raises `NoPlaywrightPage` if none was asked for."""
        self._check()
        page = self.context.page
        if page is None:
            raise NoPlaywrightPage(self.number)
        self.page_was_used = True
        return page

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """See `Lane.open`. Where memory is tight the page gives back first what the one before has left behind.

        That is the moment when it costs least: nothing is loading, and all of it is garbage. Raises `UrlQuarantined`
        for an address that has killed too often.
        """
        self._check()
        if self.quarantine is not None:
            self.quarantine.check(url)
        if self.context.pages and self.memory_is_tight():
            with self._spoiling():
                await self._reclaim()
        self.survived()
        self.context.pages += 1
        if saved_html is not None:
            # The network of this context stays shut from here on, so nobody may get it after us.
            self.is_spoiled = True
        self.url = url
        with self._spoiling():
            try:
                return await self.context.lane.open(url, timeout_seconds=timeout_seconds, saved_html=saved_html)
            except NavigationTimeout:
                await self.context.check_browser()
                raise

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """See `Lane.evaluate`."""
        self._check()
        with self._spoiling():
            return await self.context.lane.evaluate(script, argument)

    async def block(self, urls: Sequence[str] = (), kinds: Sequence[str] = ()) -> None:
        """See `Lane.block`."""
        self._check()
        with self._spoiling():
            await self.context.lane.block(urls, kinds)

    async def fence(self, may_open: MayOpen | None) -> None:
        """See `Lane.fence`."""
        self._check()
        with self._spoiling():
            await self.context.lane.fence(may_open)

    async def revalidate(self, *, enabled: bool) -> None:
        """See `Lane.revalidate`."""
        self._check()
        with self._spoiling():
            await self.context.lane.revalidate(enabled=enabled)

    async def hear(self, urls: Sequence[str]) -> None:
        """See `Lane.hear`."""
        self._check()
        with self._spoiling():
            await self.context.lane.hear(urls)

    async def heard(self) -> list[Heard]:
        """See `Lane.heard`."""
        self._check()
        with self._spoiling():
            return await self.context.lane.heard()

    @property
    def missed(self) -> int:
        """See `Lane.missed`."""
        self._check()
        return self.context.lane.missed

    @property
    def pending(self) -> int:
        """See `Lane.pending`."""
        self._check()
        return self.context.lane.pending

    async def fetched(self, *, timeout_seconds: float) -> bool:
        """See `Lane.fetched`."""
        self._check()
        with self._spoiling():
            return await self.context.lane.fetched(timeout_seconds=timeout_seconds)

    async def screenshot(self, *, timeout_seconds: float = SCREENSHOT_SECONDS) -> bytes:
        """See `Lane.screenshot`."""
        self._check()
        with self._spoiling():
            return await self.context.lane.screenshot(timeout_seconds=timeout_seconds)

    async def reclaim(self) -> None:
        """See `Lane.reclaim`."""
        self._check()
        with self._spoiling():
            await self._reclaim()

    async def _reclaim(self) -> None:
        try:
            await self.context.reclaim()
        except TimeoutError:
            raise BrowserGone("the page does not answer any more") from None

    def ended(self) -> LeaseEnded:
        """What to tell its holder: that it was taken back, that its deadline has passed, or that it is over."""
        if self.is_recalled:
            return self.too_large or LeaseRecalled(self.number, self.request.site)
        who = f"lease {self.number}, {self.request.site}"
        if self.remaining_seconds == 0:
            return LeaseEnded(f"the deadline of {self.request.deadline_seconds:.0f} s has passed ({who})")
        return LeaseEnded(
            f"it is over after {time.monotonic() - self.asked_seconds:.1f} s ({who}); use a page only inside its "
            "lease, or ask for a later deadline"
        )

    def blame(self, held_bytes: int, expected_bytes: int) -> None:
        """It is this page that has taken the memory, and it is to go for it."""
        self.too_large = PageTooLarge(self.number, self.request.site, held_bytes, expected_bytes)
        if self.url is not None and self.quarantine is not None:
            self.quarantine.strike(self.url)
        self.url = None

    def survived(self) -> None:
        """Nothing has died under the address that was open."""
        if self.url is not None and self.quarantine is not None:
            self.quarantine.clear(self.url)
        self.url = None

    def died(self) -> None:
        """The browser under it has died, or the page's renderer: what was open may be what killed it."""
        self.is_spoiled = True
        if self.url is not None and self.quarantine is not None and not self.is_over:
            self.quarantine.strike(self.url)
        self.url = None

    @contextmanager
    def _spoiling(self) -> Iterator[None]:
        """A page that died, or was left in the middle of something, must not be used again."""
        try:
            yield
        except BrowserGone:
            # A browser that the pool itself has ended died of nothing that was open in it.
            self.died()
            # What was taken back in the middle of a step failed for that.
            self._check()
            raise
        except asyncio.CancelledError:
            self.is_spoiled = True
            raise

    def _check(self) -> None:
        if self.is_recalled or self.is_over:
            raise self.ended()
