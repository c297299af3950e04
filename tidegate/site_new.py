"""`tidegate site new`: a definition proposed from one page, and tried on it before anybody sees it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from browser_pool import BrowserGone, Lane, LeaseEnded, LeaseRefused
from browser_pool.errors import PageReplaced, ScriptFailed
from scraper.definition import Definition, TellTale
from scraper.definitions import Definitions, load_definition
from scraper.extraction import Extraction, extract
from scraper.kinds import ItemKind, Layout, Source
from scraper.outcome import Outcome
from scraper.page import PageReport, open_page, read_page
from scraper.post import Post
from scraper.proposals.draft import FIELDS, Draft
from scraper.proposals.page import SCRIPT, Facts
from scraper.proposals.page import task as facts_task
from scraper.proposals.proposal import propose
from scraper.proposals.text import Heading, Yielded, definition_text, name_for, sources_by_field
from scraper.reader import Reading, task
from scraper.records import RecordBook
from tidegate.errors import UsageError
from tidegate.program import Program, open_program, sharing_pace
from tidegate.scrape import LEASE_SPARE_SECONDS, Input, understand
from tidegate.settings import Settings
from tidegate.site_check import judged

READ_SECONDS: Final = 10.0
"""So long one look at a page that is open already may take."""
_GENERIC = "generic"
_NOTHING = (
    "nothing on the page repeats as posts do, each with a link of its own and a time, an author or counts, and it "
    "does not say of itself that it is one post"
)
_INSTEAD = (
    "Try a list of posts, or write the definition by hand: docs/sites.md, and `tidegate site show lobsters` to begin "
    "with"
)


@dataclass(frozen=True, slots=True)
class NotProposed:
    """Why there is no proposal: what the page turned out to be, and what could be done."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A definition, and what it gave on the page that it was made from.

    `asked` is the id of the post that the page is of, if that is not among those that were read.
    """

    name: str
    url: str
    text: str
    draft: Draft
    posts: tuple[Post, ...]
    yielded: dict[str, Yielded]
    left_out: tuple[str, ...]
    asked: str | None
    is_cut: bool


def what_to_propose_from(source: str, definitions: Definitions, *, url: str | None) -> Input:
    """The page that the user means. Raises `UsageError`, with what to write instead."""
    page = understand(source, definitions, site=_GENERIC, url=url)
    if page.saved is not None and page.url == page.definition.saved.base_url:
        raise UsageError(f"{source} does not say where it is from; name its address with --url")
    if urlsplit(page.url).scheme not in {"http", "https"}:
        raise UsageError(f"{page.url} is no page of a site; its address begins with https://")
    return page


def check_name(name: str | None) -> None:
    """Raise `UsageError` for what can't be the name of a site."""
    if name is not None and not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise UsageError(f"{name!r} can't be the name of a site: small letters, digits, - and _, as in my-forum")


def check_output(output: Path | None) -> None:
    """Raise `UsageError` for a file that is there, or can't be."""
    if output is None:
        return
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output} is there already, and nothing is written over it; name another file")
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}")


def write_new(output: Path, text: str) -> None:
    """Write a file that was not there. Raises `UsageError` if it is by now."""
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{output} is there by now, and nothing is written over it; name another file") from None
    except OSError as error:
        raise UsageError(f"{output} can't be written: {error.strerror}") from None


async def propose_site(
    settings: Settings, page: Input, definitions: Definitions, *, name: str | None
) -> Proposed | NotProposed:
    """Open a page once, propose how to read it, and read it so."""
    # What the page shows is no evidence against a definition, since there is none yet.
    settings = settings.model_copy(update={"evidence_mb": 0})
    deadline = settings.page_seconds + LEASE_SPARE_SECONDS
    try:
        async with (
            open_program(settings, definitions=definitions) as opened,
            sharing_pace(opened) as program,
            program.pool.lease(site=_GENERIC, job="site_new", deadline=deadline) as lease,
        ):
            return await _proposed(program, lease, page, _with_own_tales(page, definitions), name)
    except (BrowserGone, LeaseEnded) as error:
        return NotProposed(Outcome.CRASHED, str(error))
    except LeaseRefused as error:
        return NotProposed(Outcome.TIMEOUT, str(error))


