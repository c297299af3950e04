"""What is meant by an argument of `tidegate scrape`."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.definitions import Definitions
from tidegate.errors import UsageError
from tidegate.scrape import understand


@pytest.mark.parametrize("url", ("http://[x", "http://x.com:99999/", "x.com", "https://"))
def test_the_address_of_a_saved_page_is_looked_at_before_it_is_used(tmp_path: Path, url: str) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><p>a page of no site</p>", "utf-8")
    with pytest.raises(UsageError, match="is no web address"):
        understand(str(tmp_path / "page.html"), Definitions.builtin(), site=None, url=url)
