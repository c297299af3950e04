"""`tidegate site check`: which fields of which site are still read, on live or saved pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.drift import Drift, Place, Yield, drifts, yields_of
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import METRICS, Post, post_as_dict
from scraper.store import yields as store
from tidegate.errors import UsageError
from tidegate.program import has_database, open_database, open_program, sharing_pace
from tidegate.scrape import Input, scrape, understand
from tidegate.settings import Settings

EXAMPLE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """One field of one kind of post: in how many posts it was read, and before; `approximate` of them in bounds.

    `sources` are the places that gave it, the most frequent first. `example` is one value, as text.
    """

    field: str
    now: Yield
    approximate: int
    is_required: bool
    sources: tuple[str, ...]
    example: str
    before: Yield | None
    drift: Drift | None


@dataclass(frozen=True, slots=True)
class KindCheck:
    """One kind of post of one layout, and its fields."""

    layout: str
    kind: str
    posts: int
    fields: tuple[FieldCheck, ...]


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """A site: the pages that were opened, and what was read on them."""

    definition: Definition
    pages: tuple[tuple[str, PageReport], ...]
    kinds: tuple[KindCheck, ...]

    @property
    def is_fine(self) -> bool:
        """Whether every page was what was asked for, with posts, and no field has drifted."""
        drifted = any(field.drift for kind in self.kinds for field in kind.fields)
        return bool(self.kinds) and not drifted and all(page.outcome is Outcome.OK for _, page in self.pages)


def what_to_check(arguments: Sequence[str], definitions: Definitions) -> list[Input]:
    """The pages that `[SITE] [FILE-OR-URL...]` means. Raises `UsageError`, with what to write instead."""
    site = arguments[0] if arguments and arguments[0] in definitions.names else None
    pages = list(arguments[1:] if site else arguments)
    if pages:
        return [understand(page, definitions, site=site, url=None) for page in pages]
    chosen = [definitions.by_name(site)] if site else list(definitions)
    inputs = [Input(url, url, definition) for definition in chosen for url in definition.check.pages]
    if not inputs:
        named = f"{site} has no pages to check" if site else "no site has pages to check"
        raise UsageError(f"{named}: name a saved page or an address, or give the definition some under [check]")
    return inputs


async def check_sites(settings: Settings, inputs: Sequence[Input], definitions: Definitions) -> list[SiteCheck]:
    """Open the pages and judge the definitions by them. The history is that of the database, if there is one."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_program(settings, definitions=definitions))
        program = await stack.enter_async_context(sharing_pace(opened))
        scraped = await scrape(program, inputs, lambda: None)
        before: dict[Place, Yield] = {}
        if has_database(settings):
            database = await stack.enter_async_context(open_database(settings))
            for site in dict.fromkeys(page.definition.name for page in inputs):
                before |= await store.recent(database, site)
    by_site: dict[str, list[tuple[str, PageReport]]] = {}
    for page, result in zip(inputs, scraped, strict=True):
        by_site.setdefault(page.definition.name, []).append((result.source, result.report))
    return [judged(definitions.by_name(site), pages, before) for site, pages in by_site.items()]


def judged(
    definition: Definition, pages: Sequence[tuple[str, PageReport]], before: Mapping[Place, Yield]
) -> SiteCheck:
    """What `pages` say of `definition`, compared with what it yielded before. Pure."""
    now = yields_of(definition, [page.posts for _, page in pages])
    posts = [post for _, page in pages for post in page.posts]
    drifted = {drift.place: drift for drift in drifts(now, before)}
    kinds = []
    for layout, kind in definition.kinds:
        own = [post for post in posts if (post.layout, post.kind) == (layout.name, kind.name)]
        fields = tuple(
            _checked(
                place,
                seen,
                own,
                is_required=_requires(kind.required, place.field),
                before=before.get(place),
                drift=drifted.get(place),
            )
            for place, seen in now.items()
            if (place.layout, place.kind) == (layout.name, kind.name)
        )
        if own:
            kinds.append(KindCheck(layout.name, kind.name, len(own), fields))
    return SiteCheck(definition, tuple(pages), tuple(kinds))


def as_dict(check: SiteCheck) -> dict[str, object]:
    """A check for JSON."""
    return {
        "site": check.definition.name,
        "fine": check.is_fine,
        "pages": [
            {"source": source, "outcome": page.outcome.value, "reason": page.reason, "posts": len(page.posts)}
            for source, page in check.pages
        ],
        "kinds": [
            {
                "layout": kind.layout,
                "kind": kind.kind,
                "posts": kind.posts,
                "fields": [
                    {
                        "field": field.field,
                        "read": field.now.found,
                        "approximate": field.approximate,
                        "required": field.is_required,
                        "sources": list(field.sources),
                        "example": field.example,
                        "share_before": round(field.before.share, 4) if field.before else None,
                        "posts_before": field.before.posts if field.before else None,
                        "last_read_before": _day(field.before),
                        "drift": str(field.drift) if field.drift else None,
                    }
                    for field in kind.fields
                ],
            }
            for kind in check.kinds
        ],
    }


def _day(before: Yield | None) -> str | None:
    return before.last_found_on.isoformat() if before and before.last_found_on else None


def _checked(
    place: Place,
    seen: Yield,
    posts: Sequence[Post],
    *,
    is_required: bool,
    before: Yield | None,
    drift: Drift | None,
) -> FieldCheck:
    field = place.field
    sources = Counter(post.sources[field] for post in posts if field in post.sources)
    values = [post_as_dict(post) for post in posts if field in post.sources]
    bounds = [value["approximate"][field]["text"] for value in values if field in value["approximate"]]
    shown = [str(value[field]) for value in values if value.get(field) is not None]
    return FieldCheck(
        field=field,
        now=seen,
        approximate=len(bounds),
        is_required=is_required,
        sources=tuple(name for name, _ in sources.most_common()),
        example=" ".join(next(iter((*shown, *bounds)), "").split())[:EXAMPLE_CHARACTERS],
        before=before,
        drift=drift,
    )


def _requires(required: Sequence[str], field: str) -> bool:
    return field in required or ("counts" in required and field in METRICS)
