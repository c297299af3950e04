"""Open a page where a person can watch, read it as always, and say why it was read as it was."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import structlog
from playwright.async_api import BrowserContext, Error

from browser_pool import BrowserPoolError, Lane, Lease, PoolSettings
from browser_pool.hearing import Heard
from browser_pool.identity import DEFAULT_IDENTITY
from scraper.diagnosis import Diagnosis, as_dict
from scraper.evidence import html_of, image_of
from scraper.outcome import Outcome
from scraper.outlines import Panel, diagnose_page, outline
from scraper.page import PageReport, open_page
from scraper.post import post_as_dict
from scraper.records import Response
from tidegate.debug.comparison import Difference, differences
from tidegate.debug.folder import Artifacts, Then, name_of, told_of, write
from tidegate.debug.recorder import Recorder
from tidegate.errors import UsageError
from tidegate.program import Program
from tidegate.redaction import Redaction, secrets_of
from tidegate.scrape import Input
from tidegate.window import full_chromium, why_no_display

log = structlog.get_logger()

FINE: Final = frozenset({Outcome.OK, Outcome.EMPTY})
LOOK_SECONDS: Final = 86_400.0
"""So long a person may look at a window."""
SPARE_SECONDS: Final = 300.0
AGAIN_SECONDS: Final = 20.0
"""So long a page that was read has to say what was read where. One that is busy with itself never answers."""
TRACE_SECONDS: Final = 60.0
STATE_SECONDS: Final = 5.0
MOST_LINES: Final = 12

Hold = Callable[[BrowserContext, "Sight"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a page is looked at. `folder` is where it is kept, None: a new one below the data directory."""

    headed: bool = False
    devtools: bool = False
    slow_mo_ms: float = 0.0
    pause_on_failure: bool = False
    pause: bool = False
    trace: bool = False
    folder: Path | None = None

    def pool(self, chromium: Path | None) -> PoolSettings:
        """A pool of one context that has a Playwright page."""
        return PoolSettings(
            chromium=chromium,
            headed=self.headed,
            devtools=self.devtools,
            slow_mo_ms=self.slow_mo_ms,
            needs_page=True,
            max_contexts=1,
        )

    def pauses(self, outcome: Outcome) -> bool:
        """Whether the window stays open for a page of this outcome."""
        return self.headed and (self.pause or (self.pause_on_failure and outcome not in FINE))


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen: the report, why, where it is kept; for a replay, what was not as it had been."""

    input: Input
    report: PageReport
    diagnosis: Diagnosis | None
    boxes: int = 0
    folder: Path | None = None
    then: Then | None = None
    changed: tuple[Difference, ...] = field(default=())

    @property
    def is_fine(self) -> bool:
        """Whether the page is what was asked for."""
        return self.report.outcome in FINE


def chromium_for(setting: Path | None, *, headed: bool) -> Path | None:
    """The Chromium to take: of a window one that has some. Raises `UsageError` where no window can be opened."""
    if not headed:
        return setting
    reason = why_no_display(os.environ, sys.platform)
    if reason is not None:
        raise UsageError(
            f"no window can be opened here: {reason}. Run it on a desktop, under `xvfb-run -a`, or without --headed"
        )
    return full_chromium(setting)


async def look(program: Program, page: Input, watch: Watch, *, hold: Hold, then: Then | None = None) -> Sight:
    """Open `page`, read it, keep what it was, draw on it what was read where, and `hold` it where that is wanted.

    A replay (`then`) is kept only where a folder is named. Raises what a lease raises, and `UsageError`.
    """
    waits = watch.pause or watch.pause_on_failure
    deadline = LOOK_SECONDS if waits else program.settings.page_seconds + SPARE_SECONDS
    site = page.definition.name
    identity = DEFAULT_IDENTITY if page.saved else program.identity_of(site)
    async with (
        program.pool.lease(
            site=site, identity=identity, job="debug", deadline=deadline, isolation="fresh", needs_page=True
        ) as lease,
        Recorder().listening(lease.page) as recorder,
    ):
        if watch.trace:
            await lease.page.context.tracing.start(screenshots=True, snapshots=True)
        looking = _Looking(program, page, lease, recorder)
        sight = await looking.see(then)
        keeps = then is None or watch.folder is not None
        sight = await looking.keep(sight, watch.folder, trace=watch.trace) if keeps else await looking.draw(sight)
        if watch.pauses(sight.report.outcome):
            await hold(lease.page.context, sight)
        return sight


class _Listener:
    """A lane that remembers what its page was told: a replay needs it, whatever the outcome."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.heard_so_far: list[Heard] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lane, name)

    async def heard(self) -> list[Heard]:
        """See `Lane.heard`."""
        new = await self._lane.heard()
        self.heard_so_far += new
        return new


