"""`tidegate scrape`: open pages, live or saved, in the browser and hand over what is on them."""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from browser_pool import BrowserGone, LeaseEnded, LeaseRefused
from browser_pool.identity import DEFAULT_IDENTITY
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.evidence import saved_page, told_beside
from scraper.feed import Stop
from scraper.outcome import Outcome, reason_with_session
from scraper.page import PageReport, SavedPage, open_page
from scraper.post import Post
from scraper.recognition import own_addresses
from tidegate.errors import UsageError
from tidegate.formats import Scraped
from tidegate.program import Program

HandOn = Callable[[Sequence[Post]], None]
MOST_FILE_BYTES = 64 << 20
_WIDE = {
    # The longer mark first: it begins as the shorter one does.
    BOM_UTF32_LE: "utf-32",
    BOM_UTF32_BE: "utf-32",
    BOM_UTF16_LE: "utf-16",
    BOM_UTF16_BE: "utf-16",
}
LEASE_SPARE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Input:
    """One page to open: what the user wrote, its address, how to read it, and its text if it was saved."""

    source: str
    url: str
    definition: Definition
    saved: SavedPage | None = None


def understand(source: str, definitions: Definitions, *, site: str | None, url: str | None) -> Input:
    """What the user means by `source`. Raises `UsageError` or `UnknownSite`, with what to write instead."""
    named = definitions.by_name(site) if site else None
    if "://" in source:
        _check_address(source)
        definition = named or definitions.for_url(source)
        if definition is None:
            raise UsageError(
                f"no site definition reads {source}; name one with --site ({', '.join(definitions.names)})"
            )
        return Input(source, source, definition)
    if url is not None:
        _check_address(url)
    html, told = _read_page(Path(source)), told_beside(Path(source))
    if told is not None and named is None and told.site in definitions.names:
        named = definitions.by_name(told.site)
    url = url or (told.url if told is not None else None)
    by_url = definitions.for_url(url) if url else None
    # What a page says of itself tells more than that its address is nobody's.
    definition = named or (by_url if by_url and not by_url.is_for_any_host else definitions.for_html(html)) or by_url
    if definition is None:
        raise UsageError(
            f"{source}: can't tell which site this was; name it with --site ({', '.join(definitions.names)})"
        )
    own = next(iter(sorted(own_addresses(html), key=definition.reads, reverse=True)), None)
    address = url or own or definition.saved.base_url
    return Input(source, address, definition, saved_page(Path(source), html))


def understand_all(
    sources: Sequence[str], definitions: Definitions, *, site: str | None, url: str | None
) -> tuple[list[Input], list[UsageError]]:
    """What the user means by each of `sources`, and why some mean nothing. Raises `UsageError` where none does."""
    inputs: list[Input] = []
    errors: list[UsageError] = []
    for source in sources:
        try:
            inputs.append(understand(source, definitions, site=site, url=url))
        except UsageError as error:
            errors.append(error)
    if not inputs:
        raise UsageError("; ".join(str(error) for error in errors))
    return inputs, errors


def check_feeds(inputs: Sequence[Input]) -> None:
    """Raise `UsageError` for what is no feed that could be gone on in."""
    saved = next((page for page in inputs if page.saved is not None), None)
    if saved is not None:
        raise UsageError(f"{saved.source} is a saved page, which does not go on; leave --feed out")


async def scrape(program: Program, inputs: Sequence[Input], tell: Callable[[], None]) -> list[Scraped]:
    """Open them, as many at once as the pool allows. One result for each, in order."""

    async def one(page: Input) -> Scraped:
        report = await _read(program, page)
        tell()
        return Scraped(page.source, page.definition.name, report)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(page)) for page in inputs]
    return [task.result() for task in tasks]


