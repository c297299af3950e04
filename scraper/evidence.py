"""What a page looked like that was not what was asked for: its HTML, a screenshot, and what was made of it.

One folder a page, below one folder whose size is kept within bounds: the oldest go first. `tidegate scrape` reads
`page.html` of such a folder again, with the responses beside it, as the page it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from browser_pool.errors import BrowserPoolError
from browser_pool.lane import Lane
from scraper.outcome import Outcome
from scraper.page import SavedPage
from scraper.records import Response

log = structlog.get_logger()

PAGE: Final = "page.html"
SCREENSHOT: Final = "page.webp"
REPORT: Final = "report.json"
RESPONSES: Final = "responses.json"
KEEP_BYTES: Final = 100 << 20
MOST_HTML_CHARACTERS: Final = 8_000_000
HTML_SECONDS: Final = 5.0
NOTHING_TO_SEE: Final = frozenset(
    {
        Outcome.OK,
        Outcome.EMPTY,
        Outcome.REFUSED_URL,
        Outcome.DENIED_BY_ROBOTS,
        Outcome.CRASHED,
        Outcome.DNS_FAILED,
        Outcome.CONNECTION_REFUSED,
        Outcome.TLS_FAILED,
        Outcome.HTTP_ERROR,
    }
)
"""Outcomes of pages that are as they should be, that were not opened, did not come, or are no more."""

_HTML = """(most) => {
  const type = document.doctype ? "<!DOCTYPE html>" : "";
  const root = document.documentElement, copy = root.cloneNode(true);
  // What a stylesheet hides is hidden by the markup from now on: the stylesheet is not kept.
  const here = root.querySelectorAll("body *"), there = copy.querySelectorAll("body *");
  const never = "script, style, link, meta, template, noscript";
  const isClear = { opacityProperty: true };
  for (let i = 0; i < here.length; i++) {
    const own = here[i], parent = own.parentElement;
    if (!there[i].style || own.matches(never) || !parent.checkVisibility(isClear)) continue;
    if (!own.checkVisibility(isClear) && getComputedStyle(own).display !== "contents") {
      there[i].style.setProperty("display", "none", "important");
      continue;
    }
    const seen = getComputedStyle(own).visibility;
    if (seen !== getComputedStyle(parent).visibility) there[i].style.setProperty("visibility", seen, "important");
  }
  return (type + copy.outerHTML).slice(0, most);
}"""


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """Where evidence is kept, and how much of it at most. `has_room` says whether memory allows a screenshot now.

    `redacted` is given the name of a site and a text, and returns what of it may be kept. It may block.
    """

    folder: Path
    keep_bytes: int = KEEP_BYTES
    has_room: Callable[[], bool] = lambda: True
    redacted: Callable[[str, str], str] = lambda _, text: text

    async def keep(
        self,
        lane: Lane,
        *,
        site: str,
        outcome: Outcome,
        url: str,
        report: Mapping[str, Any],
        responses: Sequence[Response] = (),
    ) -> Path | None:
        """Keep what the page shows now, and what it had asked for.

        Returns where; None where the page gives nothing any more. A disk that is full is told to the log: the outcome
        counts without its evidence, too.
        """
        html = await html_of(lane)
        image = await image_of(lane) if self.has_room() else None
        if html is None and image is None:
            return None
        now = datetime.now(UTC)
        told = {"url": url, "site": site, "outcome": outcome.value, "read_at": now.isoformat(), **report}
        try:
            return await asyncio.to_thread(self._write, now, told, html, image, responses)
        except OSError as error:
            log.warning("evidence.not_kept", url=url, folder=str(self.folder), error=str(error))
            return None

    def _write(
        self,
        now: datetime,
        told: Mapping[str, Any],
        html: str | None,
        image: bytes | None,
        responses: Sequence[Response],
    ) -> Path:
        with _ONE_WRITES:
            return self._write_alone(now, told, html, image, responses)

    def _write_alone(
        self,
        now: datetime,
        told: Mapping[str, Any],
        html: str | None,
        image: bytes | None,
        responses: Sequence[Response],
    ) -> Path:
        mark = sha256(f"{told['url']} {now.isoformat()}".encode()).hexdigest()[:6]
        name = f"{now:%Y%m%dT%H%M%S%f}-{told['site']}-{told['outcome']}-{mark}"
        place = self.folder / name
        self._write_redacted(place, told, html, image, responses)
        try:
            self._make_room()
        except OSError as error:
            # What was kept is kept; the next one makes room again.
            log.warning("evidence.no_room_made", folder=str(self.folder), error=str(error))
        return place

    def _write_redacted(
        self,
        place: Path,
        told: Mapping[str, Any],
        html: str | None,
        image: bytes | None,
        responses: Sequence[Response],
    ) -> None:
        site = told["site"]
        write_page(
            place,
            json.loads(self.redacted(site, json.dumps(told, default=str))),
            html=html and self.redacted(site, html),
            image=image,
            responses=[Response(self.redacted(site, one.url), self.redacted(site, one.body)) for one in responses],
        )

    def _make_room(self) -> None:
        """Remove the oldest until what is left fits; the newest stays whatever its size.

        Other processes may remove the same at the same time. Links are not followed, and stay.
        """
        with os.scandir(self.folder) as entries:
            names = sorted(
                entry.name for entry in entries if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )
        places = [self.folder / name for name in names]
        sizes = [_bytes_in(place) for place in places]
        total = sum(sizes)
        for place, size in zip(places[:-1], sizes, strict=False):
            if total <= self.keep_bytes:
                return
            # What is gone is what was wanted.
            with suppress(FileNotFoundError):
                shutil.rmtree(place)
            total -= size


def write_page(
    place: Path, told: Mapping[str, Any], *, html: str | None, image: bytes | None, responses: Sequence[Response] = ()
) -> None:
    """Write a page into the new folder `place`, as `saved_page` reads it. Blocking. Raises `OSError`."""
    place.mkdir(parents=True, mode=0o700)
    if html is not None:
        (place / PAGE).write_text(html, "utf-8", errors="replace")
    if image is not None:
        (place / SCREENSHOT).write_bytes(image)
    if responses:
        kept = [{"url": one.url, "body": one.body} for one in responses]
        (place / RESPONSES).write_text(json.dumps(kept, ensure_ascii=False), "utf-8", errors="replace")
    (place / REPORT).write_text(json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")


_ONE_WRITES: Final = threading.Lock()
"""One of this process writes at a time: what another is writing must not be the oldest that has to go."""

_NAME = re.compile(r"\d{8}T\d{12}-[a-z][a-z0-9_-]*-[a-z_]+-[0-9a-f]{6}")


def _bytes_in(place: Path) -> int:
    """The size of the files in `place`, of as many as are still there."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(place) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
    return total


