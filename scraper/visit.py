"""Visiting a site with manners: the address is checked, robots.txt asked, a turn at the host waited for.

What is not allowed is an outcome like any other, `refused_url` or `denied_by_robots`, and nothing is opened for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import structlog

from browser_pool import Lane
from browser_pool.lane import Opened
from scraper.addresses import (
    AddressPolicy,
    refusal,
    refusal_by_looks,
    refusal_of_remote,
    refusal_while_waiting,
)
from scraper.definition import Definition
from scraper.evidence import NOTHING_TO_SEE, EvidenceFolder
from scraper.feed import FeedReport, OnBatch, Stop, collect
from scraper.outcome import Outcome, Verdict
from scraper.pace import OwnPace, Pace, any_chance, interval_seconds
from scraper.page import PageReport, open_page
from scraper.robots import Robots

log = structlog.get_logger()

SERVER_FAILED: Final = 500
"""From this status on it is the server that can't, and asking again at once makes it worse."""


@dataclass(frozen=True, slots=True)
class VisitSettings:
    """`page_seconds` is for one page, `feed_seconds` for one feed; a longer wait for a turn is not waited for.

    `evidence` is where it is kept what a page looked like that was not what was asked for; None: nowhere.
    `on_report` is told of each page and feed, by the name of its site; it must not block.
    """

    page_seconds: float = 20.0
    feed_seconds: float = 60.0
    turn_seconds: float = 30.0
    heed_robots: bool = True
    evidence: EvidenceFolder | None = None
    on_report: Callable[[str, PageReport | FeedReport], None] | None = None