def _with_own_tales(page: Input, definitions: Definitions) -> Definition:
    """The definition for any page, with what a known site shows when there is nothing to read."""
    generic, known = definitions.by_name(_GENERIC), definitions.for_url(page.url)
    if known is None or known is generic:
        return generic
    return generic.model_copy(update={"tell_tales": (*known.tell_tales, *generic.tell_tales)})


def probe(generic: Definition, url: str, *, tell_tales: tuple[TellTale, ...] = ()) -> Definition:
    """A definition of nothing: by it a page is opened politely, and waited for until nothing more comes.

    Tell-tales end the wait, and a banner may be there before the posts are; so there are none at first.
    """
    nothing = ItemKind(name="nothing", css="tidegate-nothing", fields={"id": (Source(address=True),)})
    return generic.model_copy(
        update={
            "name": "new",
            "hosts": (urlsplit(url).hostname or "*",),
            "layouts": (Layout(name="nothing", items=(nothing,)),),
            "tell_tales": tell_tales,
        }
    )


async def _proposed(
    program: Program, lane: Lane, page: Input, generic: Definition, name: str | None
) -> Proposed | NotProposed:
    seconds = program.settings.page_seconds
    if page.saved is None:
        report = await program.visitor.read(lane, page.url, probe(generic, page.url))
    else:
        report = await open_page(lane, page.url, probe(generic, page.url), timeout_seconds=seconds, saved=page.saved)
    if report.outcome is not Outcome.SELECTOR_DRIFT:
        return NotProposed(report.outcome, report.reason)
    try:
        async with asyncio.timeout(READ_SECONDS * 4):
            return await _from_open_page(lane, page, report, generic, name)
    except TimeoutError:
        return NotProposed(Outcome.TIMEOUT, f"the page is open, and was not looked through in {READ_SECONDS * 4:g} s")
    except (ScriptFailed, ValidationError) as error:
        return NotProposed(Outcome.SELECTOR_DRIFT, f"the page can't be looked through: {str(error).splitlines()[0]}")


async def _from_open_page(
    lane: Lane, page: Input, report: PageReport, generic: Definition, name: str | None
) -> Proposed | NotProposed:
    facts = await _facts(lane)
    now = datetime.now(UTC)
    draft = await asyncio.to_thread(propose, facts, now=now)
    wall = await _wall(lane, generic)
    if draft is None:
        return wall or NotProposed(Outcome.SELECTOR_DRIFT, f"{_NOTHING}{_shown(facts)}. {_INSTEAD}")
    heading = Heading(
        name or name_for(page.url),
        facts.url,
        facts.language,
        is_list=page.saved is None and draft.count > 1,
    )
    read_at = now if page.saved is None else page.saved.read_at
    definition, extraction = await _tried(lane, definition_text(draft, heading), heading, generic, read_at)
    if not extraction.posts:
        unfit = f": {extraction.unfit[0]}" if extraction.unfit else ""
        return wall or NotProposed(
            Outcome.SELECTOR_DRIFT, f"{draft.count} elements look like posts, and none can be read{unfit}"
        )
    # What is shown is what was tried: the file as it is handed over is read once more.
    yielded = _yielded(definition, page, extraction)
    heading = replace(heading, contradictions=_contradictions(extraction.posts))
    text = definition_text(draft, heading, yielded)
    definition, extraction = await _tried(lane, text, heading, generic, read_at)
    asked = definition.id_in(facts.url)
    return Proposed(
        heading.name,
        report.final_url,
        text,
        draft,
        extraction.posts,
        _yielded(definition, page, extraction),
        extraction.unfit,
        asked if asked not in {None, *(post.id for post in extraction.posts)} else None,
        facts.is_cut,
    )


def _shown(facts: Facts) -> str:
    """What may have come instead of posts."""
    asks = any(len(node) == 3 and node[1] == "input" and node[2].get("type") == "password" for node in facts.nodes)
    title = f" (title: {facts.title!r})" if facts.title else ""
    return f"{title}; it has a field for a password, so it may be a login that shows" if asks else title


async def _facts(lane: Lane) -> Facts:
    while True:
        try:
            return Facts.model_validate_json(await lane.evaluate(SCRIPT, facts_task()))
        except PageReplaced:
            await asyncio.sleep(0.1)


async def _wall(lane: Lane, generic: Definition) -> NotProposed | None:
    """What stands in the way, if the page shows that."""
    nothing = probe(generic, generic.saved.base_url, tell_tales=generic.tell_tales)
    reading = await read_page(lane, task(nothing, deadline_seconds=READ_SECONDS, settled=True))
    if reading.tell_tale is None:
        return None
    tale = generic.tell_tales[reading.tell_tale]
    return NotProposed(tale.outcome, tale.reason)


