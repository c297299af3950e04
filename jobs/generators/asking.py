"""Asking generators for one text: arms are drawn by their weights, and who is in trouble is passed over.

A generator may raise, hang or write nonsense: that is told in the run's reason and in the log, and another one is
asked. One that was in trouble twice, or says that it can't now, is asked no more in this run.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import structlog

from jobs.generators.discovery import Generators
from jobs.generators.protocol import Brief, Conversation, DoesNotFit, Generator, GeneratorError, NotNow
from jobs.weights import HALF_LIFE, drawn
from scraper.store.weights import Arm, Kind, Weight

log = structlog.get_logger()

WRITE_SECONDS = 90.0
LET_GO_SECONDS = 2.0
"""How long one that was cancelled may take to end. What does not end then is left to itself."""
TROUBLES_A_RUN = 2
MOST_CHARACTERS = 1000


class Nonsense(GeneratorError):
    """What was written can't be shown to anybody, and why."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and the arm that wrote it."""

    text: str
    arm: Arm


class Writers:
    """The generators as one run asks them. `troubles` says in words who failed, and why."""

    def __init__(
        self,
        generators: Generators,
        kind: Kind,
        weights: Mapping[Arm, Weight],
        rng: Random,
        *,
        write_seconds: float = WRITE_SECONDS,
        most_characters: int = MOST_CHARACTERS,
        half_life: timedelta = HALF_LIFE,
    ) -> None:
        self._arms = generators.arms(kind)
        self._weights = weights
        self._rng = rng
        self._write_seconds = write_seconds
        self._most_characters = most_characters
        self._half_life = half_life
        self._failures: Counter[str] = Counter()
        self._last: dict[str, str] = {}
        self._problems = generators.problems

    @property
    def can_write(self) -> bool:
        """Whether there is anybody left to ask."""
        return bool(self._arms)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong with which generator, one sentence each."""
        failed = (
            f"generator {name} failed {'once' if times == 1 else f'{times} times'}: {self._last[name]}"
            for name, times in self._failures.items()
        )
        return (*self._problems, *failed)

    async def write(self, about: Conversation | Brief) -> Written | None:
        """A text on `about`; None if nobody could write one. A generator that fails is not asked twice for it."""
        passed: set[Arm] = set()
        while arms := [arm for arm in self._arms if arm not in passed]:
            arm = drawn(arms, self._weights, self._rng, datetime.now(UTC), self._half_life)
            passed.add(arm)
            try:
                text = await asked_for(self._arms[arm], about, arm.name, self._write_seconds)
                return Written(usable(text, self._most_characters), arm)
            except DoesNotFit:
                continue
            except Exception as error:  # noqa: BLE001 whatever a plug-in raises, the next one is asked
                passed.update(other for other in arms if other.generator == arm.generator)
                self._note(arm.generator, error)
        return None

    def _note(self, name: str, error: Exception) -> None:
        self._failures[name] += 1
        said = str(error) if isinstance(error, GeneratorError) else f"{type(error).__name__}: {error}"
        self._last[name] = said
        is_over = isinstance(error, NotNow) or self._failures[name] >= TROUBLES_A_RUN
        log.warning("generator.failed", generator=name, reason=said, asked_again=not is_over)
        if is_over:
            self._arms = {arm: whose for arm, whose in self._arms.items() if arm.generator != name}


async def asked_for(generator: Generator, about: Conversation | Brief, arm: str, seconds: float) -> object:
    """What the generator gives, whatever that is. Raises what it raises, and `NotNow` at the deadline.

    One that holds on to its cancellation is left to itself: it must not hold up the others.
    """
    work = generator.draft(about, arm) if isinstance(about, Conversation) else generator.post(about, arm)
    task = asyncio.create_task(_contained(work), name=f"generator.{generator.name}")
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.cancelled():
            raise GeneratorError("it cancelled itself")
        if task.done():
            return task.result()
        raise NotNow(f"it had not written anything after {seconds:g} s")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=LET_GO_SECONDS)
            task.add_done_callback(_hear)
            if not task.done():
                log.warning("generator.does_not_end", generator=generator.name)


async def _contained(work: Awaitable[object]) -> object:
    try:
        return await work
    except SystemExit as error:
        # It would end the event loop, and everybody else's work with it.
        raise GeneratorError(f"it raised {error!r}") from None


def _hear(task: asyncio.Task[object]) -> None:
    """What was let go of may still raise: that is nobody's any more."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("generator.ended_late", error=repr(task.exception()))


def usable(text: object, most_characters: int) -> str:
    """`text` as it can be kept and shown. Raises `Nonsense`: it is no text, empty, or longer than is allowed."""
    if not isinstance(text, str):
        raise Nonsense(f"it gave {type(text).__name__} instead of a text")
    cleaned = "".join(
        one
        for one in text.replace("\r\n", "\n")
        if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cs", "Cn", "Co"}
    ).strip()
    if not any(unicodedata.category(one)[0] in "LNPS" for one in cleaned):
        raise Nonsense("it gave an empty text")
    if len(cleaned) > most_characters:
        raise Nonsense(f"it gave {len(cleaned):,} characters, and at most {most_characters:,} are allowed")
    return cleaned
