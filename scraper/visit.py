"""Visiting a site with manners: the address is checked, robots.txt asked, a turn at the host waited for.

What is not allowed is an outcome like any other, `refused_url` or `denied_by_robots`, and nothing is opened for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

import structlog

from browser_pool import Lane
from scraper.addresses import AddressPolicy, refusal, refusal_by_looks
from scraper.definition import Definition
from scraper.evidence import NOTHING_TO_SEE, EvidenceFolder
from scraper.feed import FeedReport, OnBatch, Stop, collect
from scraper.outcome import Outcome, Verdict
from scraper.pace import Pace
from scraper.page import PageReport, open_page
from scraper.robots import Robots

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VisitSettings:
    """`page_seconds` is for one page, `feed_seconds` for one feed; a longer wait for a turn is not waited for.

    `evidence` is where it is kept what a page looked like that was not what was asked for; None: nowhere.
    """

    page_seconds: float = 20.0
    feed_seconds: float = 60.0
    turn_seconds: float = 60.0
    heed_robots: bool = True
    evidence: EvidenceFolder | None = None


class Visitor:
    """Reads pages and feeds for everybody in this process, so that a host sees one visitor and not many."""

    def __init__(self, policy: AddressPolicy | None = None, settings: VisitSettings | None = None) -> None:
        self.settings = settings or VisitSettings()
        self._policy = policy or AddressPolicy()
        self._robots = Robots(follow=self._may_follow)
        self._pace = Pace()

    async def read(
        self, lane: Lane, url: str, definition: Definition, *, expected_id: str | None = None
    ) -> PageReport:
        """Open a page and read it. Raises `BrowserGone`, and nothing else that the page is to blame for."""
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
            )
        report = await open_page(
            lane,
            url,
            definition,
            timeout_seconds=self.settings.page_seconds,
            expected_id=expected_id,
            follow=self._may_follow,
        )
        self._note(report.outcome, url, report.retry_after_seconds)
        strayed = await self._strayed(url, report.final_url)
        if strayed is not None:
            return replace(report, outcome=Outcome.REFUSED_URL, reason=strayed, posts=())
        kept = await self._keep_evidence(lane, definition, report)
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
            )
        report = await collect(
            lane,
            url,
            definition,
            limit=limit,
            timeout_seconds=self.settings.feed_seconds,
            max_age=max_age,
            on_batch=on_batch,
            follow=self._may_follow,
        )
        self._note(report.outcome, url, report.retry_after_seconds)
        kept = await self._keep_evidence(lane, definition, report)
        return replace(report, evidence=MappingProxyType({**report.evidence, "kept": kept})) if kept else report

    async def _keep_evidence(self, lane: Lane, definition: Definition, report: PageReport | FeedReport) -> str | None:
        """Keep what the page shows, unless it is what was asked for. Returns where."""
        if self.settings.evidence is None or report.outcome in NOTHING_TO_SEE:
            return None
        told = {"reason": report.reason, "layout": report.layout, **report.evidence}
        place = await self.settings.evidence.keep(
            lane, site=definition.name, outcome=report.outcome, url=report.url, report=told
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
                outcome = Outcome.TIMEOUT if answer.is_unreachable else Outcome.DENIED_BY_ROBOTS
                return Verdict(outcome, answer.reason)
            delay = answer.delay_seconds
        host = _host(url)
        wait = self._pace.take_turn(
            host,
            requests_per_second=definition.politeness.requests_per_second,
            jitter=definition.politeness.jitter,
            delay_seconds=delay,
            most_seconds=self.settings.turn_seconds,
        )
        if wait is None:
            left = self._pace.wait_seconds(host)
            return Verdict(Outcome.RATE_LIMITED, f"{host} asked to be left alone for {left:.0f} s more", left)
        await self._pace.wait(wait)
        return None

    def _note(self, outcome: Outcome, url: str, retry_after_seconds: float | None) -> None:
        if outcome is Outcome.RATE_LIMITED or retry_after_seconds is not None:
            host = _host(url)
            self._pace.back_off(host, retry_after_seconds)
            log.info("host.back_off", host=host, seconds=round(self._pace.wait_seconds(host), 1))

    def _may_follow(self, url: str) -> bool:
        return refusal_by_looks(url, self._policy) is None

    async def _strayed(self, asked: str, ended: str) -> str | None:
        """Why a page may not be kept although the one asked for might be opened."""
        if urlsplit(ended).hostname == urlsplit(asked).hostname or not ended.startswith("http"):
            return None
        reason = await refusal(ended, self._policy)
        return f"redirected: {reason}" if reason else None


def _host(url: str) -> str:
    """The host and port, without a user and password that would be another host to the pace, and in the logs."""
    return urlsplit(url).netloc.rpartition("@")[2]
