"""Logs: for a person on a terminal, JSON lines anywhere else; always on stderr, so that stdout is only results."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(*, verbose: bool, is_terminal: bool) -> None:
    """Warnings and errors, or everything with `verbose`."""
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not is_terminal:
        # Without the values of variables: pages and passwords have no place in a log.
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(transform))
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if verbose else logging.ERROR),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    _tell_of_libraries(logging.INFO if verbose else logging.ERROR)


class _Told(logging.Handler):
    """What a library logs, as an event in a line: its traceback is of its own inside."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        said = {} if error is None else {"error": f"{type(error).__name__}: {error}"}
        tell = structlog.get_logger().warning
        tell("library.says", library=record.name, says=record.getMessage().splitlines()[0][:200], **said)


def _tell_of_libraries(level: int) -> None:
    """Warnings of libraries go where our own events go, if warnings are wanted at all."""
    root = logging.getLogger()
    root.handlers[:] = [_Told(logging.WARNING)] if level <= logging.WARNING else [logging.NullHandler()]
