"""The notations in which parts of a definition are written, each checked when it is loaded.

All but the selectors are checked in full. There is no CSS parser here, so of a selector it is only checked that it is
not empty, that its brackets and quotes are closed, and that it holds nothing which no selector can.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection
from ipaddress import IPv6Address
from string import Formatter
from typing import Annotated
from urllib.parse import urlsplit

import jmespath
from pydantic import AfterValidator

from scraper.browser_patterns import why_not_in_browsers
from scraper.values.moments import zone_of
from scraper.values.times import check_form

_CSS_PIECE = re.compile(
    r"\\.|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?P<open>[(\[])|(?P<close>[)\]])|(?P<comma>,)"
    r"|(?P<foreign>[\"'/{};@!<])|(?P<space>\s+)|.",
    re.DOTALL,
)
_CLOSES = {")": "(", "]": "["}
_HOST = re.compile(r"(?P<name>[^\s/:?#@*\[\]\\]+|\[[\da-fA-F:.]+\])(?::(?P<port>\d{1,5}))?")


def _pattern(text: str) -> str:
    try:
        with warnings.catch_warnings():
            # What a set inside a set may mean one day is no mistake today.
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(f"a regular expression ({error})") from None
    except RecursionError:
        raise ValueError("a regular expression that is not nested so deep") from None
    return text


def _browser_pattern(text: str) -> str:
    problem = why_not_in_browsers(text)
    if problem:
        raise ValueError(f"a regular expression that the browser can read, too ({problem})")
    return text


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except ValueError as error:
        raise ValueError(f"a JMESPath expression ({(str(error).splitlines() or ['it is empty'])[0]})") from None
    except RecursionError:
        raise ValueError("a JMESPath expression that is not nested so deep") from None
    return text


def _selector(text: str) -> str:
    problem = _of_selector(text)
    if problem:
        raise ValueError(f"a CSS selector ({problem})")
    return text


def _of_selector(text: str) -> str | None:
    """What is wrong with a selector, as far as can be told without knowing CSS; None where nothing seems to be."""
    open_ones: list[str] = []
    is_empty = True
    for piece in _CSS_PIECE.finditer(text):
        if piece["foreign"]:
            quote = piece[0] in "\"'"
            return f"a {piece[0]} is not closed" if quote else f"{piece[0]} can only stand between quotes"
        if piece["open"]:
            open_ones.append(piece[0])
        elif piece["close"] and (not open_ones or open_ones.pop() != _CLOSES[piece[0]]):
            return f"there is a {piece[0]} too many"
        elif piece["comma"] and not open_ones and is_empty:
            break
        is_empty = (is_empty or (bool(piece["comma"]) and not open_ones)) and not _says(piece)
    if open_ones:
        return f"a {open_ones[-1]} is not closed"
    return "it is empty, or empty beside a comma" if is_empty else None


def _says(piece: re.Match[str]) -> bool:
    return not (piece["space"] or piece["comma"] or piece[0].startswith("/*"))


def _template(text: str, names: Collection[str]) -> None:
    """Raise ValueError where `text` has other places to fill in than `names`, or none for the first of them."""
    first, *others = [f"{{{name}}}" for name in names]
    said = f"an address with {first}" + (f", and perhaps {' and '.join(others)}" if others else "")
    try:
        places = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text)]
    except ValueError as error:
        raise ValueError(f"{said} ({error})") from None
    filled = [place for place in places if place[0] is not None]
    is_whole = first.strip("{}") in {name for name, _, _ in filled}
    if not is_whole or any(name not in names or spec or conversion for name, spec, conversion in filled):
        raise ValueError(f"{said}, and no other braces")


def _permalink(text: str) -> str:
    _template(text, ("id", "author", "thread"))
    return text


def _page_address(text: str) -> str:
    _template(text, ("page",))
    return text


def _form(text: str) -> str:
    check_form(text)
    return text


def _zone(text: str) -> str:
    zone_of(text)
    return text


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or any(character.isspace() for character in text):
        raise ValueError('an address, as "https://pier.example/"')
    return text


def _host(text: str) -> str:
    if text == "*":
        return text
    if "/" in text:
        scheme, found, rest = text.partition("://")
        alone = (rest if found else scheme).partition("/")[0]
        raise ValueError(
            f'a host alone, as "{alone or "pier.example"}"; what comes after it is for paths, the scheme for schemes'
        )
    if text.startswith("*."):
        raise ValueError(f'a host without *, as "{text[2:]}"; its subdomains are included')
    parts = _HOST.fullmatch(text)
    try:
        name = _plain_name(parts["name"] if parts else "")
    except ValueError:
        name = ""
    if not name:
        raise ValueError('a host, as "pier.example" or "[::1]", perhaps with a port, as "127.0.0.1:8080"')
    port = parts["port"] if parts else None
    if port is not None and not 0 < int(port) < 65536:
        raise ValueError("a host with a port from 1 to 65535")
    return name if port is None else f"{name}:{int(port)}"


def _plain_name(name: str) -> str:
    return f"[{IPv6Address(name[1:-1])}]" if name.startswith("[") else plain_host(name)


def plain_host(host: str) -> str:
    """A host as it is compared: small, without "www." and a last dot, other letters than ASCII as the net has them.

    Raises `ValueError` for what can't be a host.
    """
    ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    return ascii_host.lower().rstrip(".").removeprefix("www.")


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression that is run here."""
BrowserPattern = Annotated[Pattern, AfterValidator(_browser_pattern)]
"""A regular expression that is run in the browser, and perhaps here as well."""
Expression = Annotated[str, AfterValidator(_expression)]
Selector = Annotated[str, AfterValidator(_selector)]
Permalink = Annotated[str, AfterValidator(_permalink)]
PageAddress = Annotated[str, AfterValidator(_page_address)]
Address = Annotated[str, AfterValidator(_address)]
Form = Annotated[str, AfterValidator(_form)]
Zone = Annotated[str, AfterValidator(_zone)]
Host = Annotated[str, AfterValidator(_host)]
"""A host, perhaps with a port; "*" for any."""