async def _tried(
    lane: Lane, text: str, heading: Heading, generic: Definition, read_at: datetime | None
) -> tuple[Definition, Extraction]:
    """The definition that `text` is, and what it reads on the page."""
    definition = load_definition(f"{heading.name}.toml", text, generic.tell_tales)
    reading: Reading = await read_page(lane, task(definition, deadline_seconds=READ_SECONDS, settled=True))
    book = RecordBook(definition)
    book.add(reading.scripts, base_url=reading.base)
    return definition, extract(definition, reading, book, read_at=read_at)


def _yielded(definition: Definition, page: Input, extraction: Extraction) -> dict[str, Yielded]:
    report = PageReport(Outcome.OK, "tried", page.url, page.url, posts=extraction.posts)
    return {
        field.field: Yielded(field.now.found, field.now.posts, field.approximate, field.example, field.sources)
        for kind in judged(definition, [(page.source, report)], {}).kinds
        for field in kind.fields
    }


def _contradictions(posts: Sequence[Post]) -> dict[str, str]:
    """The first warning of each field, and how many posts have one."""
    said: dict[str, list[str]] = {}
    for post in posts:
        for warning in post.warnings:
            field, _, what = warning.partition(": ")
            said.setdefault(field, []).append(what)
    return {field: f"in {len(found)} posts there is a doubt: {found[0]}" for field, found in said.items()}


def as_dict(result: Proposed | NotProposed) -> dict[str, Any]:
    """A proposal for JSON."""
    if isinstance(result, NotProposed):
        return {"outcome": result.outcome.value, "reason": result.reason}
    sources = sources_by_field(result.draft)
    label = result.draft.label
    return {
        "outcome": "ok",
        "name": result.name,
        "url": result.url,
        "posts": len(result.posts),
        "left_out": list(result.left_out),
        "css": result.draft.css,
        "post_id": result.draft.post_id,
        "permalink": result.draft.permalink,
        "required": list(result.draft.required),
        "label": label and {"css": label.css, "attribute": label.attribute, "words": label.words},
        "fields": [
            {
                "field": field,
                "sources": list(sources.get(field, ())),
                "read": gave.found if gave else 0,
                "approximate": gave.approximate if gave else 0,
                "example": gave.example if gave else "",
                "from": list(gave.places) if gave else [],
                "notes": list(result.draft.fields[field].notes) if field in result.draft.fields else [],
            }
            for field in ("id", *FIELDS)
            for gave in (result.yielded.get(field),)
        ],
        "notes": list(result.draft.notes),
        "definition": result.text,
    }


def in_words(result: Proposed, *, output: Path | None, sites_dir: Path | None, is_private: bool) -> list[str]:
    """What was found and what to do next, line by line."""
    order = ("id", *FIELDS)
    read = {field: gave for field in order if (gave := result.yielded.get(field)) is not None and gave.found}
    in_all = [field for field, gave in read.items() if gave.found == gave.posts]
    in_some = [f"{field} ({gave.found})" for field, gave in read.items() if gave.found < gave.posts]
    missing = [field for field in FIELDS if field not in read]
    posts = "1 post" if len(result.posts) == 1 else f"{len(result.posts)} posts"
    lines = [f"{posts}; in all: {', '.join(in_all) or 'nothing'}; in some: {', '.join(in_some) or 'nothing'}"]
    if missing:
        lines.append(f"not found: {', '.join(missing)}")
    if result.left_out:
        lines.append(f"{len(result.left_out)} elements left out: {result.left_out[0]}")
    if result.is_cut:
        lines.append("the page is larger than what is looked at: only its beginning was")
    if result.asked is not None:
        lines.append(f"the page is the address of post {result.asked}, which is not among them: check it on a list")
    place = output or (sites_dir or Path("my-sites")) / f"{result.name}.toml"
    folder = place.parent
    known = sites_dir is not None and sites_dir.resolve() == folder.resolve()
    where = f"edit {place}" if output else f"save it as {place} and edit it"
    name_folder = "" if known else f", name that folder (TIDEGATE_SITES_DIR={folder})"
    flag = " --allow-private" if is_private else ""
    lines.append(f"next: {where}{name_folder}, then: tidegate site check {result.name} {result.url}{flag}")
    return lines
