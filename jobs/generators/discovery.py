"""Finding generators: the built-in ones, and the plug-ins that are installed.

A plug-in that can't be imported, takes too long about it or is no generator is named as a problem, and the others
are there all the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

import structlog

from jobs.generators.protocol import Generator
from scraper.store.weights import Arm, Kind

log = structlog.get_logger()

GROUP = "tidegate.generators"
LOAD_SECONDS = 10.0
MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Generators:
    """The generators there are, and in words what is wrong with those that are not."""

    found: tuple[Generator, ...]
    problems: tuple[str, ...] = ()

    def arms(self, kind: Kind) -> dict[Arm, Generator]:
        """Every arm for `kind`, and whose it is. What a plug-in gives as arms was looked at when it was found."""
        return {
            Arm(kind, generator.name, name): generator for generator in self.found for name in generator.arms(kind)
        }


async def find_generators(
    builtin: Sequence[Generator] = (),
    *,
    plugins: Iterable[EntryPoint] | None = None,
    load_seconds: float = LOAD_SECONDS,
) -> Generators:
    """`builtin`, then the installed plug-ins, each made within `load_seconds`."""
    found: dict[str, Generator] = {generator.name: generator for generator in builtin}
    problems: list[str] = []
    for plugin in sorted(entry_points(group=GROUP) if plugins is None else plugins, key=lambda one: one.name):
        try:
            made = await _made(plugin, load_seconds)
            _check(made)
            if made.name in found:
                raise ValueError(f"there is a generator {made.name!r} already")  # noqa: TRY301 one place tells all
        except Exception as error:  # noqa: BLE001 whatever a plug-in does wrong, the others are asked
            problem = f"generator {plugin.name} ({plugin.value}) is left out: {type(error).__name__}: {error}"
            log.warning("generator.left_out", plugin=plugin.name, value=plugin.value, error=repr(error))
            problems.append(problem)
        else:
            found[made.name] = made
    return Generators(tuple(found.values()), tuple(problems))


async def _made(plugin: EntryPoint, load_seconds: float) -> Generator:
    """Import and call it in a thread of its own, which nobody waits for once the time is over."""
    done: Future[Generator] = Future()
    threading.Thread(target=_fulfil, args=(done, plugin), daemon=True).start()
    try:
        async with asyncio.timeout(load_seconds):
            return await asyncio.wrap_future(done)
    except TimeoutError as error:
        if error.args:
            raise
        raise TimeoutError(f"it was not there within {load_seconds:g} s") from None


def _fulfil(done: Future[Generator], plugin: EntryPoint) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(plugin.load()())
    except Exception as error:  # noqa: BLE001 it is raised where the future is awaited
        done.set_exception(error)
    except BaseException as error:  # noqa: BLE001 a plug-in that calls sys.exit must not end anybody else
        done.set_exception(RuntimeError(f"it raised {error!r}"))


def _check(made: object) -> None:
    """Raise TypeError unless it is a generator with usable names."""
    if not isinstance(made, Generator):
        raise TypeError(f"{type(made).__name__} is no generator: it needs name, arms, draft and post")
    names: list[object] = [made.name, *(arm for kind in Kind for arm in made.arms(kind))]
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MOST_NAME:
            raise TypeError(f"{name!r} is no name: 1 to {MOST_NAME} printable characters")