class Visitor:
    """Reads pages and feeds for everybody in this process, so that a host sees one visitor and not many.

    With a pace that is shared that holds for all processes that share it.
    """

    def __init__(
        self,
        policy: AddressPolicy | None = None,
        settings: VisitSettings | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.settings = settings or VisitSettings()
        self._policy = policy or AddressPolicy()
        self._robots = Robots(
            may_follow=lambda url: refusal_while_waiting(url, self._policy) is None,
            why_refused=lambda url, remote: refusal_of_remote(url, remote, self._policy),
        )
        self._pace = pace or OwnPace()

    def sharing(self, pace: Pace) -> Visitor:
        """A visitor like this one that takes its turns from `pace`."""
        other = Visitor(self._policy, self.settings, pace)
        other._robots = self._robots
        return other

    async def read(
        self, lane: Lane, url: str, definition: Definition, *, expected_id: str | None = None
    ) -> PageReport:
        """Open a page and read it. Raises `BrowserGone`, and nothing else that the page is to blame for."""
        report = await self._read(lane, url, definition, expected_id=expected_id)
        self._tell(definition, report)
        return report

    async def _read(self, lane: Lane, url: str, definition: Definition, *, expected_id: str | None) -> PageReport:
        started = time.monotonic()
        denied = await self._admit(url, definition)
        if denied is not None:
            return PageReport(
                denied.outcome,
                denied.reason,
                url,
                url,
                expected_id=expected_id,
                retry_after_seconds=denied.retry_after_seconds,
                seconds=time.monotonic() - started,
                is_put_off=denied.outcome is Outcome.RATE_LIMITED,
            )
        await lane.fence(self._why_refused)
        came = _Came()
        report = await open_page(
            lane,
            url,
            definition,
            timeout_seconds=self.settings.page_seconds,
            expected_id=expected_id,
            why_unread=came.then(self._why_unread),
        )
        hosts = _hosts(url, came.url, report.final_url)
        await self._note(hosts, report.outcome, came.status, report.retry_after_seconds)
        kept = await self._keep_evidence(lane, definition, report, report.final_url, report.status)
        return replace(report, evidence=MappingProxyType({**report.evidence, "kept": kept})) if kept else report

    async def harvest(
        self,
        lane: Lane,
        url: str,
        definition: Definition,
        *,
        limit: int,
        max_age: timedelta | None = None,
        on_batch: OnBatch | None = None,
    ) -> FeedReport:
        """Open a feed and collect from it. Raises `BrowserGone`, and what `on_batch` raises."""
        report = await self._harvest(lane, url, definition, limit=limit, max_age=max_age, on_batch=on_batch)
        self._tell(definition, report)
        return report

    async def _harvest(
        self,
        lane: Lane,
        url: str,
        definition: Definition,
        *,
        limit: int,
        max_age: timedelta | None,
        on_batch: OnBatch | None,
    ) -> FeedReport:
        started = time.monotonic()
        denied = await self._admit(url, definition)
        if denied is not None:
            return FeedReport(
                denied.outcome,
                denied.reason,
                url,
                Stop.TROUBLE,
                posts=(),
                steps=0,
                seconds=time.monotonic() - started,
                retry_after_seconds=denied.retry_after_seconds,
                is_put_off=denied.outcome is Outcome.RATE_LIMITED,
            )
        await lane.fence(self._why_refused)
        came = _Came()
        asked, turned_away = url, False

        async def admit(next_url: str) -> Verdict | None:
            nonlocal asked, turned_away
            verdict = await self._admit(next_url, definition)
            asked, turned_away = next_url, verdict is not None
            return verdict

        async def rest() -> None:
            # A step makes the page ask its host for more, which is a turn like any other.
            await self._admit(asked, definition)

        report = await collect(
            lane,
            url,
            definition,
            limit=limit,
            timeout_seconds=self.settings.feed_seconds,
            max_age=max_age,
            on_batch=on_batch,
            admit=admit,
            rest=rest,
            why_unread=came.then(self._why_unread),
        )
        if turned_away:
            # The host was not asked for that page, and what shows is the one before it.
            return report
        hosts = _hosts(asked, came.url)
        await self._note(hosts, _last_outcome(report), came.status, report.retry_after_seconds)
        kept = await self._keep_evidence(lane, definition, report, came.url, came.status)
        return replace(report, evidence=MappingProxyType({**report.evidence, "kept": kept})) if kept else report

    def _tell(self, definition: Definition, report: PageReport | FeedReport) -> None:
        if self.settings.on_report is not None:
            self.settings.on_report(definition.name, report)

    async def _keep_evidence(
        self,
        lane: Lane,
        definition: Definition,
        report: PageReport | FeedReport,
        final_url: str | None,
        status: int | None,
    ) -> str | None:
        """Keep what the page shows, unless it is what was asked for. Returns where."""
        outcome = _last_outcome(report)
        if self.settings.evidence is None or outcome in NOTHING_TO_SEE:
            return None
        responses = report.responses if isinstance(report, PageReport) else ()
        told = {
            "final_url": final_url,
            "status": status,
            "reason": report.reason,
            "layout": report.layout,
            **report.evidence,
        }
        place = await self.settings.evidence.keep(
            lane, site=definition.name, outcome=outcome, url=report.url, report=told, responses=responses
        )
        return str(place) if place else None

    async def _admit(self, url: str, definition: Definition) -> Verdict | None:
        """None if `url` may be opened now, after its turn has been waited for; else what stands in the way."""
        reason = await refusal(url, self._policy)
        if reason is not None:
            return Verdict(Outcome.REFUSED_URL, reason)
        delay = None
        if self.settings.heed_robots:
            answer = await self._robots.ask(url)
            if not answer.is_allowed:
                return Verdict(answer.outcome, answer.reason)
            delay = answer.delay_seconds
        host = _host(url)
        polite = definition.politeness
        pause = interval_seconds(polite.requests_per_second, polite.jitter, delay, any_chance())
        most = self.settings.turn_seconds
        wait = await self._pace.take_turn(host, pause_seconds=pause, most_seconds=most)
        if wait is None:
            left = await self._pace.wait_seconds(host)
            return Verdict(Outcome.RATE_LIMITED, f"{host} asked to be left alone for {left:.0f} s more", left)
        await asyncio.sleep(wait)
        return None

    async def _note(
        self, hosts: Sequence[str], outcome: Outcome, status: int | None, retry_after_seconds: float | None
    ) -> None:
        """Keep in mind what came of a page: `hosts` are the one that was asked and the one that answered."""
        for host in hosts:
            if is_refusal(outcome, status) or retry_after_seconds is not None:
                seconds = await self._pace.back_off(host, retry_after_seconds)
                log.info("host.back_off", host=host, outcome=outcome.value, seconds=round(seconds, 1))
            elif outcome in {Outcome.OK, Outcome.EMPTY}:
                await self._pace.answered(host)

    async def _why_refused(self, url: str) -> str | None:
        """For the lane's fence: why what a page leads to is not opened."""
        return await refusal(url, self._policy)

    def _why_unread(self, opened: Opened) -> str | None:
        """Why what has come is not read: a name may lead elsewhere by the time that it is opened."""
        for url in (*opened.redirects[1:], opened.url):
            reason = refusal_by_looks(url, self._policy) if url.startswith("http") else None
            if reason:
                return reason
        if opened.remote is None:
            return None
        return refusal_of_remote(opened.url, opened.remote, self._policy)


class _Came:
    """The document that came last, as far as the pace has to know it."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.status: int | None = None

    def then(self, why_unread: Callable[[Opened], str | None]) -> Callable[[Opened], str | None]:
        """`why_unread`, which is told of each document, with what it is told kept here."""

        def heard(opened: Opened) -> str | None:
            self.url, self.status = opened.url, opened.status
            return why_unread(opened)

        return heard


def is_refusal(outcome: Outcome, status: int | None) -> bool:
    """Whether a host said that it wants no more for now, with or without a time: too many, blocked, or failing.

    What was not asked for, since robots.txt or the address forbids it, was not refused by the host.
    """
    return outcome in {Outcome.RATE_LIMITED, Outcome.BLOCKED} or (
        outcome is Outcome.INTERSTITIAL and status is not None and status >= SERVER_FAILED
    )


def _last_outcome(report: PageReport | FeedReport) -> Outcome:
    """What the page turned out to be that was open at the end."""
    return (report.trouble or report.outcome) if isinstance(report, FeedReport) else report.outcome


def _hosts(*urls: str | None) -> list[str]:
    """The hosts of those that are web addresses, each once."""
    return list(dict.fromkeys(_host(url) for url in urls if url and urlsplit(url).scheme in {"http", "https"}))


def _host(url: str) -> str:
    """The host and port, without a user and password that would be another host to the pace, and in the logs."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
