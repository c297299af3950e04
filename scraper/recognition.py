"""Which site a saved page is of, by what it says of itself, however it was laid out when it was saved.

Programs that save pages print them anew: with other white space, quotes, and order of attributes. So where the marker
of a site is not there letter by letter, it is looked for as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from scraper.definition import Definition

_HEAD_BYTES: Final = 200_000
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=(?:\(\d+\))?(\S+)", re.IGNORECASE)
# Each character is looked at a limited number of times, whatever is not closed.
_TAG = re.compile(r"""<(?P<name>/?[A-Za-z][^\s<>"'=]*+)(?P<rest>(?:[^<>"']++|"[^"]{0,2000}+"|'[^']{0,2000}+')*+)>""")
_ATTRIBUTE = re.compile(
    r"""(?P<name>[\w:.@-]++)\s*+=\s*+(?:"(?P<double>[^"]*+)(?P<end>"?)|'(?P<single>[^']*+)(?P<close>'?)"""
    r"""|(?P<bare>[^\s<>"']*+))"""
)
_NAME_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz-"
_ESCAPED = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;"})


def marked(definitions: Iterable[Definition], html: bytes) -> list[Definition]:
    """Those with a marker in the page: letter by letter, or if none has, as markup."""
    all_of_them = list(definitions)
    found = [one for one in all_of_them if any(mark.encode() in html for mark in one.saved.markers)]
    if found:
        return found
    page = _laid_out(html.decode("utf-8", "replace"))
    return [
        one
        for one in all_of_them
        if any((known := _pattern(mark)) and known.search(page) for mark in one.saved.markers)
    ]


def own_addresses(html: bytes) -> list[str]:
    """The addresses that a saved page gives as its own, the surest first."""
    found = [address.decode("utf-8", "replace") for address in _SAVED_FROM.findall(html[:2000])]
    for tag in _TAG.finditer(html[:_HEAD_BYTES].decode("utf-8", "replace")):
        if tag["name"].lower() not in {"link", "meta"}:
            continue
        said = {name: value for name, value, _ in _attributes(tag["rest"])}
        if "canonical" in said.get("rel", "").lower().split():
            found.append(said.get("href", ""))
        elif "og:url" in {said.get("property", "").lower(), said.get("name", "").lower()}:
            found.append(said.get("content", ""))
    return [address for one in found if _is_address(address := one.strip().replace("&amp;", "&"))]


def _is_address(address: str) -> bool:
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def _attributes(text: str) -> Iterator[tuple[str, str, bool]]:
    """Name, value, and whether the value has ended. As we write them: small names, one space between words."""
    for found in _ATTRIBUTE.finditer(text):
        quoted = found["double"] if found["double"] is not None else found["single"]
        is_whole = bool(found["end"] or found["close"] or found["bare"])
        value = re.sub(r"\s+", " ", (found["bare"] or "") if quoted is None else quoted)
        value = value.strip() if is_whole else value.lstrip()
        yield found["name"].lower(), value.translate(_ESCAPED), is_whole


def _laid_out(html: str) -> str:
    """The page with each tag written in one way, and no white space around tags."""

    def written(tag: re.Match[str]) -> str:
        said = "".join(f' {name}="{value}"' for name, value, _ in _attributes(tag["rest"]))
        return f"<{tag['name'].lower()}{said}>"

    return re.sub(r"\s+", " ", _TAG.sub(written, html)).replace("> ", ">").replace(" <", "<")


@lru_cache(maxsize=256)
def _pattern(marker: str) -> re.Pattern[str] | None:
    """What to look for in a page that is laid out; None for a marker that is a mere text, and there as it is."""
    start = min((place for place in (marker.find(">"), marker.find("<")) if place >= 0), default=-1)
    begins_in_tag = marker[start : start + 1] == ">" or start < 0
    if start < 0 and ("=" not in marker or _ATTRIBUTE.sub("", marker).strip().strip(_NAME_CHARACTERS)):
        return None
    parts = re.split(r"([<>])", ("<?" if begins_in_tag else "") + marker)
    pattern = ""
    for place, part in enumerate(parts):
        if place and parts[place - 1] == "<":
            pattern += _tag_pattern(part)
        elif part == ">":
            pattern += "[^<>]*>"
        elif part != "<":
            pattern += re.escape(" ".join(part.split()))
    return re.compile(pattern)


def _tag_pattern(text: str) -> str:
    """For what stands in a tag, whose other attributes don't matter, nor their order. "?": any tag."""
    name = re.match(r"\??(/?[A-Za-z][\w-]*(?=\s|$))?", text)
    tag = re.escape(name[1].lower()) + r"(?=[ >])" if name and name[1] else "[^ <>]+"
    wanted = (
        rf'(?=[^<>]* {re.escape(attribute)}="{re.escape(value)}' + ('")' if is_whole else ")")
        for attribute, value, is_whole in _attributes(text)
    )
    return f"<{tag}{''.join(wanted)}"
