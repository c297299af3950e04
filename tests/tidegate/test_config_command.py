"""`tidegate config`: what holds, where it comes from, and a file to begin with."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.configuration import HIDDEN, first_file, settings_shown
from tidegate.settings import FILE, Settings, load_settings

Said = tuple[int, str, str]
Say = Callable[..., Said]


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shown(say: Say) -> dict[str, tuple[str, str]]:
    code, out, _ = say("config", "show", "--format", "json")
    assert code == 0
    return {row["name"]: (row["value"], row["origin"]) for row in json.loads(out)}


def test_every_setting_says_where_it_comes_from(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(FILE).write_text('page_seconds = 7\nevidence_mb = 1\nschedules = { plan = "off" }\n', encoding="utf-8")
    monkeypatch.setenv("TIDEGATE_EVIDENCE_MB", "3")
    monkeypatch.setenv("tidegate_max_contexts", "2")
    found = shown(say)
    assert set(found) == set(Settings.model_fields)
    assert found["page_seconds"] == ("7.0", FILE)
    assert found["evidence_mb"] == ("3", "TIDEGATE_EVIDENCE_MB")
    assert found["max_contexts"] == ("2", "TIDEGATE_MAX_CONTEXTS")
    assert found["schedules"] == ("plan: off", FILE)
    assert found["drain_seconds"] == ("25.0", "default")


def test_no_secret_is_shown(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada:hunter2@db/tidegate")
    monkeypatch.setenv("TIDEGATE_OPENAI_KEY", "hunter2")
    monkeypatch.setenv("TIDEGATE_DASHBOARD_TOKEN", "hunter2")
    monkeypatch.setenv("TIDEGATE_OPENAI_URL", "http://ada:hunter2@127.0.0.1/v1")
    monkeypatch.setenv("TIDEGATE_BROWSERS", "ws://10.0.0.1:3000/?token=hunter2,local")
    found = shown(say)
    assert "hunter2" not in str(found)
    assert found["openai_key"][0] == HIDDEN
    assert found["database_url"][0] == "postgresql://ada:***@db/tidegate"
    code, out, _ = say("config", "show")
    assert (code, "hunter2" in out) == (0, False)


def test_the_first_file_changes_nothing_and_every_line_of_it_can_be_used(say: Say) -> None:
    code, out, _ = say("config", "init")
    assert (code, FILE in out) == (0, True)
    assert load_settings() == load_settings_without_file()
    assert {row.origin for row in settings_shown(load_settings(), environment={})} == {"default"}
    lines = [line.removeprefix("# ") for line in first_file().splitlines() if " = " in line]
    used = "\n".join(line for line in lines if line.split(" = ")[0] in Settings.model_fields)
    assert set(tomllib.loads(used)) == set(Settings.model_fields)
    Path(FILE).write_text(used, encoding="utf-8")
    load_settings()


def load_settings_without_file() -> Settings:
    text = Path(FILE).read_text(encoding="utf-8")
    Path(FILE).unlink()
    try:
        return load_settings()
    finally:
        Path(FILE).write_text(text, encoding="utf-8")


def test_a_file_that_is_there_is_not_written_over(say: Say) -> None:
    Path(FILE).write_text("page_seconds = 7\n", encoding="utf-8")
    code, _, err = say("config", "init")
    assert (code, "is there already" in err) == (2, True)
    assert Path(FILE).read_text(encoding="utf-8") == "page_seconds = 7\n"
    assert say("config", "init", "--force")[0] == 0


def test_a_file_that_can_not_be_read_is_told_in_one_line(say: Say) -> None:
    Path(FILE).write_text("page_seconds = \n", encoding="utf-8")
    code, _, err = say("config", "show")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
