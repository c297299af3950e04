"""The bill of materials of what is locked, and its licences as a table, from what CycloneDX found installed.

Usage: bill.py FOUND LOCK SBOM LICENCES
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def main(found: Path, lock: Path, sbom: Path, licences: Path) -> None:
    """Write both files."""
    bill = json.loads(found.read_text("utf-8"))
    locked = {normal(name) for name, _ in PINNED.findall(lock.read_text("utf-8"))}
    # The environment's own installer is no part of the program.
    bill["components"] = [one for one in bill["components"] if normal(one["name"]) in locked]
    kept = {one["bom-ref"] for one in bill["components"]} | {bill["metadata"].get("component", {}).get("bom-ref")}
    bill["dependencies"] = [one for one in bill.get("dependencies", []) if one["ref"] in kept]
    tools = bill["metadata"].get("tools", {}).get("components", [])
    for one in (*bill["components"], *tools):
        # Where this machine had it from is nobody's business.
        one.pop("externalReferences", None)
    sbom.write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n", "utf-8")
    rows = [f"| {one['name']} | {one['version']} | {licence_of(one)} |" for one in bill["components"]]
    licences.write_text(
        "# Licences\n\nOf what is installed in the image from Python, written by `scripts/lock`. Tidegate itself: "
        "[LICENSE](../LICENSE).\n\n| package | version | licence |\n|---|---|---|\n" + "\n".join(rows) + "\n",
        "utf-8",
    )


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(component: dict[str, Any]) -> str:
    """The expression, or else the names that it declares."""
    said: list[str] = []
    for one in component.get("licenses", []):
        name = one.get("expression") or one.get("license", {}).get("id") or one.get("license", {}).get("name") or ""
        classified = CLASSIFIER.fullmatch(name)
        said.append(classified[1] if classified else name.splitlines()[0] if name else "")
    return ", ".join(dict.fromkeys(filter(None, said))).replace("|", "/") or "not declared"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
