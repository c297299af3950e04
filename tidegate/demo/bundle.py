"""The script bundle: the real client, made as heavy as the frameworks that real sites ship.

The hand-written client registers and starts a few hundred generated modules before it renders. They compute nothing
that matters, but they are real code: parsed, partly compiled, partly run, with tables that stay on the heap.
"""

# ruff: noqa: S311, the same bundle at every start
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path
from random import Random

BALLAST_BYTES = 1_700_000
"""How much generated code is added, uncompressed."""

_CLIENT = Path(__file__).parent / "client"
_BUNDLED = ("misbehaviour.js", "article.js", "feed.js", "app.js")
_STARTED_SHARE = 0.4
_VERBS = ("merge", "patch", "fold", "route", "bind", "trace", "seal", "weigh", "shift", "queue")
_NOUNS = ("Node", "Frame", "Token", "Route", "Span", "Layer", "Store", "Cell", "Wave", "Anchor")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the client as it goes over the wire, plain and compressed, and the tag that names its content."""

    body: bytes
    gzipped: bytes
    etag: str
    media_type: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> Asset:
        """Compress and tag `body`."""
        # mtime=0: the same client has the same bytes at every start.
        return cls(body, compress(body, 6, mtime=0), f'"{sha256(body).hexdigest()[:16]}"', media_type)


def client_assets() -> dict[str, Asset]:
    """Build what `/client/` serves, by name. Deterministic."""
    assets = {
        name: Asset.of((_CLIENT / name).read_bytes(), media_type)
        for name, media_type in (
            ("app.css", "text/css"),
            ("leak-worker.js", "text/javascript"),
            ("tracker.js", "text/javascript"),
        )
    }
    return {**assets, "app.js": Asset.of(_script(), "text/javascript")}


def _script() -> bytes:
    parts = ['"use strict";\n(() => {\n', "const modules = new Map();\n"]
    parts += [(_CLIENT / name).read_text("utf-8") for name in _BUNDLED]
    started: list[str] = []
    random, size = Random("ballast"), 0
    while size < BALLAST_BYTES:
        name = f"m{len(started)}"
        module = "".join(_module(random, name))
        parts.append(module)
        size += len(module)
        started.append(name)
    run = [name for name in started if random.random() < _STARTED_SHARE]
    parts += [f"for (const name of {run}) start(name);\n".replace("'", '"'), "boot();\n})();\n"]
    return "".join(parts).encode()


def _module(random: Random, name: str) -> Iterator[str]:
    """Write one module: a table, a class and a dozen functions over it."""
    number, verb, noun = random.randrange, random.choice, random.choice(_NOUNS)
    yield f'modules.set("{name}", (exports) => {{\nconst table = ['
    for row in range(30):
        yield f'{{key: "{noun.lower()}-{row:x}{number(1 << 24):06x}", weight: {number(9999)}, '
        yield f"edges: [{number(99)}, {number(99)}, {number(99)}], open: {'true' if number(2) else 'false'}}},\n"
    yield f"];\nclass {noun} {{\nconstructor(row) {{ this.row = row; this.seen = 0; }}\n"
    yield "touch(by) { this.seen += by; return this.row.open ? this.seen : -this.seen; }\n}\n"
    for index in range(12):
        what = f"{verb(_VERBS)}{noun}{index}"
        yield f"function {what}(cells, depth) {{\n  let sum = {number(999)};\n"
        yield "  for (let i = 0; i < cells.length; i += 1) {\n"
        yield f"    const cell = cells[(i * {number(9) + 1}) % cells.length];\n"
        yield f"    sum = (sum * {number(30) + 3} + cell.touch(i + {number(50)})) % {number(90000) + 10007};\n"
        yield f"    if (cell.row.weight > {number(9999)} && depth > 0) sum ^= cell.row.edges[{number(3)}];\n  }}\n"
        yield f"  if (!Number.isFinite(sum)) throw new RangeError(`{what} lost count at ${{depth}}`);\n"
        yield "  return sum;\n}\n"
        yield f"exports.f{index} = {what};\n"
    yield f"exports.cells = table.map((row) => new {noun}(row));\n}});\n"
