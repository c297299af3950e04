"""Open one page and say what it turned out to be.

Block, open, read in one evaluate, extract, judge: one clock over all of it, and a typed outcome whatever happens,
except that a browser which is gone is its pool's business and comes out as `BrowserGone`.
"""

from __future__ import annotations

import asyncio
import re
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from browser_pool.errors import (
    NavigationFailed,
    PageCrashed,
    PageReplaced,
    ScriptFailed,
)
from browser_pool.lane import Lane, Opened
from scraper.definition import Definition
from scraper.extraction import Extraction, extracting, under_asked_address
from scraper.links import joined
from scraper.outcome import Evidence, Outcome, Verdict, judge
from scraper.post import Post
from scraper.reader import MAX_ITEMS, MAX_TOTAL_CHARACTERS, SCRIPT, Reading, task
from scraper.records import RecordBook, Response
from scraper.unreachable import of_failure

T = TypeVar("T")

HTTP_FAILED: Final = 400
"""From this status on the page says what is wrong, and no posts are waited for."""
HEAR_SECONDS: Final = 1.0
"""So long a page that shows its posts is listened to for the responses that belong to them."""
FETCH_SECONDS: Final = 1.0
ZERO_FETCH_SECONDS: Final = 5.0
"""So long a page that shows its posts may wait for what its scripts have asked for; longer where a count is 0."""
BREATH_SECONDS: Final = 0.02
"""So long the posts of one page may keep everybody else waiting."""
GRACE_SECONDS: Final = 0.5
"""The reader is told to end this much before the time limit, so that what it saw still comes back."""

_SEAL = (
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
    'script-src {}">'
)
_DOCTYPE = re.compile(rb"(?>\s+|<!--.*?-->|<\?[^>]*+>)*+(?:<!doctype[^>]*+>)?", re.IGNORECASE | re.DOTALL)
ESCAPE = b"\x1b"
_INTERRUPTED_CODES = ("ERR_ABORTED", "ERR_FAILED")
"""What Chromium says, among others, of a page whose network process has just died."""


