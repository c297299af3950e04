"""What can be wrong before a page is opened.

```
ScraperError
├── DefinitionError     a site definition can't be used: file, key, line and what was expected
└── UnknownSite         no definition has that name
```

What a page turned out to be is no exception: see `scraper.outcome`.
"""

from __future__ import annotations


class ScraperError(Exception):
    """The root of what this package raises."""


class DefinitionError(ScraperError):
    """A site definition can't be used. `file`, `key` (dotted, "" for the whole file), `line` where known."""

    def __init__(self, file: str, key: str, expected: str, line: int | None = None) -> None:
        self.file = file
        self.key = key
        self.expected = expected
        self.line = line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {key}: {expected}" if key else f"{where}: {expected}")


class UnknownSite(ScraperError):
    """No definition is called `name`; `known` are the names there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"no site is called {name!r}. Known: {', '.join(known) or 'none'}.")
