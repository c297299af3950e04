"""What the store raises.

```
StoreError
├── DatabaseUnavailable    there is no database to talk to, and why
├── NothingWritten         a write touched no row, so something is not as it was thought to be
└── MigrationMismatch      the database was made by another version of this program
```
"""

from __future__ import annotations


class StoreError(Exception):
    """The root of what the store raises."""


class DatabaseUnavailable(StoreError):
    """No database: the message names what was tried and what to do."""


class NothingWritten(StoreError):
    """A write that touched no row."""


class MigrationMismatch(StoreError):
    """The schema in the database is not one that this version knows."""
