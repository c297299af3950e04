"""What an image is built from: locked, with hashes; listed, with licences; and looked at for known holes."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "requirements.txt"
ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+?))?(?P<hashes>(?: \\\n +--hash=\S+)*)$",
    re.MULTILINE,
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def locked() -> dict[str, re.Match[str]]:
    return {normal(found["name"]): found for found in ENTRY.finditer(LOCK.read_text("utf-8"))}


def script(name: str) -> ModuleType:
    spec = util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_all_that_is_needed_is_locked_at_a_version_that_is_allowed(locked: dict[str, re.Match[str]]) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for one in map(Requirement, wanted):
        assert one.specifier.contains(locked[normal(one.name)]["version"]), f"{one}: run scripts/lock"


def test_every_package_has_hashes_and_nothing_is_taken_from_anywhere_else(locked: dict[str, re.Match[str]]) -> None:
    text = LOCK.read_text("utf-8")
    assert len(locked) > 30
    assert all(re.fullmatch(r"( \\\n +--hash=sha256:[0-9a-f]{64})+", one["hashes"]) for one in locked.values())
    # What is no entry is no option either: an index or an address would be one.
    assert ENTRY.sub("", text).strip() == ""


def test_the_bill_of_materials_has_just_what_is_locked(locked: dict[str, re.Match[str]]) -> None:
    bill = json.loads((ROOT / "deploy" / "sbom.json").read_text("utf-8"))
    listed = {normal(one["name"]): one["version"] for one in bill["components"]}
    # What is locked for other systems is not in it.
    meant = {name: found["version"] for name, found in locked.items() if name in listed or not found["marker"]}
    assert (bill["bomFormat"], listed) == ("CycloneDX", meant), "run scripts/lock"


def test_every_licence_is_known() -> None:
    rows = [
        line.split(" | ")
        for line in (ROOT / "docs" / "licences.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    names = {normal(row[0].removeprefix("| ")) for row in rows[1:]}
    bill = json.loads((ROOT / "deploy" / "sbom.json").read_text("utf-8"))
    assert names == {normal(one["name"]) for one in bill["components"]}
    assert [row for row in rows if "not declared" in row[2]] == []


def package(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": [], **more}


def test_a_known_hole_is_a_failure_and_names_what_mends_it() -> None:
    hole = {"id": "PYSEC-1", "fix_versions": ["1.1"]}
    verdict = script("audit").judged([package("fine"), package("holed", vulns=[hole])])
    assert (verdict.code, verdict.lines) == (1, ("holed 1.0: PYSEC-1, mended in 1.1",))


def test_what_could_not_be_audited_is_told_and_no_failure() -> None:
    judged = script("audit").judged
    away = package("away", skip_reason="not found")
    assert judged([away, away]).lines == ("not audited: the advisories can't be reached from here",)
    verdict = judged([package("fine"), away])
    assert (verdict.code, verdict.lines[0]) == (0, "1 packages audited, no known hole")
    assert verdict.lines[1] == "not audited: away (not found)"
