"""A draft as the text of a definition: our own format, with a comment on each field of what it gave. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from scraper.post import METRICS
from scraper.proposals.draft import FIELDS, Draft

LAYOUT: Final = "proposed"
KIND: Final = "post"
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True, slots=True)
class Yielded:
    """What a field gave: in `found` of `posts` posts, `approximate` of them in bounds; one value, and from where."""

    found: int
    posts: int
    approximate: int = 0
    example: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """What is said of a site as a whole. `is_list`: the address is one to look at again and again."""

    name: str
    url: str
    language: str | None
    is_list: bool = True
    contradictions: Mapping[str, str] | None = None


def name_for(url: str) -> str:
    """A name for a site, from its host."""
    host = urlsplit(url).hostname or ""
    labels = [label for label in host.lower().removeprefix("www.").split(".") if label]
    if not labels or host.replace(".", "").isdigit() or ":" in host or host == "localhost":
        return "local"
    name = max(labels[:-1] or labels, key=len)
    name = re.sub(r"[^a-z0-9_-]+", "-", name).strip("-")
    return name if name[:1].isalpha() else f"site-{name}"


def sources_by_field(draft: Draft) -> dict[str, tuple[dict[str, object], ...]]:
    """All sources of each field: records go first."""
    found: dict[str, tuple[dict[str, object], ...]] = {}
    for field in ("id", *FIELDS):
        expressions = dict.fromkeys(table.fields[field] for table in draft.records if field in table.fields)
        recorded: list[dict[str, object]] = [{"record": one} for one in expressions]
        shown = draft.fields[field].sources if field in draft.fields else ()
        if recorded or shown:
            found[field] = (*recorded, *shown)
    return found


def definition_text(draft: Draft, heading: Heading, yielded: Mapping[str, Yielded] | None = None) -> str:
    """The definition. With what its fields have `yielded` each has a comment, and what gave nothing is one."""
    return "\n".join((*_head(draft, heading), "", *_layout(draft, heading, yielded))) + "\n"


def _head(draft: Draft, heading: Heading) -> Iterator[str]:
    parts = urlsplit(heading.url)
    host = parts.netloc.rpartition("@")[2]
    yield f"# A proposal, made from {_plain(heading.url)} alone:"
    yield "# look at each line, and try it on other pages of the site."
    for note in draft.notes:
        yield f"# Note: {_plain(note)}."
    for other in draft.beside:
        yield f"# Beside this repeats: {_plain(other)}. It may be another kind of post; see [[layouts.items]]."
    yield f"name = {quoted(heading.name)}"
    yield f"title = {quoted(parts.hostname or host)}"
    yield f"hosts = [{quoted(host)}]"
    if parts.scheme == "http":
        yield 'schemes = ["http", "https"]'
    if draft.post_id is not None and draft.permalink is not None:
        yield f"post_id = {quoted(draft.post_id)}"
        yield f"permalink = {quoted(draft.permalink)}"
    else:
        yield "# Without post_id and permalink the address of a page is the id of its post."
    if heading.language:
        yield f"language = {quoted(heading.language)}"
    else:
        yield '# language = "en"   # the page does not say; numbers such as "1.234" are not read without it'
    yield '# abbreviations = "truncated"   # or "rounded": whether 32,999 is printed as 32K or 33K'
    yield 'block_kinds = ["image", "media", "font"]'
    yield ""
    yield "[feed]"
    if draft.next_page:
        yield f"next = {quoted(draft.next_page)}   # the link to the next page; without it the page is scrolled"
    else:
        yield '# next = "…"   # the link to the next page; without it the page is scrolled'
        yield '# end = "…"   # what shows that there is no more'
    yield ""
    yield "[politeness]"
    yield "requests_per_second = 0.2"
    if heading.is_list:
        yield ""
        yield "[check]"
        yield f"pages = [{quoted(heading.url)}]   # should always hold posts"
    yield ""
    yield "# [[tell_tales]]   # what shows that there is nothing to read"
    yield '# outcome = "not_found"'
    yield '# reason = "the page says that this post is gone"'
    yield '# css = "…"'


def _layout(draft: Draft, heading: Heading, yielded: Mapping[str, Yielded] | None) -> Iterator[str]:
    yield "[[layouts]]"
    yield f"name = {quoted(LAYOUT)}"
    if draft.is_in_noscript:
        yield "inside_noscript = true   # the posts are there for readers without JavaScript"
    yield ""
    yield "[[layouts.items]]"
    yield f"name = {quoted(KIND)}"
    if draft.css is not None:
        yield f"css = {quoted(draft.css)}"
    yield f"required = [{', '.join(quoted(name) for name in draft.required)}]   # what every post has"
    counts = [gave for metric in METRICS if (gave := (yielded or {}).get(metric)) is not None and gave.found]
    if counts and all(gave.found < gave.posts for gave in counts):
        yield "may_lack_counts = true   # no count was in all posts; without this a post without any is drift"
    yield ""
    yield from _fields(draft, heading, yielded)
    for table in draft.records:
        yield ""
        yield f"[[layouts.items.records]]   # JSON that names {table.count} of the posts"
        yield f"script = {quoted(table.script)}"
        yield f"having = {quoted(table.having)}"
        yield f"id = {quoted(table.id)}"
        if table.id_pattern:
            yield f"id_pattern = {quoted(table.id_pattern)}"
    yield from _label(draft, yielded)
    if draft.quoted is not None:
        yield ""
        yield "[layouts.items.quoted]   # a post in the post: nothing in it is read for the outer one"
        yield f"css = {quoted(draft.quoted)}"
        yield ""
        yield "[layouts.items.quoted.fields]   # taken over from the post: look whether they are the same in there"
        for field in ("author", "author_name", "text"):
            own = [
                one for one in (draft.fields[field].sources if field in draft.fields else ()) if "start" not in one
            ]
            if own:
                yield f"{field} = [{', '.join(_table(one) for one in own)}]"


def _fields(draft: Draft, heading: Heading, yielded: Mapping[str, Yielded] | None) -> Iterator[str]:
    yield "[layouts.items.fields]"
    in_label = set(draft.label.words) if draft.label else set()
    sources = sources_by_field(draft)
    for field in ("id", *FIELDS):
        own = sources.get(field)
        if field == "id" and draft.css is None:
            continue
        if own is None:
            if field not in in_label:
                yield f'# {field} = [{{ css = "…" }}]   # nothing on the page looked like it'
            continue
        line = f"{field} = [{', '.join(_table(one) for one in own)}]"
        if yielded is None:
            yield line
            continue
        notes = [*(draft.fields[field].notes if field in draft.fields else ())]
        notes += [said] if (said := (heading.contradictions or {}).get(field)) else []
        gave = yielded.get(field)
        # A field that must be there for the file to be one stays, whatever it gave.
        is_dead = (gave is None or not gave.found) and field != "id" and field not in draft.required
        yield f"# {field}: {in_words(gave)}"
        yield from (f"#   {_plain(note)}" for note in notes)
        yield f"# {line}" if is_dead else line


def _label(draft: Draft, yielded: Mapping[str, Yielded] | None) -> Iterator[str]:
    if draft.label is None:
        return
    yield ""
    yield "[layouts.items.counts]   # one label that holds several counts"
    yield f"css = {quoted(draft.label.css)}"
    if draft.label.attribute:
        yield f"attribute = {quoted(draft.label.attribute)}"
    if draft.label.unknown:
        said = ", ".join(draft.label.unknown[:5])
        yield f"# It also says: {_plain(said)}. Where that is a count, name it below, or in: other = []"
    yield '# absent_is_zero = ["replies"]   # only for what the site is known to leave out at 0'
    yield ""
    yield "[layouts.items.counts.words]   # all that may stand beside each number, in any language"
    for metric in METRICS:
        if metric in draft.label.words:
            if yielded is not None and metric not in draft.fields:
                yield f"# {metric}: {in_words(yielded.get(metric))}"
            yield f"{metric} = [{', '.join(quoted(word) for word in draft.label.words[metric])}]"


def in_words(gave: Yielded | None) -> str:
    """What a field gave, as a person says it."""
    if gave is None or not gave.found:
        return "tried on this page, and gave nothing"
    often = f"in all {gave.posts} posts" if gave.found == gave.posts else f"in {gave.found} of {gave.posts} posts"
    often = "in the one post" if gave.posts == 1 else often
    bounds = f", {gave.approximate} of them only in bounds" if gave.approximate else ""
    example = f"; one is {_example(gave.example)}" if gave.example else ""
    places = f"; from {_plain(' and '.join(gave.places[:2]))}" if gave.places else ""
    return f"{often}{bounds}{example}{places}"


def _example(text: str) -> str:
    short = _plain(text)
    return f'"{short[: _LONGEST_EXAMPLE - 1]}…"' if len(short) > _LONGEST_EXAMPLE else f'"{short}"'


def _table(source: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in source.items()) + " }"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else quoted(str(value))


def quoted(text: str) -> str:
    """A string of TOML, as people write it: as it is, where that is possible."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _plain(text: str) -> str:
    """A text as it can stand in a comment."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