class _Looking:
    """One page, from its opening to what is kept of it."""

    def __init__(self, program: Program, page: Input, lease: Lease, recorder: Recorder) -> None:
        self._program = program
        self._page = page
        self._lease = lease
        self._recorder = recorder
        self._listener = _Listener(lease)
        self._lane = cast("Lane", self._listener)

    async def see(self, then: Then | None) -> Sight:
        """Read it as always, and then once more, to say why."""
        page, report = self._page, await self._read()
        changed: tuple[Difference, ...] = ()
        if then is not None:
            changed = tuple(differences(then.posts, [_plain(post_as_dict(post)) for post in report.posts]))
        diagnosis = None
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                diagnosis = await diagnose_page(
                    self._lane,
                    page.definition,
                    expected_id=report.expected_id,
                    responses=self._responses(),
                    read_at=page.saved.read_at if page.saved else datetime.now(UTC),
                )
        except (BrowserPoolError, ValueError, TimeoutError) as error:
            # Of a page that was not opened there is nothing to be seen, and one that is busy does not answer.
            log.info("debug.no_diagnosis", url=page.url, reason=str(error) or "no answer")
        return Sight(page, report, diagnosis, then=then, changed=changed)

    async def draw(self, sight: Sight) -> Sight:
        """Draw on the page what was read where."""
        if sight.diagnosis is None:
            return sight
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                return replace(sight, boxes=await outline(self._lane, sight.diagnosis, panel_of(sight)))
        except (BrowserPoolError, ValueError, TimeoutError) as error:
            log.info("debug.not_outlined", reason=str(error) or "no answer")
            return sight

    async def keep(self, sight: Sight, folder: Path | None, *, trace: bool) -> Sight:
        """Keep what it is, before and after drawing on it."""
        await self._recorder.settle()
        html, image = await html_of(self._lane), await image_of(self._lane)
        sight = await self.draw(sight)
        outlined = await image_of(self._lane) if sight.diagnosis else None
        redaction = Redaction([*await self._secrets(), *self._recorder.secrets()])
        browser = self._lease.page.context.browser
        har = self._recorder.har(redaction, browser=browser.version if browser else "")
        with TemporaryDirectory(prefix="tidegate-debug-") as scratch:
            raw_trace = await self._trace(Path(scratch)) if trace else None
            is_live = self._page.saved is None
            artifacts = Artifacts(html, image, outlined, self._responses(), har if is_live else None, raw_trace)
            return await self._write(sight, artifacts, redaction, folder)

    async def _read(self) -> PageReport:
        page = self._page
        if page.saved is None:
            return await self._program.visitor.read(self._lane, page.url, page.definition)
        seconds = self._program.settings.page_seconds
        return await open_page(self._lane, page.url, page.definition, timeout_seconds=seconds, saved=page.saved)

    def _responses(self) -> tuple[Response, ...]:
        if self._page.saved is not None:
            return self._page.saved.responses
        return tuple(Response(one.url, one.body) for one in self._listener.heard_so_far)

    async def _trace(self, scratch: Path) -> Path | None:
        place = scratch / "trace.zip"
        try:
            async with asyncio.timeout(TRACE_SECONDS):
                await self._lease.page.context.tracing.stop(path=place)
        except (Error, TimeoutError) as error:
            log.warning("debug.no_trace", reason=str(error))
            return None
        return place

    async def _secrets(self) -> list[str]:
        """What the browser holds, and what it began with."""
        began = self._lease.request.identity.read_storage().as_playwright_has_it()
        try:
            async with asyncio.timeout(STATE_SECONDS):
                state = await self._lease.page.context.storage_state()
        except (Error, TimeoutError) as error:
            log.info("debug.no_state", reason=str(error))
            return secrets_of(began)
        return secrets_of(began) + secrets_of(cast("dict[str, Any]", state))

    async def _write(self, sight: Sight, artifacts: Artifacts, redaction: Redaction, folder: Path | None) -> Sight:
        now = datetime.now(UTC)
        site, saved = self._page.definition.name, self._page.saved
        place = folder or self._program.settings.data_dir / "debug" / name_of(site, sight.report.outcome, now)
        kinds = as_dict(sight.diagnosis) if sight.diagnosis else []
        read_at = saved.read_at if saved and saved.read_at else now
        told = told_of(sight.report, site=site, now=read_at, diagnosis=kinds)
        await asyncio.to_thread(write, place, told, artifacts, redaction)
        return replace(sight, folder=place)


def panel_of(sight: Sight) -> Panel:
    """What the corner of the window says."""
    report = sight.report
    lines = [("head", f"{sight.input.definition.name} · {report.outcome.value}"), ("line", report.reason)]
    if sight.diagnosis is not None:
        lines += [("lost", f"{one.field}: {one.why}") for _, one in sight.diagnosis.lost]
        lines += [("lost", f"{kind.layout}/{kind.kind}: {kind.why}") for kind in sight.diagnosis.kinds if kind.why]
        lines += [
            ("line", f"{one.field}: {one.read} of {kind.elements}, {one.example}")
            for kind in sight.diagnosis.kinds
            for one in kind.fields
            if one.read
        ]
    lines += [("lost", str(change)) for change in sight.changed]
    return Panel(sight.is_fine, tuple(lines[: MOST_LINES * 2]))


def _plain(value: Any) -> Any:
    """As it comes back from JSON."""
    return json.loads(json.dumps(value, default=str))
