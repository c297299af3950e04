"""Running a command: one event loop, signals that end it in order, known failures told in one line."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Literal, TypeVar

import structlog
import typer

from tidegate.terminal import disarmed

log = structlog.get_logger()

T = TypeVar("T")

PARSER_ERRORS: Any = typer.BadParameter.__base__
"""What the command line's parser raises for wrong usage: typer exports only this one child of it."""

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BY_SIGNAL = 128
BLOCKED_SECONDS = 60.0
"""So long the event loop may stand still: longer than anything of ours ever holds it."""
AT_ONCE_SECONDS = 3.0
"""So long clean-up may take after a second signal: what is left then is swept up at the next start."""


class Stopped(Exception):
    """A signal asked for the end, and everything has been cleaned up since."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}; what was read is kept")


def run_until_done(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`. SIGINT and SIGTERM cancel it; it cleans up, and `Stopped` is raised. A second one is at once."""
    return _run(lambda _: work, lambda task, _: task.cancel())


def serve_until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T | None:
    """Run `work`. SIGINT and SIGTERM set the event that it is given, for an end in order. A second one is at once.

    While `work` does not wait for the event yet it is starting, and has nothing to drain: it is cancelled, and None
    is returned. A service that was told to stop has done so, however early it was told.
    """
    stopped_early = False

    def first(task: asyncio.Task[T], stop: _Stop) -> None:
        nonlocal stopped_early
        stopped_early = not stop.is_awaited
        task.cancel() if stopped_early else stop.set()

    try:
        return _run(work, first, watch=True)
    except Stopped:
        if not stopped_early:
            raise
        return None


def end_in_order_before_the_loop_runs() -> None:
    """Let SIGINT and SIGTERM end this process with exit code 0 until its event loop has handlers of its own.

    For a service: to its supervisor a stop that came early is a stop, and no crash.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))


class _Stop(asyncio.Event):
    """An event that knows whether anybody has waited for it."""

    is_awaited = False

    async def wait(self) -> Literal[True]:
        self.is_awaited = True
        return await super().wait()


def _run(
    work: Callable[[asyncio.Event], Coroutine[Any, Any, T]],
    first: Callable[[asyncio.Task[T], _Stop], object],
    *,
    watch: bool = False,
) -> T:
    received: list[int] = []

    async def with_signals() -> T:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_note)
        stop = _Stop()
        task = asyncio.create_task(work(stop))
        watchdog = Watchdog() if watch else nullcontext()

        def on_signal(number: int) -> None:
            received.append(number)
            if len(received) == 1:
                first(task, stop)
                return
            log.warning("stopping.at_once", signal=signal.Signals(number).name)
            task.cancel()
            loop.call_later(AT_ONCE_SECONDS, os._exit, EXIT_BY_SIGNAL + number)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal, number)
        with watchdog:
            done = await task
        if watch:
            await _tell_what_is_left()
        return done

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise Stopped(received[0] if received else signal.SIGINT) from None


async def _tell_what_is_left() -> None:
    """Say which tasks still are: when a service has cleaned up there are none."""
    await asyncio.sleep(0)  # what has just been told to end may do so
    left = sorted(_in_words(task) for task in asyncio.all_tasks() - {asyncio.current_task()})
    tell = log.warning if left else log.info
    tell("loop.ended", tasks_left=left)


def _in_words(task: asyncio.Task[Any]) -> str:
    return f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', 'unknown')})"


class Watchdog:
    """Ends a process whose event loop stands still, while entered: whatever supervises it starts it again.

    A plug-in that blocks would otherwise hold up every job of this worker, its signals among them, and then, as its
    task is handed on, those of the next. What a process was at when it ended is counted by those who take it up.
    """

    def __init__(
        self, blocked_seconds: float = BLOCKED_SECONDS, end: Callable[[int], object] = os._exit, *, looks: int = 12
    ) -> None:
        self._pause_seconds = blocked_seconds / looks
        self._looks = looks
        self._end = end
        self._ticks = 0
        self._over = threading.Event()
        self._handle: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)

    def __enter__(self) -> None:
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._tick()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._handle is not None:
            self._handle.cancel()

    def _tick(self) -> None:
        self._ticks += 1
        self._handle = self._loop.call_later(self._pause_seconds / 2, self._tick)

    def _look(self) -> None:
        # Looks are counted, and not seconds: of a process that was stopped for an hour the loop did not stand still.
        seen, missed = self._ticks, 0
        while not self._over.wait(self._pause_seconds):
            missed = missed + 1 if self._ticks == seen else 0
            seen = self._ticks
            if missed >= self._looks:
                frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 documented, and meant for this
                at = "".join(traceback.format_stack(frame)[-3:]) if frame else "unknown"
                try:
                    log.critical("loop.blocked", seconds=missed * self._pause_seconds, at=at)
                finally:
                    # Whoever was to be told may have gone.
                    self._end(EXIT_FAILURE)
                return


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody awaited. A future that failed unseen is mostly Playwright's, of a browser that has just died."""
    tell = log.warning if "never retrieved" in context["message"] else log.error
    tell("loop.exception", message=context["message"], error=repr(context.get("exception")))


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command and tell its failure, if it is a known one, in one line. Returns the exit code."""
    try:
        code = command()
    except BrokenPipeError:
        # Whoever read our output has heard enough; the interpreter must not try to flush it once more.
        sys.stdout = None
        return EXIT_FAILURE
    except BaseException as error:
        known = _innermost_known(error)
        if known is None:
            raise
        message, code = known
        typer.echo(disarmed(f"tidegate: {' '.join(message.split())}"), err=True)
    return code if isinstance(code, int) else 0


def _innermost_known(error: BaseException) -> tuple[str, int] | None:
    """The message and exit code of a failure that is known, alone or in groups; None for any other."""
    # They bring Playwright and asyncpg along.
    from tidegate.errors import USAGE_ERRORS, failure_in_words  # noqa: PLC0415

    if isinstance(error, BaseExceptionGroup):
        told = [_innermost_known(one) for one in error.exceptions]
        return told[0] if all(told) else None
    if isinstance(error, PARSER_ERRORS):
        return f"{error.format_message()} (see `tidegate --help`)", EXIT_USAGE
    if isinstance(error, USAGE_ERRORS):
        return str(error), EXIT_USAGE
    if isinstance(error, Stopped):
        return str(error), EXIT_BY_SIGNAL + error.number
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        return "interrupted", EXIT_BY_SIGNAL + signal.SIGINT
    said = failure_in_words(error)
    return None if said is None else (said, EXIT_FAILURE)
