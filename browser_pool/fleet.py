"""All the browsers of a pool: of this machine and of others, with Playwright pages and without."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from browser_pool.browser import Browser
from browser_pool.context import WarmContext
from browser_pool.endpoint import Endpoint
from browser_pool.errors import BrowserGone, LaunchFailed
from browser_pool.events import Hooks
from browser_pool.owner import BrowserOwner
from browser_pool.settings import PoolSettings


@dataclass(frozen=True, slots=True)
class NoSource:
    """No place can give a context now. `wait_seconds` until one may be tried again; None: until a context closes."""

    detail: str
    wait_seconds: float | None


class Fleet:
    """The owners, one for each place and kind; a kind that nobody asks for is never started."""

    def __init__(
        self,
        settings: PoolSettings,
        *,
        limit_bytes: Callable[[], int | None],
        on_launched: Callable[[Browser], None],
        on_lost: Callable[[Browser], None],
        hooks: Hooks,
    ) -> None:
        self._settings = settings
        self._owners = {
            (endpoint, uses_driver): BrowserOwner(
                endpoint,
                settings,
                uses_driver=uses_driver,
                limit_bytes=limit_bytes,
                on_launched=on_launched,
                on_lost=on_lost,
                hooks=hooks,
            )
            for endpoint in settings.endpoints
            for uses_driver in sorted({endpoint.uses_driver(needs_page=page) for page in (False, True)})
        }

    @property
    def owners(self) -> tuple[BrowserOwner, ...]:
        """All of them."""
        return tuple(self._owners.values())

    @property
    def local_browsers(self) -> tuple[Browser, ...]:
        """The browsers that serve now and whose memory is ours."""
        owners = (owner for owner in self.owners if owner.endpoint.is_local)
        return tuple(owner.browser for owner in owners if owner.browser is not None)

    def owner_of(self, browser: Browser) -> BrowserOwner:
        """Whose it is, or was."""
        return self._owners[browser.endpoint, browser.has_pages]

    def choose(
        self, contexts: Iterable[WarmContext], *, needs_page: bool, now_seconds: float
    ) -> BrowserOwner | NoSource:
        """Where the next context is to come from: of the places that work and have room, the one with fewest.

        Of equals the one that was named first. Decides only.
        """
        held = Counter(context.source.endpoint for context in contexts if context.source is not None)
        candidates = [self._owner_for(endpoint, needs_page=needs_page) for endpoint in self._settings.endpoints]
        up = [owner for owner in candidates if owner.breaker.wait_seconds(now_seconds) == 0]
        if not up:
            wait = min(owner.breaker.wait_seconds(now_seconds) for owner in candidates)
            said = "; ".join(f"{owner.endpoint.name}: {owner.breaker.detail}" for owner in candidates)
            return NoSource(f"no browser can be had ({said})", wait)
        with_room = [owner for owner in up if _has_room(owner.endpoint, held[owner.endpoint])]
        if not with_room:
            return NoSource("every place for a browser holds as many contexts as it may", None)
        return min(with_room, key=lambda owner: held[owner.endpoint])

    async def open(self, context: WarmContext, contexts: Iterable[WarmContext], *, needs_page: bool) -> None:
        """Make a context real, if it is new.

        A browser that turns out to be dead is replaced once. Where none can be had, another place is tried. Raises
        `BrowserGone`, `LaunchFailed` and `IdentityRefused`.
        """
        was_dead = False
        while context.browser is None or was_dead:
            source = context.source
            assert source is not None  # noqa: S101 the gate gives one to each new context
            try:
                await self._open_at(source, context)
            except BrowserGone:
                if was_dead:
                    raise
                was_dead = True
                source.notice_death()
            except LaunchFailed:
                other = self.choose(contexts, needs_page=needs_page, now_seconds=time.monotonic())
                if isinstance(other, NoSource) or other is source:
                    raise
                context.source = other
            else:
                source.breaker.work()
                return

    async def _open_at(self, source: BrowserOwner, context: WarmContext) -> None:
        """Make it there. A browser that is connected and does not answer is ended, so that another can be had."""
        browser = await source.serving()
        limit = asyncio.timeout(self._settings.open_seconds)
        try:
            async with limit:
                await context.open(browser)
        except TimeoutError:
            if not limit.expired():
                raise
            source.kill(browser)
            raise BrowserGone(f"the browser made no context in {self._settings.open_seconds:.0f} s") from None

    async def warm_up(self) -> None:
        """Have a browser of the default kind, wherever one can be had. Raises the last `LaunchFailed` if none can."""
        problem: Exception | None = None
        for endpoint in self._settings.endpoints:
            owner = self._owner_for(endpoint, needs_page=self._settings.needs_page)
            try:
                await owner.serving()
            except LaunchFailed as error:
                problem = error
            else:
                return
        if problem is not None:
            raise problem

    def is_spare(self, owner: BrowserOwner) -> bool:
        """Whether leases get a browser of this kind only if they ask for it."""
        return owner is not self._owner_for(owner.endpoint, needs_page=self._settings.needs_page)

    def notice_deaths(self) -> None:
        """Look after every browser that may have died without a word."""
        for owner in self.owners:
            owner.notice_death()

    async def close(self) -> None:
        """End all of them."""
        await asyncio.gather(*(owner.close() for owner in self.owners))

    def _owner_for(self, endpoint: Endpoint, *, needs_page: bool) -> BrowserOwner:
        return self._owners[endpoint, endpoint.uses_driver(needs_page=needs_page)]


def _has_room(endpoint: Endpoint, held: int) -> bool:
    return endpoint.max_contexts is None or held < endpoint.max_contexts
