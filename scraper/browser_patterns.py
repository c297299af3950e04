r"""Which regular expressions a browser reads as Python does.

Some of a definition's expressions are run by the browser, in JavaScript with its flag "u", which knows less than
Python and refuses an escape that has no meaning. What it lacks is refused when the definition is loaded, and not when
a page is open. Lookbehind and `(?i:…)` are fine in both. What `\w` and `\d` mean differs: in a browser, ASCII alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_PIECE = re.compile(
    r"\\(?P<escape>\d+|.)"
    r"|(?P<opening>\()(?P<opener>\?(?:<?[=!]|:|[ims-]+:|P[<=]|[a-zA-Z-]+[:)]|.))?"
    r"|(?P<closing>\))(?P<repeated>(?=[*+?]|\{\d))?"
    r"|\[\^?(?P<set>\]?(?:\\.|[^\]\\])*)\]"
    r"|(?P<times>[*+?]|\{\d+(?:,\d*)?\})(?P<possessive>\+)?"
    r"|(?P<lone>[\]{}])"
    r"|.",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(\d+|.)", re.DOTALL)
_OPENERS = re.compile(r"\?(?:<?[=!]|:|[ims-]+:)")
_PLAIN_ESCAPES = frozenset("dDsSwWbBfnrtvxu") | frozenset(r"^$\.*+?()[]{}|/")
_INSTEAD = {"A": "^", "Z": "$"}


def why_not_in_browsers(pattern: str) -> str | None:
    """What in `pattern`, which Python can read, a browser can't, and what to write instead; None where it can."""
    pieces = list(_PIECE.finditer(pattern))
    groups = sum(1 for piece in pieces if piece["opening"] and piece["opener"] is None)
    return next(_complaints(pieces, groups), None)


def _complaints(pieces: Sequence[re.Match[str]], groups: int) -> Iterator[str]:
    looks_around: list[bool] = []
    for piece in pieces:
        if piece["escape"] is not None:
            yield from _of_escape(piece["escape"], groups, in_set=False)
        elif piece["set"] is not None:
            yield from _of_set(piece["set"], groups)
        elif piece["closing"]:
            if looks_around and looks_around.pop() and piece["repeated"] is not None:
                yield "what only looks ahead or behind can't be repeated"
        elif piece["opening"]:
            opener = piece["opener"] or ""
            looks_around.append(opener.endswith(("=", "!")))
            yield from _of_opener(opener)
        elif piece["possessive"]:
            yield f"{piece[0]} does not exist there; leave the second + out"
        elif piece["lone"]:
            yield f"a {piece[0]} that stands for itself is \\{piece[0]}; from none to three is {{0,3}}"


def _of_set(inside: str, groups: int) -> Iterator[str]:
    if inside.startswith("]"):
        yield r"a set that begins with ] has that as \]"
    for found in _ESCAPE.finditer(inside):
        yield from _of_escape(found[1], groups, in_set=True)


def _of_opener(opener: str) -> Iterator[str]:
    if not opener or _OPENERS.fullmatch(opener):
        return
    if opener.startswith("?P"):
        yield "groups have no names there; write ( and refer to it as \\1"
    elif opener.endswith(")"):
        yield f"({opener} does not exist there; where and tell-tales ignore case anyway, elsewhere write (?i:…)"
    else:
        yield f"({opener} does not exist there; write (?:…)"


def _of_escape(escape: str, groups: int, *, in_set: bool) -> Iterator[str]:
    if escape.isdecimal() and escape.isascii():
        if escape != "0" and (in_set or escape.startswith("0") or len(escape) > 2 or int(escape) > groups):
            yield f"\\{escape} is no character there; write it as \\x and two digits"
    elif escape in _INSTEAD:
        yield f"\\{escape} does not exist there; write {_INSTEAD[escape]}"
    elif escape not in _PLAIN_ESCAPES and not (in_set and escape == "-"):
        kind = "does not exist there; write the character itself"
        yield f"\\{escape} {kind if escape.isalpha() else 'has a backslash too many; write ' + escape}"
