"""How a command begins."""

from __future__ import annotations

import sys
from typing import Any


def begin(*, verbose: bool, is_service: bool = False, **flags: Any) -> Any:
    """Settings and logs, for a command that does something. A service tells what it does without being asked."""
    # Late: they bring pydantic and structlog, which --help can do without.
    from tidegate.logs import configure_logs  # noqa: PLC0415
    from tidegate.settings import load_settings  # noqa: PLC0415

    configure_logs(verbose=verbose or is_service, is_terminal=sys.stderr.isatty())
    return load_settings(**flags)
