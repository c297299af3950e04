"""What the front door says when something is wrong, and with which exit code.

```
UsageError              what was asked for can't be meant
└── BadSetting          a setting is out of range or not known
```

Wrong usage is exit code 2, see `USAGE_ERRORS`; whatever else is known to go wrong (no browser, no database, too
little memory) is exit code 1, see `FAILURES`.
"""

from __future__ import annotations

import asyncpg

from browser_pool import BrowserPoolError
from jobs.generators import TemplateMistake
from memory import MemorySafetyError
from scraper.errors import DefinitionError, ScraperError, UnknownSite
from scraper.store.errors import StoreError
from tidegate.demo import DemoSiteError


class UsageError(Exception):
    """What was asked for can't be meant; the message says what would be right."""


class BadSetting(UsageError):
    """A setting that can't be used."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        shown = f" (it is {value!r})" if value not in {"", None} else ""
        super().__init__(f"setting {name}{shown}: {expected}.")


USAGE_ERRORS = (UsageError, UnknownSite, DefinitionError, TemplateMistake)
"""Wrong usage: told in one line, with exit code 2."""

FAILURES = (BrowserPoolError, MemorySafetyError, StoreError, ScraperError, DemoSiteError)
"""Known failures: told in one line, with exit code 1."""

DATABASE_FAILURES = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
)
"""A database that was there and is gone, full, or shut down: told in one line, with exit code 1."""


def failure_in_words(error: BaseException) -> str | None:
    """What to say of a known failure; None for one that is not known."""
    if isinstance(error, DATABASE_FAILURES):
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        return f"the database failed while it was at work: {said}. `tidegate doctor` tells how it is now."
    return str(error) if isinstance(error, FAILURES) else None
