"""Where in a TOML text a key is written, so that a mistake in it can be pointed at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

Path = tuple[str | int, ...]

_HEADER = re.compile(r"""\s*(\[\[?)\s*([\w.\-\s"']+?)\s*\]\]?\s*(?:#.*)?$""")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_QUOTED = re.compile(r'"""|\'\'\'')


def line_of(text: str, path: Sequence[Any]) -> int | None:
    """The line (from 1) on which `path` is written, or what holds it where it is missing. None: nothing of it is."""
    written = dict(_written(text))
    for length in range(len(path), 0, -1):
        part = tuple(path[:length])
        line = written.get(part, written.get((*part, 0)))
        if line is not None:
            return _within(text.splitlines(), line, path[length:])
    return None


def _within(lines: Sequence[str], start: int, rest: Sequence[Any]) -> int:
    """The line of a key of an inline table, whose own key is written on line `start`."""
    names = [re.compile(rf"""(?<![\w-])["']?{re.escape(part)}["']?\s*=""") for part in rest if isinstance(part, str)]
    for name in reversed(names):
        for number in range(start, len(lines) + 1):
            if number > start and (_HEADER.match(lines[number - 1]) or _KEY.match(lines[number - 1])):
                break
            if name.search(lines[number - 1]):
                return number
    return start


def _written(text: str) -> Iterator[tuple[Path, int]]:
    """Each table and each key of one with its line. What is inline is not gone into."""
    table: Path = ()
    counts: dict[Path, int] = {}
    is_in_string = False
    for number, line in enumerate(text.splitlines(), 1):
        starts_in_string = is_in_string
        is_in_string ^= len(_QUOTED.findall(line)) % 2 == 1
        if starts_in_string:
            continue
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _resolved(_parts(header[2]), counts, is_array=header[1] == "[[")
            yield table, number
        elif key:
            path = table
            for part in _parts(key[1]):
                path = (*path, part)
            yield path, number


def _resolved(parts: Sequence[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    """The path of a table header, in which an array of tables stands with the number of its last table."""
    path: Path = ()
    for place, part in enumerate(parts):
        path = (*path, part)
        if place == len(parts) - 1 and is_array:
            counts[path] = counts.get(path, -1) + 1
            for known in [one for one in counts if len(one) > len(path) and one[: len(path)] == path]:
                # A new table begins its own arrays anew.
                del counts[known]
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted)]