@dataclass(frozen=True, slots=True)
class SavedPage:
    """A page as it was kept: its HTML, and if they are known, the responses it had asked for and when it was read.

    It is read as a live one is, in UTF-8 if it is that, else in the charset that it says it has. Without `read_at`
    (aware) a moment such as "2 hours ago" is unknown. `final_url` is where it was in the end, if not where it was
    asked for, and `status` what its server had said. It `was_unfinished` if it was kept while it was waited for.
    """

    html: bytes
    responses: tuple[Response, ...] = ()
    read_at: datetime | None = None
    final_url: str | None = None
    status: int | None = None
    was_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class PageReport:
    """What opening `url` turned out to be, and what was read.

    `layout` is the face of the site that matched, None where none did. `seconds` is how long it took. `evidence` is
    what the outcome rests on, as plain data. `next_url` is where a feed of several pages goes on. `responses` are
    what the page had asked for, of what may hold records, if it is not what was asked for. `is_put_off`: the host is
    to be left alone for `retry_after_seconds`, and was not asked at all. `is_interrupted`: it may have been the
    browser, and not the page; elsewhere it may be there.
    """

    outcome: Outcome
    reason: str
    url: str
    final_url: str
    status: int | None = None
    expected_id: str | None = None
    posts: tuple[Post, ...] = ()
    layout: str | None = None
    retry_after_seconds: float | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    next_url: str | None = None
    responses: tuple[Response, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    is_put_off: bool = False
    is_interrupted: bool = False

    @property
    def post(self) -> Post | None:
        """The post that was asked for."""
        return next((post for post in self.posts if post.id == self.expected_id), None)


async def open_page(
    lane: Lane,
    url: str,
    definition: Definition,
    *,
    timeout_seconds: float,
    expected_id: str | None = None,
    saved: SavedPage | None = None,
    why_unread: Callable[[Opened], str | None] | None = None,
    records: RecordBook | None = None,
    is_bound: bool = True,
) -> PageReport:
    """Open `url` and read it by `definition`.

    `expected_id` is the post that must be there, by default the one whose address `url` is (none, if it is not
    `is_bound`: the second page of a thread has the thread's address, and not its first post). With `saved` that is
    the page, and nothing goes to the network. `why_unread` is asked once it is known where the page came from:
    if it gives a reason, the outcome is `refused_url` and nothing is read. With `records`, a feed's, the JSON that
    comes with the page is added to them, and posts are marked as read.

    Raises `BrowserGone` when the browser is gone. A crash of this page alone is an outcome.
    """
    started = monotonic()
    asked = expected_id or (definition.id_in(url) if is_bound else None)
    opened: Opened | None = None
    responses: Sequence[Response] = ()
    missed = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            opened = await _open(lane, url, definition, saved, timeout_seconds)
            refused = why_unread(opened) if why_unread else None
            if refused is not None:
                return _unread(Verdict(Outcome.REFUSED_URL, refused), url, opened, asked, started)
            reading = await read_page(
                lane,
                task(
                    definition,
                    deadline_seconds=timeout_seconds - GRACE_SECONDS - (monotonic() - started),
                    expected_id=asked and definition.as_sought(asked),
                    settled=saved is not None or (opened.status or 0) >= HTTP_FAILED,
                    collecting=records is not None,
                ),
            )
            if saved is not None and saved.was_unfinished:
                reading = reading.model_copy(update={"stopped": "deadline", "ready_state": "loading"})
            book = records or RecordBook(definition)
            await in_turns(book.adding(reading.scripts, saved.responses if saved else (), base_url=reading.base))
            if saved is None and definition.hears:
                until = started + timeout_seconds - GRACE_SECONDS
                extraction, responses = await extracted_by_ear(lane, definition, reading, book, until=until)
                missed = lane.missed
            else:
                read_at = saved.read_at if saved else datetime.now(UTC)
                extraction = await in_turns(extracting(definition, reading, book, read_at=read_at))
    except TimeoutError:
        verdict = Verdict(Outcome.TIMEOUT, f"not read within {timeout_seconds:g} s")
        return _unread(verdict, url, opened, asked, started)
    except PageCrashed as error:
        crashed = _unread(Verdict(Outcome.CRASHED, str(error)), url, opened, asked, started)
        return replace(crashed, is_interrupted=True)
    except NavigationFailed as error:
        failed = _unread(of_failure(error), url, opened, asked, started)
        return replace(failed, is_interrupted=any(code in error.code for code in _INTERRUPTED_CODES))
    except (ScriptFailed, ValidationError) as error:
        return _unread(of_script_failure(error), url, opened, asked, started)
    return report_of(
        definition,
        reading,
        under_asked_address(definition, extraction, asked),
        opened,
        url=url,
        expected_id=asked,
        started=started,
        # A feed tells them at its end, once, and what is left over it reads at the next step.
        problems=() if records is not None else (*book.problems, *warnings_of_hearing(missed), *_left(reading)),
        responses=responses,
    )


async def _open(
    lane: Lane, url: str, definition: Definition, saved: SavedPage | None, timeout_seconds: float
) -> Opened:
    if saved is None:
        await lane.block(definition.block, definition.block_kinds)
        await lane.hear(definition.hears)
        await lane.revalidate(enabled=True)
        return await lane.open(url, timeout_seconds=timeout_seconds)
    html = sealed(saved.html, javascript=definition.saved.javascript)
    opened = await lane.open(saved.final_url or url, timeout_seconds=timeout_seconds, saved_html=html)
    return opened if saved.status is None else replace(opened, status=saved.status)


async def extracted_by_ear(
    lane: Lane, definition: Definition, reading: Reading, book: RecordBook, *, until: float
) -> tuple[Extraction, list[Response]]:
    """The posts of a reading, with what the page asks for itself, and that: it can show a post before it has come.

    The records of what it shows are waited for for `HEAR_SECONDS`. Posts that are nowhere but there are waited for as
    long as there is time (`until`, of `monotonic`), unless the page says why there are none.
    """
    waits = any(kind.css is None for _, kind in definition.kinds) and reading.tell_tale is None
    soon = min(until, monotonic() + HEAR_SECONDS)
    responses: list[Response] = []
    while True:
        responses += (new := await _heard(lane, definition))
        await in_turns(book.adding((), new, base_url=reading.base))
        extraction = await in_turns(extracting(definition, reading, book, read_at=datetime.now(UTC)))
        known = extraction.posts and book.knows_all(extraction.posts)
        nothing_to_hear = not reading.items and not waits
        if known or nothing_to_hear or monotonic() >= (until if waits and not extraction.posts else soon):
            break
        await asyncio.sleep(HEAR_SECONDS / 20)
    return extraction, responses


async def in_turns(steps: Generator[None, None, T]) -> T:
    """What `steps` comes to. However many there are, others have their turn meanwhile, and the clock is heeded."""
    since = monotonic()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        if monotonic() - since > BREATH_SECONDS:
            await asyncio.sleep(0)
            since = monotonic()


def warnings_of_hearing(missed: int) -> tuple[str, ...]:
    """What a reader of the report should know of `missed` responses."""
    return (f"{missed} responses were too many or too large to be kept",) if missed else ()


async def _heard(lane: Lane, definition: Definition) -> list[Response]:
    """What the page has asked for since the last time, of what holds records."""
    if not definition.hears:
        return []
    return [Response(one.url, one.body) for one in await lane.heard() if one.status < HTTP_FAILED]


async def read_page(lane: Lane, reader_task: dict[str, Any]) -> Reading:
    """One reading of the page that is open. Begins anew when the page sends itself elsewhere meanwhile.

    While the page's own scripts wait for answers that is not all: it is read once more when they have come. There is
    no time limit here but for that: the caller's is the limit.
    """
    started = monotonic()
    reading = await _read_once(lane, reader_task)
    if reader_task["settled"] or not reading.items or not lane.pending:
        return reading
    left = reader_task["deadline_ms"] / 1000 - (monotonic() - started)
    most = ZERO_FETCH_SECONDS if reading.has_zero else FETCH_SECONDS
    has_come = await lane.fetched(timeout_seconds=max(0.0, min(left, most)))
    left = reader_task["deadline_ms"] / 1000 - (monotonic() - started)
    again = {"is_again": True, "distrusts_zero": not has_come, "deadline_ms": max(0.0, left) * 1000}
    return await _read_once(lane, {**reader_task, **again})


async def _read_once(lane: Lane, reader_task: dict[str, Any]) -> Reading:
    pause = 0.0
    while True:
        try:
            return Reading.of(await lane.evaluate(SCRIPT, reader_task))
        except PageReplaced:
            # Some pages send themselves elsewhere again and again.
            await asyncio.sleep(pause)
            pause = min(pause * 2 or 0.01, 0.25)


def report_of(
    definition: Definition,
    reading: Reading,
    extraction: Extraction,
    opened: Opened,
    *,
    url: str,
    expected_id: str | None,
    started: float,
    problems: Sequence[str] = (),
    responses: Sequence[Response] = (),
) -> PageReport:
    """The report of a page that could be read. `started` is a time of `monotonic`."""
    evidence = evidence_of(definition, reading, extraction, opened, url=url, expected_id=expected_id)
    verdict = judge(evidence, datetime.now(UTC))
    read = verdict.outcome is Outcome.OK
    return PageReport(
        outcome=verdict.outcome,
        reason=verdict.reason,
        url=url,
        final_url=reading.url,
        status=opened.status,
        expected_id=expected_id,
        posts=extraction.posts if read else (),
        layout=extraction.posts[0].layout if extraction.posts else None,
        retry_after_seconds=verdict.retry_after_seconds,
        seconds=monotonic() - started,
        warnings=(*warnings_of(extraction), *problems),
        next_url=joined(reading.base, reading.next) if reading.next else None,
        responses=() if read else tuple(responses),
        evidence=MappingProxyType(
            {
                "title": reading.title,
                "language": reading.language,
                "ready_state": reading.ready_state,
                "stopped": reading.stopped,
                "waited_ms": reading.waited_ms,
                "tell_tale": evidence.tell_tale[1] if evidence.tell_tale else None,
                "requests": reading.requests,
                "inside": reading.inside,
                "elements": elements_by_kind(definition, reading),
                "found": list(evidence.found),
                "unfit": list(evidence.unfit),
            }
        ),
    )


def evidence_of(
    definition: Definition,
    reading: Reading,
    extraction: Extraction,
    opened: Opened,
    *,
    url: str,
    expected_id: str | None,
) -> Evidence:
    """What the judge needs to know of a reading."""
    tale = None
    if reading.tell_tale is not None and reading.tell_tale < len(definition.tell_tales):
        shown = definition.tell_tales[reading.tell_tale]
        tale = (shown.outcome, shown.reason)
    return Evidence(
        status=opened.status,
        headers=opened.headers,
        on_site=definition.reads(reading.url) or urlsplit(reading.url).hostname == urlsplit(url).hostname,
        url=reading.url,
        title=reading.title,
        tell_tale=tale,
        found=tuple(post.id for post in extraction.posts),
        unfit=extraction.unfit,
        expected_id=expected_id,
        countless=countless(definition, extraction.posts, expected_id),
        shut_frames=reading.shut_frames,
        ready_state=reading.ready_state,
        busy=reading.busy,
        overdue=reading.stopped == "deadline",
    )


def countless(definition: Definition, posts: Sequence[Post], expected_id: str | None) -> str | None:
    """Which counts the posts asked for should show, and where, if none of them shows any; else None. Pure."""
    asked = [post for post in posts if expected_id is None or post.id == expected_id]
    kinds = {(layout.name, kind.name): kind for layout, kind in definition.kinds}
    for post in asked:
        kind = kinds.get((post.layout, post.kind))
        if kind is None or kind.may_lack_counts or not kind.count_places or post.has_metric or post.countless:
            return None
    if not asked:
        return None
    first = asked[0]
    places: dict[str, str] = {}
    for metric, source in kinds[first.layout, first.kind].count_places:
        # Of records it is hard to say where they are; a person finds an element.
        if metric not in places or (source.css and places[metric].startswith("record ")):
            places[metric] = source.name
    told = "; ".join(f"{metric} at {place[:60]}" for metric, place in places.items())
    said = "".join(f"; {warning}" for warning in first.warnings[:2])
    which = f"post {first.id} shows" if len(asked) == 1 else f"{len(asked)} posts show"
    return f"{which} no count, where its kind ({first.layout}/{first.kind}) has {told}{said}"


def warnings_of(extraction: Extraction) -> tuple[str, ...]:
    """What a reader of the report should know about the page as a whole."""
    warnings = [f"{len(extraction.unfit)} posts left out: {extraction.unfit[0]}"] if extraction.unfit else []
    if extraction.promoted_without_id:
        warnings.append(f"{extraction.promoted_without_id} promoted posts left out")
    return tuple(warnings)


def _left(reading: Reading) -> tuple[str, ...]:
    if not reading.left:
        return ()
    if len(reading.items) >= MAX_ITEMS:
        return (f"{reading.left} posts more than {MAX_ITEMS} left out",)
    return (f"{reading.left} posts left out, after {MAX_TOTAL_CHARACTERS} characters of others",)


def elements_by_kind(definition: Definition, reading: Reading) -> dict[str, int]:
    """How many elements each layout's kinds matched."""
    return {
        f"{layout.name}/{kind.name}": count
        for (layout, kind), count in zip(definition.kinds, reading.counts, strict=False)
    }


def sealed(html: bytes, *, javascript: bool) -> bytes:
    """`html` with a policy that it fetches nothing, and runs no script unless `javascript`: it stays as it was saved.

    The lane refuses its requests too; that they are not even made is a matter of speed.
    """
    mark = BOM_UTF8 if is_utf8(html) else b""
    html = html.removeprefix(BOM_UTF8)
    doctype = _DOCTYPE.match(html)
    at = doctype.end() if doctype else 0
    policy = _SEAL.format("'unsafe-inline' 'unsafe-eval'" if javascript else "'none'")
    return mark + html[:at] + policy.encode() + html[at:]


def is_utf8(html: bytes) -> bool:
    """Whether a saved page is UTF-8, whatever it says of itself: programs save what they have read as UTF-8.

    Text in another charset is, by chance, hardly ever valid UTF-8. ISO-2022-JP is, and has escapes.
    """
    try:
        # The last character may have been cut off.
        getincrementaldecoder("utf-8")().decode(html)
    except UnicodeDecodeError:
        return False
    return ESCAPE not in html


def of_script_failure(error: ScriptFailed | ValidationError) -> Verdict:
    """What a page is on which the reader failed: a selector is none, or the page replaced what the reader needs."""
    return Verdict(Outcome.SELECTOR_DRIFT, f"the reader failed: {(str(error) or repr(error)).splitlines()[0]}")


def _unread(verdict: Verdict, url: str, opened: Opened | None, expected_id: str | None, started: float) -> PageReport:
    return PageReport(
        outcome=verdict.outcome,
        reason=verdict.reason,
        url=url,
        final_url=opened.url if opened else url,
        status=opened.status if opened else None,
        expected_id=expected_id,
        retry_after_seconds=verdict.retry_after_seconds,
        seconds=monotonic() - started,
    )
