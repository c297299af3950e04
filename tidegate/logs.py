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
