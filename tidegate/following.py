"""What is followed and harvested: which addresses can be, and the lists of them."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scraper.addresses import AddressPolicy, is_unknown, refusal_by_looks
from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.notations import plain_host
from scraper.store.database import Database
from scraper.store.post_list import urls_of
from scraper.store.posts import follow
from tidegate.errors import UsageError
from tidegate.url_lists import batches_in

MOST_TOLD = 20
MOST_URL_BYTES = 2000
"""An address may be the id of a post, and what is indexed has its limit."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address, and how it is read. `post_id` is None where it is not one of a single post."""

    url: str
    definition: Definition
    post_id: str | None

    @property
    def site(self) -> str:
        """The name of its site."""
        return self.definition.name


@dataclass(frozen=True, slots=True)
class Refused:
    """What can't be followed, and why. `line` is where it stood in a list."""

    url: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line is not None else ""
        return ": ".join(part for part in (where, _shown(self.url), self.reason) if part)


@dataclass(slots=True)
class Added:
    """What came of adding. `refused` are the first of them, and `refusals` how many there were."""

    new: int = 0
    known: int = 0
    by_site: Counter[str] = field(default_factory=Counter)
    refusals: int = 0
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, one: Refused) -> None:
        """Count it; keep it while there is room."""
        self.refusals += 1
        if len(self.refused) < MOST_TOLD:
            self.refused.append(one)


def post_at(url: str, definitions: Definitions, *, site: str | None, policy: AddressPolicy) -> Place | Refused:
    """The post that `url` is the address of. Raises `UnknownSite`."""
    place = place_at(url, definitions, site=site, policy=policy)
    if isinstance(place, Place) and place.post_id is None:
        return Refused(
            place.url,
            f"an address of {place.definition.title}, but not of a single post; "
            "`tidegate targets add --watch` follows all posts that a page shows",
        )
    return place


def target_at(url: str, definitions: Definitions, *, site: str | None, policy: AddressPolicy) -> Place | Refused:
    """The page with posts that `url` is the address of. Raises `UnknownSite`."""
    place = place_at(url, definitions, site=site, policy=policy)
    if isinstance(place, Place) and place.definition.is_for_any_host:
        return Refused(place.url, "no site definition reads lists of this site; write one: docs/sites.md")
    if isinstance(place, Place) and place.post_id is not None:
        return Refused(place.url, "the address of a single post; `tidegate posts add` follows it")
    return place


def place_at(url: str, definitions: Definitions, *, site: str | None, policy: AddressPolicy) -> Place | Refused:
    """What `url` is the address of, without asking anybody. Raises `UnknownSite`."""
    named = definitions.by_name(site) if site else None
    url = url.strip()
    reason = _no_address(url) or refusal_by_looks(url, policy)
    if reason is not None:
        return Refused(url, reason)
    definition = named or definitions.for_url(url)
    if definition is None:
        return Refused(url, f"no site definition reads it; name one with --site ({', '.join(definitions.names)})")
    return Place(url, definition, definition.id_in(url))


async def add_posts(database: Database, posts: Sequence[Place]) -> Added:
    """Follow these posts, but for those that can't be told from one that is followed."""
    added = Added()
    by_definition: dict[Definition, list[Place]] = defaultdict(list)
    for post in posts:
        by_definition[post.definition].append(post)
    for definition, places in by_definition.items():
        hosts = await _hosts_of_known(database, definition, places)
        # In order, so that two who add the same posts at once never wait for each other in a circle.
        pairs: list[tuple[str, str]] = []
        for post_id, url in sorted((place.post_id or "", place.url) for place in places):
            other = hosts.setdefault(post_id, _host(url)) if _has_ids_by_host(definition) else _host(url)
            if other == _host(url):
                pairs.append((post_id, url))
            else:
                reason = f"{definition.name}: {post_id} is a post on {other}, and the two can't be told apart"
                added.refuse(Refused(url, reason))
        new = await follow(database, definition.name, pairs)
        added.new += new
        added.known += len(pairs) - new
        added.by_site[definition.name] += len(pairs)
    return added


async def unknown_hosts(places: Sequence[Place]) -> list[str]:
    """The hosts among those of `places` whose names lead nowhere now, in order."""
    hosts = sorted({_host(place.url) for place in places})
    unknown = await asyncio.gather(*map(is_unknown, hosts))
    return [host for host, is_one in zip(hosts, unknown, strict=True) if is_one]


async def import_posts(
    database: Database, descriptor: int, definitions: Definitions, *, site: str | None, policy: AddressPolicy
) -> Added:
    """Follow the posts of a list as they come; what can't be followed is left out. Raises `UsageError`."""
    total = Added()
    async for batch in batches_in(descriptor):
        posts: list[Place] = []
        for entry in batch:
            found = (
                post_at(entry.text, definitions, site=site, policy=policy)
                if entry.text
                else Refused("", "there is no address in the column 'url'")
            )
            if isinstance(found, Place):
                posts.append(found)
            else:
                total.refuse(Refused(found.url, found.reason, entry.line))
        added = await add_posts(database, posts)
        total.new += added.new
        total.known += added.known
        total.by_site += added.by_site
        for one in added.refused:
            total.refuse(one)
        total.refusals += added.refusals - len(added.refused)
    return total


def author_named(name: str) -> str:
    """A handle as the store has it: without the @ before it. Raises `UsageError`."""
    handle = name.strip().removeprefix("@")
    if not handle or any(_is_unspeakable(character) for character in handle):
        raise UsageError(f"{_shown(name)!r} is no author; write the handle, as @ada")
    return handle


async def _hosts_of_known(database: Database, definition: Definition, places: Sequence[Place]) -> dict[str, str]:
    """Where the posts of these ids are that are followed, for a site whose hosts each have ids of their own."""
    if not _has_ids_by_host(definition):
        return {}
    urls = await urls_of(database, definition.name, [place.post_id or "" for place in places])
    return {post_id: _host(url) for post_id, url in urls.items()}


def _has_ids_by_host(definition: Definition) -> bool:
    """Whether it is for many hosts, on each of which the same id is another post: its permalink stays on the host."""
    return definition.permalink is not None and "://" not in definition.permalink


def _host(url: str) -> str:
    """The host as it is compared; empty where there is none."""
    try:
        return plain_host(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _no_address(url: str) -> str | None:
    """Why this is none at all; None if it may be one."""
    if not _host(url) or any(map(_is_unspeakable, url)):
        return "this is no web address; one looks like https://example.org/page"
    if len(url.encode()) > MOST_URL_BYTES:
        return f"this address is longer than {MOST_URL_BYTES:,} bytes"
    return None


def _is_unspeakable(character: str) -> bool:
    """White space, control characters, the mark of bytes that were no text: no address has any."""
    return character.isspace() or character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cs"}


def _shown(text: str) -> str:
    """On one line, and not all of it."""
    shown = "".join("?" if unicodedata.category(one) in {"Cc", "Cs", "Cf"} else one for one in text)
    return shown if len(shown) <= 200 else f"{shown[:199]}…"
