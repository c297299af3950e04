"""`tidegate doctor`, as a person runs it at night: what is wrong is a line of it, and never a traceback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.processes

Start = Callable[..., "subprocess.Popen[str]"]
PATIENCE_SECONDS = 120

CHECKS = [
    "versions",
    "settings",
    "clock",
    "processes",
    "scratch",
    "data",
    "shm",
    "chromium",
    "driver",
    "window",
    "memory",
    "cgroup",
    "swap",
    "pressure",
    "kills",
    "room",
    "disk",
    "database",
    "browser",
    "page",
    "sandbox",
    "fonts",
]
"""The keys of what is printed as JSON: others may rely on them."""


def run(start: Start, *words: str) -> tuple[int, str]:
    process = start("doctor", *words)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert err == ""
    assert "Traceback" not in out
    return process.returncode, out


def checks(start: Start, *words: str) -> tuple[int, dict[str, Any]]:
    code, out = run(start, "--json", *words)
    answer: dict[str, Any] = json.loads(out)
    assert list(answer["checks"]) == CHECKS, "every check was made"
    return code, answer


@pytest.mark.browser
def test_where_all_is_well_every_check_is_a_line_and_nothing_is_left_behind(
    start: Start, chromium: object, left_over: Callable[[], list[str]]
) -> None:
    code, out = run(start)
    assert code == 0
    lines = out.splitlines()
    named = [line.split()[1] for line in lines if line.startswith(("ok ", "note ", "FAIL "))]
    assert named == CHECKS
    assert lines[-1].startswith("Everything that is needed works.")
    assert left_over() == []


@pytest.mark.browser
@pytest.mark.slow
def test_as_json_it_is_one_object_with_what_was_found(start: Start, chromium: object) -> None:
    code, answer = checks(start)
    assert (code, answer["failures"], answer["browsers"]) == (0, [], [])
    for name in ("chromium", "browser", "page", "database", "room"):
        assert answer["checks"][name]["verdict"] in {"good", "note"}
    assert answer["checks"]["memory"]["facts"]["now"]["bounds"]
    assert answer["checks"]["page"]["facts"]["page_seconds"] > 0


@pytest.mark.slow
def test_where_nothing_is_right_every_check_is_still_made(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CHROMIUM", "/no/such/chromium")
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada:secret@127.0.0.1:1/x")
    monkeypatch.setenv("TIDEGATE_BROWSERS", "local,http://ada:secret@127.0.0.1:9")
    monkeypatch.setenv("TIDEGATE_MEMORY_LIMIT_MB", "128")
    code, answer = checks(start)
    assert code == 1
    assert answer["failures"] == ["chromium", "room", "database", "browser", "page", "remote http://127.0.0.1:9"]
    assert "secret" not in json.dumps(answer)
    assert "Raise TIDEGATE_MEMORY_LIMIT_MB to" in answer["checks"]["room"]["advice"]


@pytest.mark.browser
@pytest.mark.slow
def test_a_database_that_is_away_does_not_keep_it_from_loading_a_page(
    start: Start, chromium: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://ada:secret@127.0.0.1:1/x")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code, out = run(start)
    assert code == 1
    assert "FAIL  database   no database at postgresql://ada:***@127.0.0.1:1/x: Connection refused" in out
    assert "ok    page" in out
    assert out.splitlines()[-1].startswith("1 of 22 checks failed: database.")


@pytest.mark.slow
def test_where_all_browsers_are_elsewhere_none_here_is_needed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_CHROMIUM", "/no/such/chromium")
    monkeypatch.setenv("TIDEGATE_BROWSERS", "http://127.0.0.1:9")
    code, answer = checks(start)
    assert (code, answer["failures"]) == (1, ["remote http://127.0.0.1:9"])
    [elsewhere] = answer["browsers"]
    assert elsewhere["endpoint"] == "http://127.0.0.1:9"
    assert elsewhere["facts"]["error"] == "EndpointUnreachable"
