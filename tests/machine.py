"""What a machine lacks for the whole suite: tried once, and said in one line before anything is collected."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from browser_pool import BrowserPoolError, PoolSettings, UnifiedBrowserPool, find_chromium
from scraper.store.embedded import EmbeddedPostgres
from scraper.store.errors import DatabaseUnavailable

TRY_SECONDS = 60.0


def chromium_to_test_with() -> Path:
    """Finds the Chromium that the pool would take: TIDEGATE_CHROMIUM, Playwright's own, or the system's.

    Raises `ChromiumNotFound`.
    """
    named = os.environ.get("TIDEGATE_CHROMIUM")
    return find_chromium(Path(named) if named else None).executable


def make_open_folder() -> Path:
    """Makes a folder that any user can enter: as root, Postgres runs as another user than the tests."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-tests-"))
    folder.chmod(0o755)
    return folder


async def what_is_missing() -> str | None:
    """Starts Postgres and opens a page in Chromium. Says in one line what kept one from it, None if nothing."""
    folder = make_open_folder()
    try:
        async with EmbeddedPostgres(folder / "try"):
            pass
        settings = PoolSettings(chromium=chromium_to_test_with(), max_contexts=1, needs_page=False)
        async with UnifiedBrowserPool(settings) as pool, pool.lease(site="try", deadline=TRY_SECONDS) as lease:
            await lease.open("about:blank", timeout_seconds=TRY_SECONDS / 2)
    except (BrowserPoolError, DatabaseUnavailable, OSError) as error:
        # The tests keep their databases in a temporary folder.
        return " ".join(str(error).split()).replace("TIDEGATE_DATA_DIR", "TMPDIR")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None
