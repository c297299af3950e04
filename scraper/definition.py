"""What a site definition says: the schema of one TOML file in `sites/`. Its guide is docs/sites.md.

A definition is data: how to know the site's addresses, what a ready page looks like, which elements are posts and
where in them each field is, what stands in the way when there is nothing to read, and how politely to ask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from browser_pool.blocking import Blocking
from scraper.counts import Abbreviation
from scraper.outcome import Outcome
from scraper.post import METRICS


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Selector = Annotated[str, Field(min_length=1)]
Metric = Literal["views", "likes", "reposts", "replies", "bookmarks", "score"]
FieldName = Literal[
    "id", "author", "author_name", "text", "title", "link", "time", "rank", "depth", "parent", "thread",
    "social_context", "pinned", "promoted", "cut", "views", "likes", "reposts", "replies", "bookmarks", "score",
]  # fmt: skip
QuotedField = Literal["id", "author", "author_name", "text"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Table):
    """One place where a field may be found. The sources of a field are tried in order.

    Where to look: from the item itself, its `ancestor`, the element after it (`start = "next"`) or the whole page
    (`start = "page"`), the first match of `css` that is not inside a quoted or a nested post; without `css`
    that element itself. What to take: an `attribute`, else the text, without the parts that match `without`. What
    of it: the group of `pattern` (the first that took part, or the whole match).
    """

    css: Selector | None = None
    where: Pattern | None = None
    """Only an element whose text this finds counts as a match of `css`."""
    start: Literal["item", "next", "page"] = "item"
    ancestor: Selector | None = None
    attribute: str | None = None
    without: Selector | None = None
    pattern: Pattern | None = None
    among_words: bool = False
    """For a count: it is the one number among words of any language, as in "2534 Replies. Reply"."""
    words: Mapping[str, int] = Field(default_factory=dict)
    """For a count or a number: words that stand for one, as "discuss" for 0."""
    divide_by: int = 1
    """For a number that the page multiplies, as an indent of 40 pixels a level."""
    id_time_from: int | None = None
    """For a time: the value is an id whose bits above the 22nd are milliseconds since this one."""
    utc: bool = False
    """For a time without a zone: whether it is UTC. Without this it is unknown."""

    @property
    def name(self) -> str:
        """How `Post.sources` calls it."""
        place = " ".join(part for part in (self.ancestor, self.css) if part) or "item"
        if self.start != "item":
            place = f"{self.start} {place}"
        return f"{place}@{self.attribute}" if self.attribute else place


class CountsLabel(_Table):
    """One element whose text or attribute holds all counts at once; see `scraper.labels`."""

    css: Selector
    attribute: str | None = None
    words: Mapping[Metric, tuple[str, ...]]
    other: tuple[str, ...] = ()
    """Words of counts that are understood and not kept, as quotes."""
    absent_is_zero: tuple[Metric, ...] = ()
    """The metrics that this site leaves out where they are 0."""

    @property
    def source(self) -> Source:
        """The place as an ordinary source."""
        return Source(css=self.css, attribute=self.attribute)


class QuotedPost(_Table):
    """The post inside a post. Nothing inside `css` is ever read for the outer post."""

    css: Selector
    fields: Mapping[QuotedField, tuple[Source, ...]] = Field(default_factory=dict)


class ItemKind(_Table):
    """One kind of post on a page: which elements are one, and where its fields are."""

    name: str
    css: Selector
    exclude: Selector | None = None
    fields: Mapping[FieldName, tuple[Source, ...]]
    counts: CountsLabel | None = None
    quoted: QuotedPost | None = None
    required: tuple[str, ...] = ("id",)
    """Fields without which an element is no post we know; "counts" stands for any metric."""
    once: Selector | None = None
    """What a post has only once. An element with more of it, outside what is quoted, holds two: it is left out."""
    tree: bool = False
    """Whether the parent follows from depth and order, as in an indented thread."""

    @property
    def places(self) -> tuple[tuple[str, Source], ...]:
        """Each field with each of its sources, as the reader reports them; the counts label comes last."""
        label = (("counts", self.counts.source),) if self.counts else ()
        return (*_places(self.fields), *label)

    @property
    def quoted_places(self) -> tuple[tuple[str, Source], ...]:
        """The same for the quoted post."""
        return _places(self.quoted.fields) if self.quoted else ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        if "id" not in self.fields:
            raise ValueError("fields.id is missing: nothing is read that can't be bound to an id")
        unknown = set(self.required) - set(self.fields) - {"counts"}
        if unknown:
            raise ValueError(f"required names fields that are not defined: {', '.join(sorted(unknown))}")
        if "counts" in self.required and self.counts is None and not set(self.fields) & set(METRICS):
            raise ValueError('required names "counts", but no metric is defined')
        return self


class Layout(_Table):
    """One face of the site: a client, a year. Which one matched is recorded with each post."""

    name: str
    inside_noscript: bool = False
    """Whether the posts are in <noscript> elements, for pages that show them only to readers without JavaScript."""
    items: Annotated[tuple[ItemKind, ...], Field(min_length=1)]


class TellTale(_Table):
    """What shows that a page is not what was asked for. All that is given must hold.

    `css` finds an element outside all posts; `text` is a regular expression for its text (the title's where there is
    no `css`), `url` one for the final address. Both are in what Python and JavaScript have in common, case ignored.
    """

    outcome: Outcome
    reason: str
    css: Selector | None = None
    text: Pattern | None = None
    url: Pattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.css or self.text or self.url):
            raise ValueError("one of css, text, url")
        return self


class Ready(_Table):
    """When a page can be read.

    `when = "parsed"`: once the document is there, for pages that the server renders. `when = "items"`: once there
    are posts with all that is required, for pages that scripts fill. While `busy` matches, a page without posts is
    slow, not strange.
    """

    when: Literal["parsed", "items"] = "items"
    busy: Selector | None = None


class Feed(_Table):
    """How a feed goes on: `end` matches where there is no more, `next` is the link to the next page."""

    end: Selector | None = None
    next: Selector | None = None


class Saved(_Table):
    """How to know and read a saved page of this site.

    `markers` are literal pieces of HTML that only this site has. Without `javascript` the page's own scripts do not
    run, so that it stays as it was saved.
    """

    base_url: str
    markers: tuple[str, ...] = ()
    javascript: bool = False


class Politeness(_Table):
    """How often a host may be asked. `jitter` is the share by which the pause varies."""

    requests_per_second: Annotated[float, Field(gt=0, le=100)] = 1.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.3


class Definition(_Table):
    """How to read a site. Each is itself: two are equal only if they are the same object."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    title: str
    hosts: Annotated[tuple[str, ...], Field(min_length=1)]
    paths: Pattern = ""
    """A regular expression for the paths that this definition reads; all, where it is empty."""
    schemes: tuple[Literal["http", "https"], ...] = ("https", "http")
    post_id: Pattern
    """A regular expression whose group is the id of the post in an address (path and query)."""
    permalink: str
    """The address of a post, with `{id}` and, where the site needs it, `{author}`."""
    language: str | None = None
    """The language of the counts where the page does not say."""
    abbreviations: Abbreviation = Abbreviation.UNKNOWN
    ready: Ready = Ready()
    feed: Feed = Feed()
    saved: Saved
    politeness: Politeness = Politeness()
    block: tuple[str, ...] = ()
    """What is refused while a page loads (`*` is the only wildcard)."""
    block_kinds: tuple[str, ...] = ()
    """Kinds of things that are refused whatever their address: "image", "font", "media" and so on."""
    layouts: Annotated[tuple[Layout, ...], Field(min_length=1)]
    tell_tales: tuple[TellTale, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        Blocking.of(self.block, self.block_kinds)
        if re.compile(self.post_id).groups != 1:
            raise ValueError("post_id: a regular expression with one group, the id")
        try:
            self.permalink.format(id="1", author="a")
        except (KeyError, IndexError, ValueError):
            raise ValueError("permalink: an address with {id} and perhaps {author}") from None
        if "{id}" not in self.permalink:
            raise ValueError("permalink: an address with {id}")
        return self

    def reads(self, url: str) -> bool:
        """Whether `url` is an address of this site."""
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
        return (
            parts.scheme in self.schemes
            and any(host == known or host.endswith("." + known) for known in self.hosts)
            and re.search(self.paths, _path(url)) is not None
        )

    def id_in(self, url: str) -> str | None:
        """The id of the post that `url` is the address of; None where it is not one of a post."""
        found = re.search(self.post_id, _path(url))
        return found[1] if found else None

    def permalink_of(self, post_id: str, author: str | None, base_url: str) -> str | None:
        """The post's own address (a relative one starts at the base); None where it takes an author not known."""
        if author is None and "{author}" in self.permalink:
            return None
        address = self.permalink.format(id=post_id, author=author)
        if address.startswith("/"):
            base = urlsplit(base_url)
            return f"{base.scheme}://{base.netloc}{address}"
        return address

    @property
    def kinds(self) -> tuple[tuple[Layout, ItemKind], ...]:
        """All kinds of all layouts; the reader counts them in this order."""
        return tuple((layout, kind) for layout in self.layouts for kind in layout.items)


def _places(fields: Mapping[Any, tuple[Source, ...]]) -> tuple[tuple[str, Source], ...]:
    return tuple((field, source) for field, sources in fields.items() for source in sources)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
