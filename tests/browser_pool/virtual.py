"""Time under the test's control: a loop on which nothing is waited for, and a Chromium that does as it is told."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock

from browser_pool.browser import Browser, BrowserState
from browser_pool.chromium import Chromium
from browser_pool.endpoint import LOCAL
from browser_pool.errors import BrowserGone, LaunchFailed
from browser_pool.hearing import Heard
from browser_pool.identity import Identity
from browser_pool.lane import Opened
from browser_pool.settings import PoolSettings

T = TypeVar("T")


class Clock:
    """What `time.monotonic` says. It goes on only when nobody has anything to do, or when it is told to."""

    def __init__(self) -> None:
        self.now_seconds = 1000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now_seconds


class _Selector(selectors.SelectSelector):
    """Instead of waiting for a timer, sees the clock on to it; not beyond `until_seconds`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.until_seconds = float("inf")
        self.on_idle: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector.select`."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        next_seconds = self._clock.now_seconds + timeout if timeout is not None else float("inf")
        if next_seconds > self.until_seconds or timeout is None:
            self._clock.now_seconds = max(self._clock.now_seconds, self.until_seconds)
            self.on_idle()
        else:
            self._clock.now_seconds = next_seconds
        return []


class VirtualLoop:
    """An event loop over a `Clock`. `inside` patches the clock in; `advance` runs what is due."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._selector = _Selector(self.clock)
        self.loop = asyncio.SelectorEventLoop(self._selector)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Everything in here takes its time from the clock."""
        with mock.patch.object(time, "monotonic", self.clock):
            yield

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Have something done from the next `advance` on."""
        return self.loop.create_task(work)

    def advance(self, seconds: float) -> None:
        """Run all that can be run, and what falls due in the next `seconds`."""
        self._selector.until_seconds = self.clock.now_seconds + seconds
        self._selector.on_idle = self.loop.stop
        with self.inside():
            self.loop.run_forever()

    def close(self) -> None:
        """End the loop. Nothing may be left to do."""
        left = asyncio.all_tasks(self.loop)
        assert not left, left
        self.loop.close()


class Chromiums:
    """Every Chromium that was started, and what is to go wrong with the next.

    `launches_fail` is how many launches will; with `opens_hang` a new context takes 3 s.
    """

    def __init__(self) -> None:
        self.all: list[Puppet] = []
        self.launches_fail = 0
        self.opens_hang = False

    @property
    def alive(self) -> list[Puppet]:
        """Those that were not ended."""
        return [one for one in self.all if not one.is_ended]

    async def launch(
        self,
        chromium: Chromium,
        settings: PoolSettings,
        *,
        limit_bytes: int | None,
        on_gone: Callable[[Browser], None],
    ) -> Puppet:
        """Stand in for `CdpBrowser.launch`."""
        del settings, limit_bytes
        await asyncio.sleep(0.05)
        if self.launches_fail:
            self.launches_fail -= 1
            raise LaunchFailed(str(chromium.executable), "it was told not to")
        browser = Puppet(self, on_gone)
        self.all.append(browser)
        return browser


class Puppet(Browser):
    """A Chromium that dies, hangs and forgets when it is told to."""

    has_pages = False

    def __init__(self, world: Chromiums, on_gone: Callable[[Browser], None]) -> None:
        super().__init__(LOCAL, version="1", is_sandboxed=True, root_pid=None)
        self.world = world
        self.contexts: list[PuppetContext] = []
        self.is_dead = False
        self.is_wedged = False
        self.is_ended = False
        self._on_gone = on_gone

    @property
    def is_alive(self) -> bool:
        """See `Browser.is_alive`."""
        return not self.is_dead

    async def answer(self) -> None:
        """What every command does first."""
        if self.is_wedged:
            while not self.is_dead:  # noqa: ASYNC110 nobody tells a process that it is about to be killed
                await asyncio.sleep(0.5)
        await asyncio.sleep(0.001)
        if self.is_dead:
            raise BrowserGone("it is dead")

    async def open_context(self, identity: Identity) -> PuppetContext:
        """See `Browser.open_context`."""
        del identity
        if self.world.opens_hang:
            await asyncio.sleep(3.0)
        await self.answer()
        self.contexts_opened += 1
        context = PuppetContext(self)
        self.contexts.append(context)
        return context

    async def reclaim(self) -> None:
        """See `Browser.reclaim`."""
        await self.answer()

    async def check(self) -> None:
        """See `Browser.check`."""
        await self.answer()

    async def renderers(self) -> dict[int, float]:
        """See `Browser.renderers`."""
        await self.answer()
        return {}

    async def _end(self) -> None:
        self.is_dead = self.is_ended = True
        self.contexts.clear()

    def kill(self) -> None:
        """See `Browser.kill`."""
        self.is_dead = True

    def die(self) -> None:
        """End by itself, and be noticed."""
        self.is_dead = True
        if self.state is not BrowserState.CLOSED:
            self._on_gone(self)


class PuppetLane:
    """A lane whose page is there at once."""

    def __init__(self, browser: Puppet) -> None:
        self._browser = browser

    async def open(self, url: str, *, timeout_seconds: float, saved_html: bytes | None = None) -> Opened:
        """See `Lane.open`."""
        del timeout_seconds, saved_html
        await self._browser.answer()
        return Opened(url, 200, {}, ())

    async def evaluate(self, script: str, argument: object = None) -> object:
        """See `Lane.evaluate`."""
        del script
        await self._browser.answer()
        return argument

    async def block(self, urls: object = (), kinds: object = ()) -> None:
        """See `Lane.block`."""
        del urls, kinds
        await self._browser.answer()

    async def fence(self, may_open: object) -> None:
        """See `Lane.fence`."""
        del may_open
        await self._browser.answer()

    async def revalidate(self, *, enabled: bool) -> None:
        """See `Lane.revalidate`."""
        del enabled
        await self._browser.answer()

    async def hear(self, urls: object) -> None:
        """See `Lane.hear`."""
        del urls
        await self._browser.answer()

    async def heard(self) -> list[Heard]:
        """See `Lane.heard`."""
        await self._browser.answer()
        return []

    @property
    def missed(self) -> int:
        """See `Lane.missed`."""
        return 0

    @property
    def pending(self) -> int:
        """See `Lane.pending`."""
        return 0

    async def fetched(self, *, timeout_seconds: float) -> bool:
        """See `Lane.fetched`."""
        del timeout_seconds
        await self._browser.answer()
        return True

    async def screenshot(self, *, timeout_seconds: float = 5.0) -> bytes:
        """See `Lane.screenshot`."""
        del timeout_seconds
        await self._browser.answer()
        return b""

    async def reclaim(self) -> None:
        """See `Lane.reclaim`."""
        await self._browser.answer()


class PuppetContext:
    """A context of a `Puppet`. `is_broken`: it can't be made as good as new."""

    page = None

    def __init__(self, browser: Puppet) -> None:
        self.browser = browser
        self.lane = PuppetLane(browser)
        self.is_broken = False

    async def reset(self) -> None:
        """See `OpenContext.reset`."""
        await self.browser.answer()
        if self.is_broken:
            raise BrowserGone("its page has crashed")

    async def processor_seconds(self) -> float:
        """See `OpenContext.processor_seconds`."""
        await self.browser.answer()
        return 0.0

    async def close(self) -> None:
        """See `OpenContext.close`."""
        await self.browser.answer()
        if self in self.browser.contexts:
            self.browser.contexts.remove(self)
