"""What a site definition says: the schema of one TOML file in `sites/`. Its guide is docs/sites.md.

A definition is data: how to know the site's addresses, what a ready page looks like, which elements are posts and
where in them each field is, what stands in the way when there is nothing to read, and how politely to ask.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from browser_pool.blocking import Blocking
from scraper.kinds import Feed, ItemKind, Layout, Table
from scraper.links import joined
from scraper.notations import Address, BrowserPattern, Host, Pattern, Permalink, Selector, plain_host
from scraper.outcome import Outcome
from scraper.values.counts import Abbreviation

_DISTINCTIVE = re.compile(
    r"(?!(?:page|part|p|index|comments?)[-_.]?\d*+(?:\.\w++)?$)"
    r"(?:\d{5,}+$|(?=.*\d)(?=.*[^\W\d_]).{3,}|(?=(?:[^-]*+-){2}).{12,})"
)
"""The last part of an address that hardly two posts share: a long number, letters with digits, or several words."""
_TRACKING = re.compile(r"(utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|ref_src|ref_url)=", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class TellTale(Table):
    """What shows that a page is not what was asked for. All that is given must hold.

    `css` finds an element outside all posts; `text` is a regular expression for its text (the title's where there is
    no `css`), `url` one for the final address. Both are in what Python and JavaScript have in common, case ignored.
    """

    outcome: Outcome
    reason: str
    css: Selector | None = None
    text: BrowserPattern | None = None
    url: BrowserPattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.css or self.text or self.url):
            raise ValueError("one of css, text, url")
        return self


class Ready(Table):
    """When a page can be read.

    `when = "parsed"`: once the document is there, for pages that the server renders. `when = "items"`: once there
    are posts with all that is required, for pages that scripts fill. While `busy` matches, a page without posts is
    slow, not strange.
    """

    when: Literal["parsed", "items"] = "items"
    busy: Selector | None = None


class Saved(Table):
    """How to know and read a saved page of this site.

    `base_url` is where a page that does not say so is taken to be from; without it, the first of the hosts.
    `markers` are literal pieces of HTML that only this site has. Without `javascript` the page's own scripts do not
    run, so that it stays as it was saved.
    """

    base_url: Address = ""
    markers: tuple[str, ...] = ()
    javascript: bool = False


class Check(Table):
    """What `tidegate site check` looks at when it is given nothing: addresses that should always hold posts."""

    pages: tuple[Address, ...] = ()


class Politeness(Table):
    """How often a host may be asked. `jitter` is the share by which the pause varies."""

    requests_per_second: Annotated[float, Field(gt=0, le=100)] = 1.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.3


class Definition(Table):
    """How to read a site. Each is itself: two are equal only if they are the same object."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: str
    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    """The hosts, with all their subdomains; on any port, if there is none in it. "*" is any host that no other
    definition claims."""
    paths: Pattern = ""
    """A regular expression for the paths that this definition reads; all, where it is empty."""
    schemes: tuple[Literal["http", "https"], ...] = ("https", "http")
    post_id: Pattern | None = None
    """A regular expression whose group is the id of the post in an address (path, query and fragment).

    Without it the id is the address: host, path and query, without what only says where a visitor came from.
    """
    permalink: Permalink | None = None
    """The address of a post, with `{id}` and, where the site needs it, `{author}`; a kind may have another."""
    language: str | None = None
    """The language of the counts and times where the page does not say."""
    abbreviations: Abbreviation = Abbreviation.UNKNOWN
    ready: Ready = Ready()
    feed: Feed = Feed()
    saved: Annotated[Saved, Field(validate_default=True)] = Saved()
    check: Check = Check()
    politeness: Politeness = Politeness()
    block: tuple[str, ...] = ()
    """What is refused while a page loads (`*` is the only wildcard)."""
    block_kinds: tuple[str, ...] = ()
    """Kinds of things that are refused whatever their address: "image", "font", "media" and so on."""
    layouts: Annotated[tuple[Layout, ...], Field(min_length=1)]
    tell_tales: tuple[TellTale, ...] = ()

    @field_validator("saved")
    @classmethod
    def _from_the_first_host(cls, saved: Saved, info: ValidationInfo) -> Saved:
        """Say where saved pages are from, if the file does not."""
        hosts = [host for host in info.data.get("hosts", ()) if host != "*"]
        if saved.base_url or not hosts:
            return saved
        scheme = next(iter(info.data.get("schemes", ())), "https")
        return saved.model_copy(update={"base_url": f"{scheme}://{hosts[0]}/"})

    @field_validator("block_kinds")
    @classmethod
    def _can_be_blocked(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        Blocking.of((), kinds)
        return kinds

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.saved.base_url:
            raise ValueError("saved.base_url: it is missing, and no host says where saved pages are from")
        if (self.post_id is None) != (self.permalink is None):
            raise ValueError("post_id and permalink: both, or neither where the address is the id")
        if self.post_id is not None and re.compile(self.post_id).groups != 1:
            raise ValueError("post_id: a regular expression with one group, the id")
        return self

    @property
    def is_for_any_host(self) -> bool:
        """Whether it reads what no other definition claims."""
        return "*" in self.hosts

    @property
    def hears(self) -> tuple[str, ...]:
        """Which responses of a page hold records."""
        tables = (table for _, kind in self.kinds for table in kind.records)
        return tuple(dict.fromkeys(table.response for table in tables if table.response))

    def reads(self, url: str) -> bool:
        """Whether `url` is an address of this site."""
        try:
            parts = urlsplit(url)
            host, port = plain_host(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        return (
            parts.scheme in self.schemes
            and bool(host)
            and any(_is_of(host, port, known) for known in self.hosts)
            and re.search(self.paths, _path(url)) is not None
        )

    def id_in(self, url: str) -> str | None:
        """The id of the post that `url` is the address of; None where it is not one of a post."""
        if self.post_id is None:
            return address_as_id(url)
        found = re.search(self.post_id, _path(url))
        return found[1] if found else None

    def as_sought(self, post_id: str) -> str:
        """What a page is looked for that has the post of this id: another address of it will do."""
        last = post_id.rpartition("/")[2]
        return last if self.post_id is None and _DISTINCTIVE.match(last) else post_id

    def permalink_of(
        self,
        post_id: str,
        base_url: str,
        *,
        author: str | None,
        thread: str | None = None,
        kind: ItemKind | None = None,
    ) -> str | None:
        """The post's own address (a relative one starts at the base); None where it takes what is not known."""
        template = (kind.permalink if kind else None) or self.permalink
        if template is None:
            return f"{urlsplit(base_url).scheme}://{post_id}"
        if (author is None and "{author}" in template) or (thread is None and "{thread}" in template):
            return None
        address = template.format(id=post_id, author=author, thread=thread)
        return address if "://" in address else joined(base_url, address)

    def feed_of(self, layout: str | None) -> Feed:
        """How a feed goes on in the layout of this name."""
        own = next((one.feed for one in self.layouts if one.name == layout), None)
        return own or self.feed

    @property
    def kinds(self) -> tuple[tuple[Layout, ItemKind], ...]:
        """All kinds of all layouts; the reader counts them in this order."""
        return tuple((layout, kind) for layout in self.layouts for kind in layout.items)


def _is_of(host: str, port: int | None, known: str) -> bool:
    """Whether a plain host and its port are those of one of a definition's hosts."""
    if known == "*":
        return True
    own = urlsplit(f"//{known}")
    name = own.hostname or ""
    return (host == name or host.endswith(f".{name}")) and own.port in {None, port}


def address_as_id(url: str) -> str | None:
    """An address without what does not change the page; None for what is no address.

    That is the scheme, "www.", the fragment, a last slash, and parameters that say where a visitor came from:
    "https://www.pier.example/a/?utm_source=x#top" and "http://pier.example/a" are both "pier.example/a".
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    told = [pair for pair in parts.query.split("&") if pair and not _TRACKING.match(pair)]
    place = host.removeprefix("www.") + (f":{port}" if port and port not in {80, 443} else "")
    return place + (parts.path.rstrip("/") or "") + (f"?{'&'.join(told)}" if told else "")


def are_aliases(one: str, other: str) -> bool:
    """Whether two ids that are addresses may name one post: they have the site and a distinctive last part in common.

    "a.example/@ada/note/c-1" and "a.example/note/c-1" may; "a.example/x/2" and "a.example/y/2" are pages of lists,
    and addresses with different authors are of different posts. Pure.
    """
    (host, *path), (other_host, *other_path) = one.split("/"), other.split("/")
    is_one_site = host == other_host or host.endswith(f".{other_host}") or other_host.endswith(f".{host}")
    if not (is_one_site and path and other_path) or path[-1] != other_path[-1] or not _DISTINCTIVE.match(path[-1]):
        return False
    authors, others = ({part for part in parts[:-1] if part.startswith("@")} for parts in (path, other_path))
    return not (authors and others) or authors == others


def _path(url: str) -> str:
    """The part of an address after the host; empty for what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return parts.path + query + (f"#{parts.fragment}" if parts.fragment else "")
