"""What a definition says of the posts on a page: which elements or JSON objects are one, and where its fields are.

The tables below `[[layouts]]` of a site definition. Their guide is docs/sites.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from scraper.notations import BrowserPattern, Expression, Form, PageAddress, Pattern, Permalink, Selector, Zone
from scraper.post import METRICS

Metric = Literal["views", "likes", "reposts", "replies", "bookmarks", "score"]
FieldName = Literal[
    "id", "author", "author_name", "text", "title", "link", "time", "rank", "depth", "parent", "thread",
    "social_context", "lang", "pinned", "promoted", "reposted", "cut", "countless",
    "views", "likes", "reposts", "replies", "bookmarks", "score",
]  # fmt: skip
QuotedField = Literal["id", "author", "author_name", "text"]


def _folded(words: Mapping[str, int]) -> Mapping[str, int]:
    return {word.strip().casefold(): number for word, number in words.items()}


class Table(BaseModel):
    """A table of a definition: no key but those that are known, and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Table):
    """One place where a field may be found. The sources of a field are tried in order.

    Where to look: in the post's own `record` (JSON), in the `address` of the page, or from the item itself, its
    `ancestor`, the element after it (`start = "next"`) or the whole page (`start = "page"`), the first match of `css`
    that is not inside a quoted or a nested post; without `css` that element itself. What to take: an `attribute`,
    else the text, without the parts that match `without`. What of it: the group of `pattern` (the first that took
    part, or the whole match).
    """

    record: Expression | None = None
    """A JMESPath expression for a value in the JSON object that has the post's id; see `Records`."""
    is_html: bool = False
    """Whether what the record holds is HTML, of which only the text is wanted."""
    address: bool = False
    """The address at which the page ended."""
    css: Selector | None = None
    where: BrowserPattern | None = None
    """Only an element whose text this finds counts as a match of `css`."""
    only: bool = False
    """Says nothing where `css` has more than one match."""
    start: Literal["item", "next", "page"] = "item"
    ancestor: Selector | None = None
    attribute: str | None = None
    without: Selector | None = None
    pattern: Pattern | None = None
    """What of the string is meant; a string of more than 2,000 characters is not searched."""
    under: BrowserPattern | None = None
    """For an id that is one only within its page: what this finds in the page's address goes before it."""
    among_words: bool = False
    """For a count: it is the one number among words of any language, as in "2534 Replies. Reply"."""
    words: Annotated[Mapping[str, int], AfterValidator(_folded)] = Field(default_factory=dict)
    """For a count or a number: words that stand for one, as "discuss" for 0."""
    divide_by: Annotated[int, Field(ge=1)] = 1
    """For a number that the page multiplies, as an indent of 40 pixels a level."""
    form: Form | None = None
    """For a time: how it is written, where it can't be told from the text."""
    zone: Zone | None = None
    """For a time without a zone: the one it is in, as "UTC" or "Europe/Berlin". Without this it is unknown."""
    id_time_from: Annotated[int, Field(ge=0, lt=4_102_444_800_000)] | None = None
    """For a time: the value is an id whose bits above the 22nd are milliseconds since this one."""

    @property
    def name(self) -> str:
        """How `Post.sources` calls it."""
        if self.record:
            return f"record {self.record}"
        if self.address:
            return "address"
        place = " ".join(part for part in (self.ancestor, self.css) if part) or "item"
        if self.start != "item":
            place = f"{self.start} {place}"
        return f"{place}@{self.attribute}" if self.attribute else place

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        on_page = [key for key in ("css", "ancestor", "attribute", "without", "where") if getattr(self, key)]
        if (self.record or self.address) and (on_page or self.start != "item" or (self.record and self.address)):
            raise ValueError(f"one place: {'record' if self.record else 'address'} stands alone")
        if self.is_html and not self.record:
            raise ValueError("is_html is for a record; the text of an element is text already")
        if (self.where or self.only) and not self.css:
            raise ValueError("where and only choose among the matches of css, which is missing")
        if self.under is not None and re.compile(self.under).groups != 1:
            raise ValueError("under: a regular expression with one group, what goes before the id")
        return self


class Records(Table):
    """JSON that came with the page, and which objects in it are posts or belong to them.

    The JSON is the body of each `response` that the page itself asked for from such an address (`*` is the only
    wildcard), or what stands in each `script` (from right `after` a match on). In it `each` is a JMESPath expression
    for the object or the list of them, or `having` a key: then it is every object, however deep, that has that key.
    `id` is a JMESPath expression for the id in such an object, and `id_pattern` what of it.
    """

    response: str | None = None
    script: Selector | None = None
    after: BrowserPattern | None = None
    each: Expression | None = None
    having: str | None = None
    id: Expression
    id_pattern: Pattern | None = None

    @property
    def name(self) -> str:
        """How `Post.sources` calls it."""
        return f"response {self.response}" if self.response else f"script {self.script}"

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.response is None) == (self.script is None):
            raise ValueError("one of response, script")
        if (self.each is None) == (self.having is None):
            raise ValueError("one of each, having")
        return self