def saved_page(page: Path, html: bytes) -> SavedPage:
    """The page in the file `page`, with what was kept beside it if it is evidence."""
    told = told_beside(page)
    if told is None:
        return SavedPage(html, _responses_of(page))
    return SavedPage(
        html,
        _responses_of(page),
        told.read_at,
        final_url=told.final_url if (told.final_url or "").startswith("http") else None,
        status=told.status,
        was_unfinished=told.outcome == Outcome.TIMEOUT,
    )


def _responses_of(page: Path) -> tuple[Response, ...]:
    try:
        kept = json.loads((page.parent / RESPONSES).read_text("utf-8"))
        return tuple(Response(str(one["url"]), str(one["body"])) for one in kept) if page.name == PAGE else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


class Told(BaseModel):
    """What the report beside a page says of it: of which site it is, where it was, and how it was read."""

    model_config = ConfigDict(frozen=True)

    site: str
    url: str
    outcome: str
    read_at: AwareDatetime
    final_url: str | None = None
    status: int | None = None


def told_beside(page: Path) -> Told | None:
    """What the report beside the file `page` says, if that is evidence; None for any other file. Blocking."""
    if page.name != PAGE:
        return None
    try:
        return Told.model_validate_json((page.parent / REPORT).read_bytes())
    except (OSError, ValidationError):
        return None


async def html_of(lane: Lane) -> str | None:
    """What the page shows now, as HTML; None where it gives nothing any more."""
    try:
        async with asyncio.timeout(HTML_SECONDS):
            html: str = await lane.evaluate(_HTML, MOST_HTML_CHARACTERS)
    except (TimeoutError, BrowserPoolError) as error:
        log.info("evidence.no_html", error=str(error))
        return None
    return html


async def image_of(lane: Lane) -> bytes | None:
    """What the page looks like now, as WebP; None where it gives nothing any more."""
    try:
        return await lane.screenshot()
    except BrowserPoolError as error:
        log.info("evidence.no_screenshot", error=str(error))
        return None
