"""The whole examination: every check in order, each with a deadline, none of which can keep the others from it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from browser_pool import Endpoint
from browser_pool.endpoint import EndpointKind
from memory import MemoryGuard
from tidegate.doctor import chromium, database, disk, folders, machine, room, verdict
from tidegate.doctor.asking import aside
from tidegate.doctor.finding import Finding, Row, failure, note
from tidegate.doctor.trial import Trial, try_browser, untried
from tidegate.memory_view import reading_as_dict
from tidegate.program import guard_for, pool_settings
from tidegate.settings import Settings

log = structlog.get_logger()

Judge = Callable[[Any], Finding]
LATE_SECONDS = 30.0
"""For what cleans up behind itself after its own deadline has passed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each kind of look may take. A browser is launched up to three times, each with `launch_seconds`."""

    look_seconds: float = 10.0
    command_seconds: float = 20.0
    database_seconds: float = 75.0
    browser_seconds: float = 100.0
    launch_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look, and all that is judged by what it finds: by name of the check."""

    what: str
    seconds: float
    gather: Callable[[], Awaitable[Any]]
    judges: Mapping[str, Judge]
    as_facts: Callable[[Any], Any] = lambda facts: facts
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: a look begins; a check is made."""

    begins: Callable[[str], None] = lambda _: None
    made: Callable[[Row], None] = lambda _: None


async def examine(settings: Settings, listener: Listener, patience: Patience | None = None) -> list[Row]:
    """Make every check. Raises nothing but what ends it from outside."""
    rows: list[Row] = []
    async with guard_for(settings) as guard:
        for look in _Looks(settings, guard, patience or Patience()).in_order():
            listener.begins(look.what)
            for row in await rows_of(look):
                listener.made(row)
                rows.append(row)
    return rows


class _Looks:
    """All looks. What the one at Chromium's executable finds decides whether it is worth trying."""

    def __init__(self, settings: Settings, guard: MemoryGuard, patience: Patience) -> None:
        self._settings = settings
        self._guard = guard
        self._patience = patience
        self._pool = dataclasses.replace(pool_settings(settings), launch_seconds=patience.launch_seconds)
        self._is_local = any(endpoint.is_local for endpoint in settings.browsers)
        self._executable: chromium.Executable | None = None

    def in_order(self) -> list[Look]:
        """In the order in which they are worth reading."""
        return [*self._machine(), *self._chromium(), *self._memory(), self._database(), *self._browsers()]

    def _machine(self) -> list[Look]:
        def look(name: str, call: Callable[[], Any], judge: Judge) -> Look:
            return Look("looking at this machine", self._patience.look_seconds, lambda: aside(call), {name: judge})

        settings = self._settings
        scratch = partial(folders.judge_folder, least_bytes=32 << 20, ample_bytes=256 << 20, setting="TMPDIR")
        data = partial(folders.judge_folder, least_bytes=64 << 20, ample_bytes=512 << 20, setting="TIDEGATE_DATA_DIR")
        return [
            look("versions", machine.look_at_versions, machine.judge_versions),
            look("settings", machine.look_at_settings, machine.judge_settings),
            look("clock", machine.look_at_clock, machine.judge_clock),
            look("processes", machine.look_at_process_limits, machine.judge_process_limits),
            look("scratch", folders.look_at_scratch, scratch),
            look("data", lambda: folders.look_at_data(settings), data),
            look("shm", folders.look_at_shared_memory, folders.judge_shared_memory),
        ]

    def _chromium(self) -> list[Look]:
        setting, patience = self._settings.chromium, self._patience
        uses_servers = any(endpoint.kind is EndpointKind.PLAYWRIGHT for endpoint in self._settings.browsers)

        async def executable() -> chromium.Executable:
            self._executable = await chromium.look_at_executable(setting, patience.command_seconds)
            return self._executable

        return [
            Look(
                "looking for Chromium",
                patience.command_seconds + LATE_SECONDS,
                executable,
                {
                    "chromium": partial(
                        chromium.judge_executable, is_set=setting is not None, is_needed=self._is_local
                    )
                },
            ),
            Look(
                "asking Playwright's driver",
                patience.command_seconds + LATE_SECONDS,
                lambda: chromium.look_at_driver(patience.command_seconds),
                {"driver": partial(chromium.judge_driver, is_needed=uses_servers)},
            ),
            Look(
                "looking for a display",
                patience.look_seconds,
                lambda: aside(lambda: chromium.look_at_window(setting)),
                {"window": chromium.judge_window},
            ),
        ]

    def _memory(self) -> list[Look]:
        guard, pool = self._guard, self._pool
        launch_bytes = pool.launch_cost_bytes if self._is_local else 0
        context_bytes = pool.context_cost_bytes if self._is_local else pool.remote_context_bytes
        return [
            Look(
                "looking at memory",
                self._patience.look_seconds,
                lambda: aside(lambda: room.look_at_memory(guard)),
                {
                    "memory": room.judge_memory,
                    "cgroup": room.judge_cgroup,
                    "swap": room.judge_swap,
                    "pressure": room.judge_pressure,
                    "kills": room.judge_kills,
                },
                as_facts=_memory_as_facts,
            ),
            Look(
                "looking at memory",
                self._patience.look_seconds,
                lambda: aside(lambda: room.look_at_room(guard, launch_bytes, context_bytes)),
                {"room": room.judge_room},
            ),
            Look(
                "looking at the disk",
                self._patience.look_seconds,
                lambda: aside(lambda: disk.look_at_disk(guard, self._program())),
                {"disk": disk.judge_disk},
            ),
        ]

    def _program(self) -> Path | None:
        path = self._executable.path if self._executable is not None else None
        return None if path is None else Path(path)

    def _database(self) -> Look:
        seconds = self._patience.database_seconds
        return Look(
            "asking the database",
            seconds + LATE_SECONDS,
            lambda: database.look_at_database(self._settings, seconds),
            {"database": database.judge_database},
        )

    def _browsers(self) -> list[Look]:
        seconds = self._patience.browser_seconds + LATE_SECONDS
        here = Look(
            "starting a browser and loading a page",
            seconds,
            self._try_here,
            {
                "browser": verdict.judge_browser,
                "page": verdict.judge_page,
                "sandbox": verdict.judge_trial_sandbox,
                "fonts": verdict.judge_fonts,
            },
        )
        elsewhere = [
            Look(
                f"trying {endpoint.name}",
                seconds,
                partial(self._try, endpoint),
                {"remote": verdict.judge_remote},
                endpoint=endpoint.name,
            )
            for endpoint in self._settings.browsers
            if not endpoint.is_local
        ]
        return [here, *elsewhere]

    async def _try_here(self) -> Trial | None:
        if not self._is_local:
            return None
        if self._executable is None or self._executable.version is None:
            # It would only be waited for, three times.
            return await untried(Endpoint())
        return await self._try(Endpoint())

    async def _try(self, endpoint: Endpoint) -> Trial:
        return await try_browser(
            endpoint,
            dataclasses.replace(self._pool, endpoints=(endpoint,)),
            self._guard,
            page_seconds=self._settings.page_seconds,
            seconds=self._patience.browser_seconds,
        )


