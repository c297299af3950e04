"""What can be exported. It is here alone so that the command line can name it and import nothing else."""

from __future__ import annotations

from enum import StrEnum


class Exportable(StrEnum):
    """A table that can be exported; its query is `sql/export_{name}.sql`, so no other name gets there."""

    POSTS = "posts"
    SNAPSHOTS = "snapshots"
    OPPORTUNITIES = "opportunities"
    DRAFTS = "drafts"
