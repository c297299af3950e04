"""All site definitions there are, and which of them reads what."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from scraper.definition import Definition, TellTale
from scraper.errors import DefinitionError, UnknownSite
from scraper.kinds import Table
from scraper.mistakes import expected, worst
from scraper.recognition import marked, own_addresses
from scraper.toml_lines import line_of

_T = TypeVar("_T", bound=Table)

COMMON = "common.toml"
"""The file of tell-tales that any site may show; they come after a definition's own."""


class Definitions:
    """The definitions by name."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._by_name = {definition.name: definition for definition in definitions}

    def __iter__(self) -> Iterator[Definition]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    @classmethod
    def builtin(cls) -> Self:
        """The definitions that come with Tidegate. Raises `DefinitionError`."""
        return cls(_load_all(files(__package__).joinpath("sites")))

    def load(self, folder: Path) -> Self:
        """These and those in `folder`, which replace these of the same name. Raises `DefinitionError`."""
        if not folder.is_dir():
            raise DefinitionError(str(folder), "", "a folder of site definitions (*.toml)")
        return type(self)([*self, *_load_all(folder)])

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._by_name))

    def by_name(self, name: str) -> Definition:
        """The definition called `name`. Raises `UnknownSite`, which lists those there are."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownSite(name, self.names) from None

    def for_url(self, url: str) -> Definition | None:
        """The definition that reads `url`: the last that does, and one for any host only if there is no other."""
        claims = [one for one in self if one.reads(url)]
        return min(reversed(claims), key=lambda one: one.is_for_any_host, default=None)

    def for_html(self, html: bytes) -> Definition | None:
        """The definition that reads the saved page `html`.

        The page's own word for its address goes first (a "saved from" comment, the canonical link, og:url), then
        the markers of the definitions, and last one for any host, if the page says where it is from.
        """
        claims = [definition for url in own_addresses(html) if (definition := self.for_url(url))]
        own = next((one for one in claims if not one.is_for_any_host), None)
        return own or next(reversed(marked(self, html)), None) or next(iter(claims), None)


def source_of(name: str, *folders: Path) -> str | None:
    """The text of a definition's file: of the first folder that has one, else the built-in one; None if none has."""
    places: list[Traversable] = [*folders, files(__package__).joinpath("sites")]
    for place in places:
        file = place.joinpath(f"{name}.toml")
        if file.is_file():
            return _text_of(file)
    return None


def load_definition(name: str, text: str, common: Iterable[TellTale] = ()) -> Definition:
    """The definition in `text`, the contents of the file `name`, with the tell-tales of `common` after its own.

    Raises `DefinitionError`.
    """
    table = _parse(name, text)
    own = table.get("tell_tales", [])
    # What is no array is left for the check to complain of.
    tales = [*own, *common] if isinstance(own, list) else own
    return _checked(Definition, name, text, {**table, "tell_tales": tales})


class _Common(Table):
    """The file of tell-tales that any site may show."""

    tell_tales: tuple[TellTale, ...] = ()


def _load_all(folder: Traversable) -> list[Definition]:
    texts = {
        file.name: _text_of(file)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }
    shared = texts.pop(COMMON, None) or _text_of(files(__package__).joinpath("sites", COMMON))
    common = _checked(_Common, COMMON, shared, _parse(COMMON, shared)).tell_tales
    return [load_definition(name, text, common) for name, text in texts.items()]


def _text_of(file: Traversable) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DefinitionError(file.name, "", f"a file that can be read ({error.strerror})") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DefinitionError(file.name, "", "text in UTF-8; save the file in that encoding", line) from None


def _parse(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise DefinitionError(name, "", "TOML that is not nested so deep") from None
    except ValueError as error:
        at = re.search(r"line (\d+)", str(error))
        raise DefinitionError(name, "", f"TOML: {error}", int(at[1]) if at else None) from None


def _checked(kind: type[_T], name: str, text: str, table: dict[str, Any]) -> _T:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        mistake = worst(error.errors())
        path = tuple(part for part in mistake["loc"] if part != "[key]")
        said = expected(mistake, kind)
        named = re.match(r"([\w.]+): ", said) if mistake["type"] == "value_error" else None
        if named:
            path = (*path, *named[1].split("."))
        key = ".".join(str(part) for part in path)
        raise DefinitionError(name, key, said, line_of(text, path)) from None