async def rows_of(look: Look) -> list[Row]:
    """Look, and judge. What goes wrong with that is a finding, too."""
    try:
        async with asyncio.timeout(look.seconds):
            facts = await look.gather()
        findings = {check: judge(facts) for check, judge in look.judges.items()}
    except TimeoutError:
        return _nothing(look, f"no answer in {look.seconds:g} s")
    except Exception as error:
        log.info("doctor.check_failed", checks=list(look.judges), exc_info=True)
        return _nothing(look, f"the check itself failed: {type(error).__name__}: {error}")
    told = _plain_facts(look.as_facts(facts))
    return [Row(check, finding, told, look.endpoint) for check, finding in findings.items()]


def _nothing(look: Look, problem: str) -> list[Row]:
    """The first of its checks has failed, and nothing is known of the others."""
    first, *others = look.judges
    advice = "Run it again with `--verbose`, and tell us if it stays so."
    return [
        Row(first, failure(problem, advice), endpoint=look.endpoint),
        *(Row(one, note(f"not known: see `{first}`"), endpoint=look.endpoint) for one in others),
    ]


def _plain_facts(facts: Any) -> dict[str, Any]:
    """Facts as JSON has them."""
    if dataclasses.is_dataclass(facts) and not isinstance(facts, type):
        return dataclasses.asdict(facts)
    return facts if isinstance(facts, dict) else {}


def _memory_as_facts(facts: room.Memory) -> dict[str, Any]:
    rest = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts) if field.name != "reading"}
    return {"now": reading_as_dict(facts.reading), **rest}
