"""What a page wrote must not give orders to a terminal."""

from __future__ import annotations

import re


def disarmed(text: str) -> str:
    """`text` with what a terminal would obey written as an escape, as in JSON: there it means the same."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_OBEYED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
"""Controls but for tabs and line ends, and marks that turn what follows around."""
