"""The Python side of facts.js: a page as a tree of plain data, which a proposal is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from scraper.reader import an_address, seeing

SCRIPT: Final = seeing(files(__package__).joinpath("facts.js").read_text("utf-8"))
"""The script: a JavaScript function of one task, which returns `Facts` as JSON."""

MAX_NODES: Final = 40_000
MAX_CHARACTERS: Final = 6_000_000
MAX_SCRIPT_CHARACTERS: Final = 3_000_000


def task() -> dict[str, int]:
    """The argument of `SCRIPT`: how much is taken of a page at most."""
    return {
        "max_nodes": MAX_NODES,
        "max_depth": 120,
        "max_characters": MAX_CHARACTERS,
        "max_attributes": 24,
        "max_attribute": 400,
        "max_text": 600,
        "max_script_characters": MAX_SCRIPT_CHARACTERS,
    }


class Script(BaseModel):
    """A script that holds JSON."""

    model_config = ConfigDict(frozen=True)

    type: str
    id: str = ""
    text: str


class Facts(BaseModel):
    """What is on a page. `is_cut` says that there was more of it than is looked at."""

    model_config = ConfigDict(frozen=True)

    url: Annotated[str, AfterValidator(an_address)]
    base: Annotated[str, AfterValidator(an_address)]
    title: str = ""
    language: str | None = None
    nodes: tuple[tuple[int, str, dict[str, str]] | tuple[int, str], ...]
    noscript: tuple[tuple[int, str, dict[str, str]] | tuple[int, str], ...] = ()
    scripts: tuple[Script, ...] = ()
    is_cut: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Element:
    """An element. `place` is its place in the order of the page, `end` that of the first element after all in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    place: int
    end: int = 0
    children: list[Element | str] = field(default_factory=list)

    def holds(self, other: Element) -> bool:
        """Whether `other` is this one, or in it."""
        return self.place <= other.place < self.end

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()

    def ancestors(self) -> Iterator[Element]:
        """What it is in, the nearest first."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def inside(self) -> Iterator[Element]:
        """All elements in it, in the order of the page."""
        stack = [child for child in reversed(self.children) if isinstance(child, Element)]
        while stack:
            element = stack.pop()
            yield element
            stack.extend(child for child in reversed(element.children) if isinstance(child, Element))

    def text(self, without: Callable[[Element], bool] = lambda _: False) -> str:
        """Its text as the reader has it: images count as their alt."""
        parts: list[str] = []
        stack: list[Element | str] = [self]
        while stack:
            one = stack.pop()
            if isinstance(one, str):
                parts.append(one)
            elif one.tag == "img":
                parts.append(one.attributes.get("alt", ""))
            elif one.tag == "br":
                parts.append("\n")
            elif one is self or not without(one):
                stack.extend(reversed(one.children))
        return "".join(parts)

    @property
    def next(self) -> Element | None:
        """The element after it."""
        if self.parent is None:
            return None
        beside = [child for child in self.parent.children if isinstance(child, Element)]
        after = next(place for place, child in enumerate(beside) if child is self) + 1
        return beside[after] if after < len(beside) else None


@dataclass(frozen=True, slots=True)
class Tree:
    """All elements of a page, in its order, the address that they came from, and the one that links start from."""

    url: str
    base: str
    elements: tuple[Element, ...]

    @classmethod
    def of(cls, url: str, base: str, nodes: Any) -> Tree:
        """The tree of what facts.js has found."""
        by_place: dict[int, Element] = {}
        elements: list[Element] = []
        for place, node in enumerate(nodes):
            parent = by_place.get(node[0])
            if len(node) == 3:
                by_place[place] = element = Element(node[1], node[2], parent, len(elements))
                elements.append(element)
                if parent is not None:
                    parent.children.append(element)
            elif parent is not None:
                parent.children.append(node[1])
        for element in reversed(elements):
            last = next((child for child in reversed(element.children) if isinstance(child, Element)), None)
            element.end = last.end if last else element.place + 1
        return cls(url, base, tuple(elements))

    def address(self, href: str) -> str | None:
        """Where a link leads, if that is on the same site: path, query and fragment. A mere button leads nowhere."""
        if href.strip() in {"", "#"}:
            return None
        try:
            there, here = urlsplit(urljoin(self.base, href.strip())), urlsplit(self.url)
            own, other = here.hostname or "", there.hostname or ""
        except ValueError:
            return None
        if there.scheme not in {"http", "https"} or not other or not _is_one_site(own, other):
            return None
        query = f"?{there.query}" if there.query else ""
        return f"{there.path or '/'}{query}" + (f"#{there.fragment}" if there.fragment else "")


def _is_one_site(one: str, other: str) -> bool:
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
