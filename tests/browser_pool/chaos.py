"""Everything that goes wrong, at random and at once, from a seed: pages that misbehave and processes that die.

A visitor opens pages, most of them good and some of them not, and at times gives up, forgets, or is careless. A
vandal kills and stops processes of the pool meanwhile. What is counted is what a sceptic would count.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from browser_pool import BrowserGone, BrowserPoolError, LeaseEnded, LeaseRequest, UnifiedBrowserPool
from memory.processes import Role, role_of
from tidegate.demo import DemoSite

SHOWN = """() => new Promise((done) => {
  const look = () => document.querySelector('article') ? done(true) : setTimeout(look, 20);
  look();
})"""

TROUBLES = (
    "alerts",
    "api_hang",
    "beforeunload",
    "crash",
    "download",
    "hang",
    "js_loop",
    "memory:100",
    "popups:10",
    "redirect_loop",
)

VICTIMS = (Role.RENDERER, Role.RENDERER, Role.RENDERER, Role.BROWSER, Role.DRIVER, Role.GPU, Role.NETWORK)
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP)

BAD_SECONDS = 1.5
GOOD_SECONDS = 30.0
MOST_TRIES = 12


class CarelessVisitor(Exception):
    """An error of the visitor's own, in the middle of a lease."""


@dataclass(slots=True)
class Left:
    """What a process has open: of the system, and of Python."""

    descriptors: int
    threads: int
    tasks: int
    children: int

    @classmethod
    def now(cls) -> Left:
        gc.collect()
        process = psutil.Process()
        return cls(process.num_fds(), threading.active_count(), len(asyncio.all_tasks()), len(list(running())))


@dataclass(slots=True)
class Chaos:
    """`pages` visits by `visitors` at once, under a vandal who strikes `strikes_a_page` times a page.

    `ended` counts how visits ended, by the name of the error, "read" and "done"; `read` and `wanted` are the good
    pages.
    """

    pool: UnifiedBrowserPool
    site: DemoSite
    seed: int
    pages: int
    visitors: int = 4
    strikes_a_page: float = 0.06
    has_pages: bool = False
    read: int = 0
    wanted: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Visit all pages. Any error that is not one of the pool's own comes out."""
        dice = random.Random(self.seed)
        plans = iter([(number, dice.random()) for number in range(self.pages)])
        async with asyncio.TaskGroup() as group:
            vandal = group.create_task(self._vandalise(random.Random(self.seed + 1)))
            await asyncio.gather(
                *(self._visitor(plans, random.Random(self.seed + 2 + n)) for n in range(self.visitors))
            )
            vandal.cancel()

    async def _visitor(self, plans: Iterator[tuple[int, float]], dice: random.Random) -> None:
        for number, luck in plans:
            if luck < 0.7:
                await self._read_until_it_is_read(number)
            elif luck < 0.9:
                await self._meet(dice.choice(TROUBLES), dice)
            else:
                await dice.choice((self._be_careless, self._give_up, self._forget, self._give_back_twice))(dice)

    async def _read_until_it_is_read(self, number: int) -> None:
        """A good page has to be read, however often the browser dies under it."""
        self.wanted += 1
        address = self.site.post_url(self.site.world.posts[number % len(self.site.world.posts)])
        for _ in range(MOST_TRIES):
            try:
                async with self.pool.lease(site=f"good {number % 2}", deadline=GOOD_SECONDS) as lease:
                    await lease.open(address, timeout_seconds=5)
                    async with asyncio.timeout(5):
                        if await lease.evaluate(SHOWN):
                            self.read += 1
                            self.ended["read"] += 1
                            return
            except (BrowserPoolError, TimeoutError) as error:
                self.ended[f"good: {type(error).__name__}"] += 1

    async def _meet(self, trouble: str, dice: random.Random) -> None:
        isolation = dice.choice(("warm", "fresh"))
        needs_page = self.has_pages and dice.random() < 0.5
        try:
            async with self.pool.lease(
                site="bad", deadline=BAD_SECONDS, isolation=isolation, needs_page=needs_page
            ) as lease:
                await lease.open(f"{self.site.url}/?trouble={trouble}", timeout_seconds=1)
                if needs_page and dice.random() < 0.5:
                    await lease.page.title()
                await lease.evaluate(SHOWN)
                self.ended["done"] += 1
        except BrowserPoolError as error:
            self.ended[type(error).__name__] += 1
        except Exception as error:
            # A Playwright page that was handed out speaks for itself.
            if not type(error).__module__.startswith("playwright."):
                raise
            self.ended["Playwright's own"] += 1

    async def _be_careless(self, _: random.Random) -> None:
        try:
            async with self.pool.lease(site="careless", deadline=GOOD_SECONDS):
                raise CarelessVisitor  # noqa: TRY301 it is what a caller's own mistake looks like
        except (CarelessVisitor, BrowserPoolError) as error:
            self.ended[type(error).__name__] += 1

    async def _give_up(self, dice: random.Random) -> None:
        """Cancelled at any moment: while waiting, while opening, while reading."""

        async def visit() -> None:
            async with self.pool.lease(site="hasty", deadline=GOOD_SECONDS) as lease:
                await lease.open(f"{self.site.url}/", timeout_seconds=5)
                await lease.evaluate(SHOWN)

        visiting = asyncio.create_task(visit())
        await asyncio.wait([visiting], timeout=dice.random() * 0.4)
        visiting.cancel()
        [ended] = await asyncio.gather(visiting, return_exceptions=True)
        if ended is not None and not isinstance(ended, BrowserPoolError | asyncio.CancelledError):
            raise ended
        self.ended["given up"] += 1

    async def _forget(self, _: random.Random) -> None:
        """Acquired and never given back: its deadline does that."""
        try:
            await self.pool.acquire(LeaseRequest("forgotten", deadline_seconds=BAD_SECONDS))
        except BrowserPoolError as error:
            self.ended[type(error).__name__] += 1
        else:
            self.ended["forgotten"] += 1

    async def _give_back_twice(self, _: random.Random) -> None:
        try:
            lease = await self.pool.acquire(LeaseRequest("twice", deadline_seconds=GOOD_SECONDS))
        except (BrowserGone, LeaseEnded, BrowserPoolError) as error:
            self.ended[type(error).__name__] += 1
            return
        self.pool.release(lease)
        self.pool.release(lease)
        self.ended["given back twice"] += 1

    async def _vandalise(self, dice: random.Random) -> None:
        """Strike when so many pages more have been visited."""
        due = 0.0
        while True:
            visited = self.pool.statistics().pages_opened
            if visited * self.strikes_a_page < due:
                await asyncio.sleep(0.05)
                continue
            due = visited * self.strikes_a_page + dice.uniform(0.5, 1.5)
            role, blow = dice.choice(VICTIMS), dice.choice(SIGNALS)
            victims = [process for process in running() if role_of(cmdline(process)) is role]
            if victims:
                os.kill(dice.choice(victims).pid, blow)
                self.struck[f"{role.value} {blow.name}"] += 1


def running() -> Iterator[psutil.Process]:
    """The processes below this one that still do something."""
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.NoSuchProcess:
            continue


def cmdline(process: psutil.Process) -> list[str]:
    """What it was started with; nothing if it is gone."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
