"""`tidegate site show`: what a site is read by, to begin one's own with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.definitions import Definitions, load_definition

Said = tuple[int, str, str]


@pytest.mark.parametrize("name", Definitions.builtin().names)
def test_what_is_shown_is_the_definition(say: Callable[..., Said], name: str) -> None:
    code, out, _ = say("site", "show", name)
    assert code == 0
    assert load_definition(f"{name}.toml", out).name == name


def test_a_definition_of_ones_own_goes_first(
    say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "# mine\n" + say("site", "show", "lobsters")[1]
    (tmp_path / "lobsters.toml").write_text(own, encoding="utf-8")
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))
    assert say("site", "show", "lobsters")[1] == own


@pytest.mark.parametrize("name", ("nosuch", "../lobsters", "common"))
def test_what_is_no_site_is_said(say: Callable[..., Said], name: str) -> None:
    code, out, err = say("site", "show", name)
    assert (code, out) == (2, "")
    assert "no site is called" in err


def test_the_sites_are_listed_for_people_and_for_programs(say: Callable[..., Said]) -> None:
    code, out, _ = say("site", "list")
    assert code == 0
    assert any(line.startswith("hackernews ") and "news.ycombinator.com" in line for line in out.splitlines())
    code, out, _ = say("site", "list", "--json")
    listed = {one["name"]: one["hosts"] for one in json.loads(out)}
    assert (code, listed["hackernews"]) == (0, ["news.ycombinator.com"])
