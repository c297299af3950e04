"""What `tidegate debug` keeps of a page: a folder that `--replay` reads again without the network.

    page.html       what the page showed when it was read, before anything was drawn on it
    responses.json  what it had asked for, of what holds records
    page.webp       a picture of it; outlined.webp with what was read where
    report.json     the outcome, the posts, and field by field why
    network.har     what went over the network
    trace.zip       Playwright's trace, where one was asked for

It is for its owner alone (0700), and has no cookie and no token in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from scraper.evidence import PAGE, REPORT, write_page
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import post_as_dict
from scraper.records import Response
from tidegate.errors import UsageError
from tidegate.redaction import Redaction

OUTLINED: Final = "outlined.webp"
NETWORK: Final = "network.har"
TRACE: Final = "trace.zip"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What there is to be kept of a page; what is None was not to be had, or not asked for."""

    html: str | None
    image: bytes | None
    outlined: bytes | None
    responses: tuple[Response, ...]
    har: Mapping[str, Any] | None
    raw_trace: Path | None


@dataclass(frozen=True, slots=True)
class Then:
    """What a replay is compared with."""

    page: Path
    site: str
    url: str
    outcome: str
    read_at: str
    posts: tuple[Mapping[str, Any], ...]


def name_of(site: str, outcome: Outcome, now: datetime) -> str:
    """The name of a new folder."""
    return f"{now:%Y%m%dT%H%M%S}-{site}-{outcome.value}"


def told_of(
    report: PageReport, *, site: str, now: datetime, diagnosis: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A report for JSON."""
    return {
        "url": report.url,
        "final_url": report.final_url,
        "site": site,
        "layout": report.layout,
        "outcome": report.outcome.value,
        "reason": report.reason,
        "read_at": now.isoformat(),
        "status": report.status,
        "warnings": list(report.warnings),
        "evidence": dict(report.evidence),
        "kinds": list(diagnosis),
        "posts": [post_as_dict(post) for post in report.posts],
    }


def write(place: Path, told: Mapping[str, Any], artifacts: Artifacts, redaction: Redaction) -> None:
    """Write all of it to the new folder `place`. Blocking. Raises `UsageError` for a place that can't be written."""
    responses = [Response(redaction.url(one.url), redaction.text(one.body)) for one in artifacts.responses]
    html = redaction.text(artifacts.html) if artifacts.html is not None else None
    try:
        write_page(place, redaction.tree(told), html=html, image=artifacts.image, responses=responses)
        if artifacts.outlined is not None:
            (place / OUTLINED).write_bytes(artifacts.outlined)
        if artifacts.har is not None:
            (place / NETWORK).write_text(
                json.dumps(artifacts.har, indent=1, ensure_ascii=False) + "\n", "utf-8", "replace"
            )
        if artifacts.raw_trace is not None:
            redaction.trace(artifacts.raw_trace, place / TRACE)
    except FileExistsError:
        raise UsageError(f"{place} is there already; name another folder") from None
    except OSError as error:
        raise UsageError(f"{place} can't be written: {error.strerror}") from None


def read(folder: Path) -> Then:
    """What was kept in `folder`. Raises `UsageError` for any other."""
    try:
        told = json.loads((folder / REPORT).read_text("utf-8"))
        page = folder / PAGE
        if not page.is_file():
            raise UsageError(f"{folder} has no {PAGE}: there was nothing to keep of that page")
        return Then(page, told["site"], told["url"], told["outcome"], told["read_at"], tuple(told.get("posts") or ()))
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{folder} is no folder of `tidegate debug`: it has no {REPORT} that says what was read"
        ) from None
