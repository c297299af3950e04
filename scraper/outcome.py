"""What opening a page turned out to be, and the rules that decide it.

Only `ok` (and `empty`, for a feed) says that what was read is what was asked for. A page on which the definition
recognises nothing is `selector_drift`: the site has changed, or this is a face of it that nobody has described.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from scraper.pace import MOST_TOLD_SECONDS


class Outcome(StrEnum):
    """What opening a page turned out to be."""

    OK = "ok"
    EMPTY = "empty"
    NOT_FOUND = "not_found"
    LOGIN_WALL = "login_wall"
    CONSENT_WALL = "consent_wall"
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"
    INTERSTITIAL = "interstitial"
    SELECTOR_DRIFT = "selector_drift"
    TIMEOUT = "timeout"
    DNS_FAILED = "dns_failed"
    CONNECTION_REFUSED = "connection_refused"
    TLS_FAILED = "tls_failed"
    HTTP_ERROR = "http_error"
    CRASHED = "crashed"
    DENIED_BY_ROBOTS = "denied_by_robots"
    REFUSED_URL = "refused_url"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, why, and how long the site asks to be left alone (in seconds, None where it does not say)."""

    outcome: Outcome
    reason: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the judge is told of a page.

    `status` and `headers` (lower case) are the document's, `on_site` whether it ended on the site, `tell_tale` the
    outcome and reason of the one that shows. `found` are the ids of the posts that were read; `unfit` says, for each
    element that looked like a post and was not read as one, why. `countless` says which counts such posts show, and
    these do not. `busy` says that the page was still loading posts,
    `shut_frames` counts frames of other sites, which are not read, and
    `overdue` says that the deadline passed before it was ready.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    on_site: bool = True
    url: str = ""
    title: str = ""
    tell_tale: tuple[Outcome, str] | None = None
    found: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    expected_id: str | None = None
    countless: str | None = None
    shut_frames: int = 0
    ready_state: str = "complete"
    busy: bool = False
    overdue: bool = False


def reason_with_session(outcome: Outcome, reason: str, *, site: str, wears_session: bool) -> str:
    """`reason`, with what to do where a session that was worn has not opened the page. Pure."""
    if outcome is not Outcome.LOGIN_WALL or not wears_session:
        return reason
    return f"{reason}; the session has run out: `tidegate login {site}` renews it"


_BY_STATUS = {
    401: Outcome.LOGIN_WALL,
    403: Outcome.BLOCKED,
    404: Outcome.NOT_FOUND,
    407: Outcome.BLOCKED,
    410: Outcome.NOT_FOUND,
    429: Outcome.RATE_LIMITED,
    451: Outcome.BLOCKED,
}


_OF_THE_SITE = frozenset({Outcome.OK, Outcome.EMPTY, Outcome.NOT_FOUND})
"""What only the site itself can say of its posts. A wall may well stand at another host."""


def judge(evidence: Evidence, now: datetime) -> Verdict:
    """What the page was. `now` is aware; it only matters for a Retry-After that is a date."""
    verdict = _judged(evidence, now)
    if not evidence.on_site and verdict.outcome in _OF_THE_SITE:
        return Verdict(Outcome.INTERSTITIAL, f"ended at another site: {evidence.url}", verdict.retry_after_seconds)
    return verdict


def _judged(evidence: Evidence, now: datetime) -> Verdict:
    retry_after = retry_after_seconds(evidence.headers.get("retry-after"), now)
    failed = evidence.status is not None and evidence.status >= 400
    asked = evidence.expected_id
    is_found = bool(evidence.found) and not failed and (asked is None or asked in evidence.found)
    if is_found and evidence.countless is None:
        return Verdict(Outcome.OK, f"{len(evidence.found)} posts" if asked is None else f"post {asked}")
    if evidence.tell_tale:
        outcome, reason = evidence.tell_tale
        return Verdict(outcome, reason, retry_after)
    if failed:
        return _of_status(evidence.status or 0, retry_after)
    if not evidence.on_site:
        return Verdict(Outcome.INTERSTITIAL, f"ended at another site: {evidence.url}")
    if evidence.busy or (evidence.overdue and evidence.ready_state != "complete"):
        return Verdict(Outcome.TIMEOUT, "still loading at the deadline")
    return Verdict(Outcome.SELECTOR_DRIFT, _drift(evidence))


def _of_status(status: int, retry_after: float | None) -> Verdict:
    reason = f"HTTP {status}"
    if status in _BY_STATUS:
        return Verdict(_BY_STATUS[status], reason, retry_after)
    if retry_after is not None:
        return Verdict(Outcome.RATE_LIMITED, reason, retry_after)
    return Verdict(Outcome.INTERSTITIAL, f"{reason}: an error page instead of the page")


def _drift(evidence: Evidence) -> str:
    title = f" (title: {evidence.title!r})" if evidence.title else ""
    if evidence.countless is not None and (evidence.expected_id or evidence.found[0]) in evidence.found:
        return f"{evidence.countless}{title}"
    if evidence.found:
        return f"post {evidence.expected_id} is not among the {len(evidence.found)} posts on the page{title}"
    if evidence.unfit:
        return f"{len(evidence.unfit)} elements look like posts, none can be read: {evidence.unfit[0]}{title}"
    frames = f"; {evidence.shut_frames} frames of other sites were not looked into" if evidence.shut_frames else ""
    return f"nothing on the page is a post of any known layout, and nothing says why{frames}{title}"


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """The Retry-After header, which is seconds or an HTTP date, in seconds from `now`; None where it says nothing.

    From 0 to a day: a site that says more is asked again after a day.
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), MOST_TOLD_SECONDS)
