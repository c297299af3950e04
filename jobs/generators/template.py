"""The generator that is always there: templates as data, in one TOML file, filled in with what is known.

The same conversation gives the same text. It knows nothing of what is said: its drafts are beginnings.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from jobs.generators.protocol import Brief, Conversation, DoesNotFit, TemplateMistake
from scraper.store.weights import Kind

NAME = "template"
EXCERPT = 80
"""Characters of a conversation that a template quotes at most."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = {Kind.REPLY: ("author", "excerpt", "site"), Kind.POST: ("topic",)}
# A sentence ends at a full stop of its script; a line is one anyway.
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?…](?=\s|$)|[。\uff01\uff1f]|$)", re.MULTILINE)

Name = Annotated[str, Field(min_length=1, max_length=60)]


class Templates(BaseModel):
    """Templates of one kind, arm and language; without a language they are for all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    arm: Name
    lang: Name | None = None
    texts: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _placeholders_are_known(self) -> Self:
        known = _KNOWN[self.kind]
        for text in self.texts:
            if not text.strip():
                raise ValueError("a text is empty")
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    allowed = ", ".join(f"{{{one}}}" for one in known)
                    raise ValueError(f"{{{name}}} can't be filled in for a {self.kind.value}: use {allowed}")
        return self


class TemplateFile(BaseModel):
    """A whole file. `otherwise` is the language where a conversation's own is not known, or has no templates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    otherwise: Name = "en"
    templates: Annotated[tuple[Templates, ...], Field(min_length=1)]


class TemplateGenerator:
    """Writes from the templates of a file."""

    name = NAME

    def __init__(self, file: TemplateFile) -> None:
        self._file = file

    @classmethod
    def builtin(cls) -> Self:
        """With the templates that come with the program."""
        file = resources.files("jobs.generators") / "templates.toml"
        return cls(read_templates(file.read_text(encoding="utf-8"), "templates.toml"))

    @classmethod
    def load(cls, path: Path) -> Self:
        """With the templates of `path`, in place of the built-in ones. Raises `TemplateMistake`."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateMistake(str(path), f"it can't be read: {error}") from None
        return cls(read_templates(text, str(path)))

    def arms(self, kind: Kind) -> Sequence[str]:
        """The arms that the file names for `kind`."""
        return tuple(dict.fromkeys(one.arm for one in self._file.templates if one.kind is kind))

    async def draft(self, about: Conversation, arm: str) -> str:
        """One of the templates that fit, filled in."""
        known = {"author": about.author, "excerpt": excerpt(about.text), "site": about.site}
        return self._filled(Kind.REPLY, arm, about.lang, known, about.seed)

    async def post(self, brief: Brief, arm: str) -> str:
        """One of the templates that fit, filled in."""
        return self._filled(Kind.POST, arm, brief.lang, {"topic": brief.topic}, brief.seed)

    def _filled(self, kind: Kind, arm: str, lang: str | None, known: Mapping[str, str | None], seed: int) -> str:
        of_arm = [one for one in self._file.templates if one.kind is kind and one.arm == arm]
        for wanted in dict.fromkeys((_main(lang), _main(self._file.otherwise))):
            fitting = [
                text
                for one in of_arm
                if one.lang is None or _main(one.lang) == wanted
                for text in one.texts
                if all(known[name] for name in _PLACEHOLDER.findall(text))
            ]
            if fitting:
                return filled(fitting[seed % len(fitting)], known)
        raise DoesNotFit(f"no template of {arm!r} fits: it has none in {lang or 'an unknown language'}")


def filled(template: str, known: Mapping[str, str | None]) -> str:
    """`template` with its placeholders filled in. What is filled in is not looked at again."""
    return _PLACEHOLDER.sub(lambda match: known[match[1]] or "", template)


def excerpt(text: str) -> str | None:
    """The first sentence of `text`, cut at a word where it is long; None where there is nothing to quote."""
    found = _SENTENCE.search(text.strip())
    sentence = " ".join(found[0].split()) if found else ""
    if len(sentence) > EXCERPT:
        cut, space, _ = sentence[:EXCERPT].rpartition(" ")
        sentence = f"{cut if space and len(cut) > EXCERPT // 2 else sentence[:EXCERPT]}…"
    return sentence.rstrip(".。 ") or None


def read_templates(text: str, where: str) -> TemplateFile:
    """The templates in `text`, which is TOML. Raises `TemplateMistake`."""
    try:
        return TemplateFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TemplateMistake(where, f"it is no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TemplateMistake(
            f"{where}: {key}" if key else where, first["msg"].removeprefix("Value error, ")
        ) from None


def _main(lang: str | None) -> str | None:
    """The language of a tag: "pt" of "pt-BR"."""
    return re.split(r"[-_]", unicodedata.normalize("NFKC", lang))[0].lower() if lang else None
