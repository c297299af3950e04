"""What a generator is: something that can write a reply to a conversation, or a post on a topic.

A plug-in is a package with an entry point in the group "tidegate.generators", which names a callable without
parameters that returns a `Generator`:

    [project.entry-points."tidegate.generators"]
    mine = "my_package:make_generator"

What it writes is a draft for a person. It is told only what is in `Conversation` and `Brief`, and what a page wrote
is data there, not instructions. Its methods run in the event loop: they must await what takes time, and they are
cancelled at a deadline.

```
GeneratorError          it could not write, and why; another one is asked
├── DoesNotFit          this arm has nothing for this conversation; that is no failure
├── NotNow              nor will it in the rest of this run: its budget is used up, or its endpoint is down
└── TemplateMistake     a file of templates can't be used: which key, and what was expected
```
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from scraper.store.weights import Kind


class GeneratorError(Exception):
    """A generator could not write; the message says why."""


class DoesNotFit(GeneratorError):
    """The arm has nothing to say here. Another arm of the same generator may."""


class NotNow(GeneratorError):
    """It can't write now, and asking it again in this run is no use."""


class TemplateMistake(GeneratorError):
    """Templates that can't be used: `where` (file and key), and what was expected."""

    def __init__(self, where: str, expected: str) -> None:
        self.where = where
        super().__init__(f"{where}: {expected}")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is known of a conversation that a reply is for. Unknown is None, never 0.

    `seed` is a number for choices: the same when the same is asked again, another one for the next draft.
    """

    site: str
    url: str
    text: str
    author: str | None = None
    lang: str | None = None
    age: timedelta | None = None
    likes: int | None = None
    replies: int | None = None
    views: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Brief:
    """What a post is to be about, and what was planned lately, so that it can be something else."""

    topic: str
    lang: str | None = None
    earlier: tuple[str, ...] = ()
    seed: int = 0


@runtime_checkable
class Generator(Protocol):
    """Writes drafts. Each of its arms is a way to write that is weighed by itself."""

    @property
    def name(self) -> str:
        """How logs, tables and weights call it. Keep it: what was learnt is kept under it."""

    def arms(self, kind: Kind, /) -> Sequence[str]:
        """Its arms for this kind of text; none where it does not write such."""

    async def draft(self, about: Conversation, arm: str, /) -> str:
        """A reply to `about`. Raises `GeneratorError`."""

    async def post(self, brief: Brief, arm: str, /) -> str:
        """A post on the topic of `brief`. Raises `GeneratorError`."""
