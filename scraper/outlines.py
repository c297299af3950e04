"""What was read, shown on the page that it was read from: the Python side of outline.js and selectors.js."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from browser_pool import Lane
from scraper.definition import Definition
from scraper.diagnosis import Diagnosis, Parts, diagnose, doubtful
from scraper.page import read_page
from scraper.reader import task
from scraper.records import RecordBook, Response

MOST_MARKS: Final = 60
"""So many posts are outlined at most: more of them nobody can look at."""
MOST_PARTS: Final = 8
SECONDS: Final = 5.0

_STYLE = """
.box { position: absolute; box-sizing: border-box; pointer-events: none; z-index: 2147483646; }
.post { outline: 2px solid #2b6cb0; outline-offset: 2px; }
.post.bad { outline: 3px dashed #c53030; }
.value { outline: 2px solid #2f855a; background: rgba(47, 133, 90, .12); }
.label { position: absolute; left: 0; bottom: 100%; max-width: 60ch; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; font: 11px/1.3 ui-monospace, monospace; color: #fff; background: #2f855a; padding: 0 4px; }
.post > .label { background: #2b6cb0; bottom: auto; top: -2px; left: auto; right: 0; }
.bad > .label { background: #c53030; }
.panel { position: fixed; right: 12px; bottom: 12px; max-width: min(60ch, 45vw); max-height: 60vh; overflow: auto;
  z-index: 2147483647; font: 12px/1.45 ui-monospace, monospace; color: #fff; background: #1a365d; padding: 8px 12px;
  border-radius: 6px; box-shadow: 0 2px 12px rgba(0, 0, 0, .4); white-space: pre-wrap; overflow-wrap: anywhere; }
.panel.bad { background: #742a2a; }
.head { font-weight: bold; }
.lost { color: #fed7d7; }
"""
_OUTLINE: Final = files(__package__).joinpath("outline.js").read_text("utf-8")
_SELECTORS: Final = files(__package__).joinpath("selectors.js").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Panel:
    """What is said in the corner: whether all is well, and lines as (`head`, `lost` or `line`, text)."""

    is_fine: bool
    lines: tuple[tuple[str, str], ...]


async def diagnose_page(
    lane: Lane,
    definition: Definition,
    *,
    expected_id: str | None,
    responses: Sequence[Response] = (),
    read_at: datetime | None,
) -> Diagnosis:
    """Read the page that is open once more, as it is now, and say of each field what was found where."""
    reader_task = task(definition, deadline_seconds=SECONDS, expected_id=expected_id, settled=True, marking=True)
    reading = await read_page(lane, reader_task)
    records = RecordBook(definition)
    records.add(reading.scripts, responses, base_url=reading.base)
    first = diagnose(definition, reading, records, read_at=read_at)
    selectors = await _matches(lane, doubtful(first))
    return diagnose(definition, reading, records, read_at=read_at, selectors=selectors) if selectors else first


async def outline(lane: Lane, diagnosis: Diagnosis, panel: Panel) -> int:
    """Draw what was diagnosed onto the page. Returns how many boxes there are."""
    marks = [
        {
            "item": mark.item,
            "label": mark.label + (f" · no {', '.join(mark.lacking)}" if mark.lacking else ""),
            "is_read": mark.is_read,
            "values": [[index, f"{name} {value}"] for index, name, value in mark.values],
        }
        for mark in diagnosis.marks[:MOST_MARKS]
    ]
    drawing = {"marks": marks, "lines": list(panel.lines), "is_fine": panel.is_fine, "style": _STYLE}
    return int(await lane.evaluate(_OUTLINE, drawing))


async def _matches(lane: Lane, selectors: Sequence[str]) -> Mapping[str, Parts]:
    if not selectors:
        return {}
    found: list[Any] = json.loads(await lane.evaluate(_SELECTORS, {"selectors": list(selectors), "most": MOST_PARTS}))
    return {css: Parts(whole, tuple((part, count) for part, count in parts)) for css, whole, parts in found}
