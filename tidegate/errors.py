"""What the front door says when something is wrong, and with which exit code.

```
UsageError              exit code 2: what was asked for can't be meant
└── BadSetting          a setting is out of range or not known
```

Everything else that is known to go wrong (no browser, no database, too little memory) is exit code 1; see `FAILURES`.
"""

from __future__ import annotations

from browser_pool import BrowserPoolError
from memory import MemorySafetyError
from scraper.errors import ScraperError
from scraper.store.errors import StoreError
from tidegate.demo import DemoSiteError


class UsageError(Exception):
    """What was asked for can't be meant; the message says what would be right."""


class BadSetting(UsageError):
    """A setting that can't be used."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        shown = f" (it is {value!r})" if value not in {"", None} else ""
        super().__init__(f"the setting {name}{shown}: {expected}.")


FAILURES = (BrowserPoolError, MemorySafetyError, StoreError, ScraperError, DemoSiteError)
"""Known failures: told in one line, with exit code 1."""
