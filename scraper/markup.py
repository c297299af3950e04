"""The text of a piece of HTML that stands in JSON. Its length is all that decides how long that takes."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_TAG: Final = re.compile(
    r"""<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*+)"""
    r"""(?P<rest>(?:[^>"'=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|["'=])*+)>"""
)
_OPENS: Final = re.compile(r"</?[A-Za-z]")
_ATTRIBUTE: Final = re.compile(r"""(?P<name>[^\s=/>"']++)(?:\s*+=\s*+(?P<value>"[^"]*+"|'[^']*+'|[^\s>]*+))?""")
_HUGE: Final = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
"""What stands for no character, and is too long a number for Python."""

_LINES: Final = frozenset({"p", "br", "div", "li", "blockquote", "pre"})
_SILENT: Final = frozenset({"script", "style", "template"})


def text_of_html(html: str) -> str:
    """The text of a piece of HTML, with a line for each paragraph and line break.

    A comment that does not end goes to the end; a tag that does not end is none.
    """
    parts: list[str] = []
    at, silent = 0, 0
    while at < len(html):
        opens = html.find("<", at)
        text = html[at:] if opens < 0 else html[at:opens]
        if text and not silent:
            parts.append(_unescaped(text))
        if opens < 0:
            break
        if not _OPENS.match(html, opens):
            at = _after_other(html, opens, parts, is_silent=silent > 0)
            continue
        tag = _TAG.match(html, opens)
        if tag is None:
            # Nothing after this ends a tag either.
            if not silent:
                parts.append(_unescaped(html[opens:]))
            break
        at, name = tag.end(), tag["name"].lower()
        if name in _SILENT:
            silent = max(0, silent + (-1 if tag["end"] else 1))
        elif not tag["end"] and name in _LINES and parts:
            parts.append("\n")
        elif not tag["end"] and name == "img" and not silent:
            parts.append(_alt(tag["rest"]))
    return "".join(parts)


def _after_other(html: str, opens: int, parts: list[str], *, is_silent: bool) -> int:
    """Where what begins at `opens` and is no tag ends: a comment, a declaration, or a character like others."""
    is_comment = html.startswith("<!--", opens)
    if is_comment or html.startswith(("<!", "<?", "</"), opens):
        mark = "-->" if is_comment else ">"
        end = html.find(mark, opens + (4 if is_comment else 0))
        return len(html) if end < 0 else end + len(mark)
    if not is_silent:
        parts.append("<")
    return opens + 1


def _alt(attributes: str) -> str:
    for found in _ATTRIBUTE.finditer(attributes):
        if found["name"].lower() == "alt":
            return _unescaped((found["value"] or "").strip("\"'"))
    return ""


def _unescaped(text: str) -> str:
    return unescape(_HUGE.sub("\N{REPLACEMENT CHARACTER}", text)) if "&" in text else text