class CountsLabel(Table):
    """One element whose text or attribute holds all counts at once; see `scraper.values.labels`."""

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


class QuotedPost(Table):
    """The post inside a post. Nothing inside `css` is ever read for the outer post."""

    css: Selector
    fields: Mapping[QuotedField, tuple[Source, ...]] = Field(default_factory=dict)


class ItemKind(Table):
    """One kind of post on a page: which elements are one, and where its fields are.

    Without `css` every object of its `records` is a post.
    """

    name: str
    css: Selector | None = None
    exclude: Selector | None = None
    permalink: Permalink | None = None
    """The address of a post of this kind, if it is not that of the site's posts; may use `{thread}`, too."""
    records: tuple[Records, ...] = ()
    fields: Mapping[FieldName, tuple[Source, ...]]
    counts: CountsLabel | None = None
    quoted: QuotedPost | None = None
    required: tuple[str, ...] = ("id",)
    """Fields without which an element is no post we know; "counts" stands for any metric."""
    may_lack_counts: bool = False
    """Whether posts of this kind may show no count at all, as an advertisement among stories."""
    once: Selector | None = None
    """What a post has only once. An element with more of it, outside what is quoted, holds two: it is left out."""
    tree: bool = False
    """Whether the parent follows from depth and order, as in an indented thread."""
    branch: Selector | None = None
    """What holds a post together with its answers. The parent is the post of the next branch outwards."""

    @property
    def places(self) -> tuple[tuple[str, Source], ...]:
        """Each field with each of its sources, as the reader reports them; the counts label comes last."""
        label = (("counts", self.counts.source),) if self.counts else ()
        return (*_places(self.fields), *label)

    @property
    def count_places(self) -> tuple[tuple[str, Source], ...]:
        """Those of `places` that hold counts."""
        return tuple((field, source) for field, source in self.places if field in {"counts", *METRICS})

    @property
    def quoted_places(self) -> tuple[tuple[str, Source], ...]:
        """The same for the quoted post."""
        return _places(self.quoted.fields) if self.quoted else ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.css is None and not self.records:
            raise ValueError("css (which elements are posts) or records (which JSON objects are) is missing")
        if self.css is not None and "id" not in self.fields:
            raise ValueError("fields.id: it is missing, and nothing is read that can't be bound to an id")
        unknown = set(self.required) - set(self.fields) - {"counts", "id"}
        if unknown:
            raise ValueError(f"required names fields that are not defined: {', '.join(sorted(unknown))}")
        if "counts" in self.required and self.counts is None and not set(self.fields) & set(METRICS):
            raise ValueError('required names "counts", but no metric is defined')
        self._check_sources()
        return self

    def _check_sources(self) -> None:
        for field, source in _places(self.fields):
            if source.record and field == "id":
                raise ValueError("fields.id: a record is found by its id, so that is not read from it")
            if source.record and not self.records:
                raise ValueError(f"fields.{field}: there are no records to look into; see [[layouts.items.records]]")
            if self.css is None and not source.record:
                raise ValueError(f"fields.{field}: without css there is no element, only the record")


class Feed(Table):
    """How a feed goes on. One that says nothing here is scrolled.

    `end` matches where there is no more. `more` is a button that brings more to the same page. `next` is the link to
    the next page, be it by number or by cursor; `pages` is the address of a page by its number (`{page}`, the first
    is `first_page`), for sites without such a link. `removable`: posts that were read may be taken off the page, so
    that it does not grow; not for sites whose scripts count what is there.
    """

    end: Selector | None = None
    more: Selector | None = None
    next: Selector | None = None
    pages: PageAddress | None = None
    first_page: int = 1
    removable: bool = False

    @model_validator(mode="after")
    def _goes_on_in_one_way(self) -> Self:
        ways = [name for name in ("more", "next", "pages") if getattr(self, name)]
        if len(ways) > 1:
            raise ValueError(f"one way to go on, not {' and '.join(ways)}")
        return self


class Layout(Table):
    """One face of the site: a client, a year. Which one matched is recorded with each post."""

    name: str
    feed: Feed | None = None
    """How a feed goes on in this layout, where that differs from the others."""
    inside_noscript: bool = False
    """Whether the posts are in <noscript> elements, for pages that show them only to readers without JavaScript."""
    items: Annotated[tuple[ItemKind, ...], Field(min_length=1)]


def _places(fields: Mapping[Any, tuple[Source, ...]]) -> tuple[tuple[str, Source], ...]:
    return tuple((field, source) for field, sources in fields.items() for source in sources)