async def scrape_feeds(
    program: Program, feeds: Sequence[Input], *, limit: int, hand_on: HandOn | None, tell: Callable[[], None]
) -> list[Scraped]:
    """Collect feeds to their ends, up to `limit` posts each, one after another. One result for each, in order.

    With `hand_on` that gets the posts as they come, and the results have none: memory does not grow with the feed.
    """
    done = []
    for feed in feeds:
        report = await _collect(program, feed, limit=limit, hand_on=hand_on)
        tell()
        done.append(Scraped(feed.source, feed.definition.name, report))
    return done


async def _collect(program: Program, feed: Input, *, limit: int, hand_on: HandOn | None) -> PageReport:
    async def keep(posts: Sequence[Post]) -> None:
        if hand_on is None:
            kept.extend(posts)
        else:
            hand_on(posts)

    kept: list[Post] = []
    deadline = program.settings.feed_seconds + LEASE_SPARE_SECONDS
    site = feed.definition.name
    identity = program.identity_of(site)
    try:
        async with program.pool.lease(site=site, identity=identity, job="scrape", deadline=deadline) as lease:
            report = await program.visitor.harvest(lease, feed.url, feed.definition, limit=limit, on_batch=keep)
    except (BrowserGone, LeaseEnded) as error:
        return PageReport(Outcome.CRASHED, str(error), feed.url, feed.url, posts=tuple(kept))
    except LeaseRefused as error:
        return PageReport(Outcome.TIMEOUT, str(error), feed.url, feed.url)
    wears = identity.storage_state is not None
    reason = reason_with_session(report.trouble or report.outcome, report.reason, site=site, wears_session=wears)
    ended_badly = report.outcome is Outcome.OK and report.stopped_by is Stop.TROUBLE
    return PageReport(
        Outcome.INTERSTITIAL if ended_badly else report.outcome,
        f"{report.count} posts; stopped: {report.stopped_by.value}: {reason}",
        feed.url,
        feed.url,
        posts=tuple(kept),
        layout=report.layout,
        warnings=report.warnings,
        evidence=report.evidence,
        seconds=report.seconds,
    )


async def _read(program: Program, page: Input) -> PageReport:
    deadline = program.settings.page_seconds + LEASE_SPARE_SECONDS
    site = page.definition.name
    # A saved page is of nobody: whoever wrote it has no business with the session.
    identity = DEFAULT_IDENTITY if page.saved is not None else program.identity_of(site)
    try:
        async with program.pool.lease(site=site, identity=identity, job="scrape", deadline=deadline) as lease:
            if page.saved is None:
                report = await program.visitor.read(lease, page.url, page.definition)
                wears = identity.storage_state is not None
                reason = reason_with_session(report.outcome, report.reason, site=site, wears_session=wears)
                return replace(report, reason=reason)
            return await open_page(
                lease,
                page.url,
                page.definition,
                timeout_seconds=program.settings.page_seconds,
                saved=page.saved,
            )
    except (BrowserGone, LeaseEnded) as error:
        return PageReport(Outcome.CRASHED, str(error), page.url, page.url)
    except LeaseRefused as error:
        return PageReport(Outcome.TIMEOUT, str(error), page.url, page.url)


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(character.isspace() for character in url):
        raise UsageError(f"{url!r} is no web address; one looks like https://example.org/page")


def _without_wide_characters(html: bytes) -> bytes:
    """UTF-8 in place of UTF-16 and UTF-32, in which nothing can be looked for before it is decoded."""
    for mark, charset in _WIDE.items():
        if html.startswith(mark):
            return BOM_UTF8 + html.decode(charset, "replace").encode("utf-8", "replace")
    return html


def _read_page(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_FILE_BYTES:
            raise UsageError(f"{path} has {size >> 20} MiB; a saved page has at most {MOST_FILE_BYTES >> 20}")
        html = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; an address starts with https://") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    html = _without_wide_characters(html)
    head = html[:4096].lower()
    if b"\0" in head or b"<" not in head:
        raise UsageError(f"{path} is no saved web page: there is no HTML in it")
    return html
