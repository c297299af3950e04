"""`tidegate login`: a person logs in by hand, in a window; what that left behind is tried before it is kept.

Nothing is filled in and nothing is sent but what the person does in the window. What comes out of it is tried as
everything else will wear it: in a new context of the headless browser that reads pages.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from browser_pool import (
    BrowserGone,
    BrowserPoolError,
    ChromiumNotFound,
    Identity,
    LaunchFailed,
    LeaseEnded,
    PoolSettings,
)
from browser_pool.identity import DEFAULT_IDENTITY
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport
from tidegate.errors import UsageError
from tidegate.program import Program, open_program, pool_settings, sharing_pace
from tidegate.sessions import Sessions
from tidegate.settings import Settings
from tidegate.window import DISPLAYS, full_chromium, hearing_enter, until_done, why_no_display

if TYPE_CHECKING:
    pass

LOGIN_SECONDS: Final = 3600.0
SPARE_SECONDS: Final = 300.0
SHUT_OUT: Final = frozenset({Outcome.LOGIN_WALL, Outcome.CONSENT_WALL, Outcome.BLOCKED, Outcome.CRASHED})
"""What a page is for whom a session is of no use."""
READ: Final = frozenset({Outcome.OK, Outcome.EMPTY})


class NoWindow(BrowserPoolError):
    """No window can be opened on this machine; the message says how to do without."""

    def __init__(self, site: str, detail: str, place: Path) -> None:
        super().__init__(
            f"no window can be opened here: {detail.rstrip('.')}. Run `tidegate login {site}` on a machine with a "
            f"screen, and copy the file that it names to {place} here, owned by the user that runs Tidegate and with "
            "mode 0600."
        )


class WindowLost(BrowserPoolError):
    """The window is gone, and with it what was done in it."""


class Ruling(Enum):
    """What is to become of a session that was tried."""

    KEEP = "keep"
    DOUBT = "doubt"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the window is opened, and on which pages the session is tried."""

    definition: Definition
    url: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One page, read without the session and with it."""

    url: str
    without: PageReport
    worn: PageReport


def what_to_log_in_to(definitions: Definitions, site: str, *, url: str | None, test: str | None) -> Plan:
    """What the user means. Raises `UsageError` or `UnknownSite`, with what to write instead."""
    definition = definitions.by_name(site)
    for address in (url, test):
        if address is not None:
            _check_address(address)
    if test is not None and not definition.reads(test):
        raise UsageError(f"{test} is no page of {site}, so it can't tell what the session is good for")
    pages = (test,) if test is not None else definition.check.pages
    if not pages:
        raise UsageError(
            f"{site} has no pages to try a session on: name one with --test, or give its definition [check]"
        )
    host = next((host for host in definition.hosts if host != "*"), None)
    if url is None and host is None:
        raise UsageError(f"{site} is for any host: say with --url where to log in")
    return Plan(definition, url or f"{definition.schemes[0]}://{host}/", pages)


def window_settings(settings: Settings, chromium: Path) -> PoolSettings:
    """The pool of the one window: on this machine, wherever else browsers come from."""
    usual = pool_settings(settings)
    return replace(
        usual,
        chromium=chromium,
        headed=True,
        keeps_popups=True,
        needs_page=True,
        endpoints=PoolSettings().endpoints,
        max_contexts=1,
    )


async def session_by_hand(
    settings: Settings, plan: Plan, sessions: Sessions, *, keyboard: int | None, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """Open the window, wait for the person, and return what the login left behind, as Playwright has it.

    `keyboard` is the file descriptor on which Enter is pressed. Raises `NoWindow` and `WindowLost`.
    """
    site = plan.definition.name
    sessions.prepare(site)
    place = sessions.path_of(site)
    no_display = why_no_display(os.environ, sys.platform)
    if no_display is not None:
        raise NoWindow(site, no_display, place)
    try:
        chosen = window_settings(settings, full_chromium(settings.chromium))
        async with open_program(settings, pool=chosen) as program:
            return await _in_the_window(program, plan, keyboard=keyboard, tell=tell)
    except ChromiumNotFound as error:
        raise NoWindow(site, str(error), place) from None
    except LaunchFailed as error:
        screen = next((os.environ[name] for name in DISPLAYS if os.environ.get(name)), "this machine's own")
        raise NoWindow(site, f"Chromium opens none on the screen {screen} ({error.detail})", place) from None


async def _in_the_window(
    program: Program, plan: Plan, *, keyboard: int | None, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    from playwright.async_api import Error  # noqa: PLC0415 needed only where there is a window

    site = plan.definition.name
    try:
        async with program.pool.lease(
            site=site, job="login", deadline=LOGIN_SECONDS, isolation="fresh", needs_page=True
        ) as lease:
            page = lease.page
            # A dialog that somebody listens to is left to the person.
            page.context.on("dialog", lambda _: None)
            with hearing_enter(keyboard) as enter:
                tell(
                    f"a window opens at {plan.url}. Log in there by hand; then press Enter here, or close the window."
                )
                tell("Ctrl-C leaves everything as it was.")
                going = asyncio.ensure_future(page.goto(plan.url, wait_until="commit", timeout=0))
                going.add_done_callback(lambda done: _tell_of_failure(done, tell))
                try:
                    await until_done(page.context, enter)
                finally:
                    going.cancel()
                    await asyncio.gather(going, return_exceptions=True)
            return dict(await page.context.storage_state())
    except (BrowserGone, LeaseEnded, Error) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise WindowLost(
            f"the window is gone before the session could be taken ({said}); nothing was changed. Leave the browser "
            "open and press Enter here, or close its window alone."
        ) from None


async def try_session(settings: Settings, plan: Plan, definitions: Definitions, worn: Identity) -> list[Trial]:
    """Read each page of the plan without the session and with it, each time in a context of its own."""
    async with open_program(settings, definitions=definitions) as opened, sharing_pace(opened) as program:
        return [
            Trial(
                url,
                await _read(program, plan.definition, url, DEFAULT_IDENTITY),
                await _read(program, plan.definition, url, worn),
            )
            for url in plan.pages
        ]


async def _read(program: Program, definition: Definition, url: str, identity: Identity) -> PageReport:
    deadline = program.settings.page_seconds + SPARE_SECONDS
    try:
        async with program.pool.lease(
            site=definition.name, identity=identity, job="login", deadline=deadline, isolation="fresh"
        ) as lease:
            return await program.visitor.read(lease, url, definition)
    except (BrowserGone, LeaseEnded) as error:
        return PageReport(Outcome.CRASHED, str(error), url, url)


def ruled(trials: Sequence[Trial]) -> tuple[Ruling, str]:
    """What is to become of the session, and why. Pure."""
    for trial in trials:
        if trial.worn.outcome in SHUT_OUT:
            return Ruling.REFUSE, f"with it {trial.url} is still {_in_words(trial.worn)}"
    for trial in trials:
        if trial.worn.outcome not in READ:
            return Ruling.DOUBT, f"it can't be told what it is good for: {trial.url} is {_in_words(trial.worn)}"
        if _posts(trial.worn) < _posts(trial.without):
            return Ruling.DOUBT, f"it shows less of {trial.url} than is seen without it"
    for trial in trials:
        if trial.without.outcome not in READ:
            return Ruling.KEEP, f"it opens {trial.url}, which is {trial.without.outcome.value} without it"
        if _posts(trial.worn) > _posts(trial.without):
            return Ruling.KEEP, f"it shows more of {trial.url}"
    return Ruling.DOUBT, "it makes no difference on what was tried"


def _posts(report: PageReport) -> int:
    return len(report.posts)


def _in_words(report: PageReport) -> str:
    return f"{report.outcome.value} ({report.reason})"


def _tell_of_failure(done: asyncio.Future[Any], tell: Callable[[str], None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        said = str(error).strip().splitlines()[0]
        tell(f"the page did not come ({said}): type the address into the window")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(character.isspace() for character in url):
        raise UsageError(f"{url!r} is no web address; one looks like https://example.org/login")
