"""A Postgres of one's own for as long as a measurement takes: the embedded one, as the program starts it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scraper.store.embedded import EmbeddedPostgres


@asynccontextmanager
async def scratch_server() -> AsyncIterator[EmbeddedPostgres]:
    """A server with no rows, stopped and removed at the end. Raises `DatabaseUnavailable`.

    Nothing about it is made faster: it syncs to disk as it does for users.
    """
    folder = _open_folder()
    try:
        async with EmbeddedPostgres(folder / "data") as server:
            yield server
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)


def _open_folder() -> Path:
    """One that any user can enter: as root, Postgres runs as another."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    folder.chmod(0o755)
    return folder
