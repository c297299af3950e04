"""Cookies, tokens and the like, out of everything that is kept of a page.

Two nets: by name, what a header, a query or a form calls a secret; and by value, whatever the browser held as a
cookie or in local storage, wherever it turns up, as it is or encoded.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

REDACTED: Final = "redacted"
LEAST_CHARACTERS: Final = 6
"""A value that is shorter is no secret, and would be found everywhere."""

HEADERS: Final = re.compile(
    r"(set-)?cookie2?|authorization|proxy-authorization|www-authenticate|.*(token|secret|session|api-?key|csrf|xsrf).*",
    re.IGNORECASE,
)
NAMES: Final = re.compile(
    r".*(token|secret|password|passwd|session|signature|api_?key|csrf|xsrf|oauth|jwt).*|auth|sig|sid|key|code|pass|pwd",
    re.IGNORECASE,
)
_SENT = re.compile(r'"postData":\{[^{}]*"_(?:sha1|file)":"(?:resources/)?([^"]+)"')
_ATTRIBUTES: Final = frozenset({"path", "domain", "expires", "max-age", "samesite", "secure", "httponly"})
_HARMLESS: Final = frozenset(
    {"true", "false", "null", "undefined", "light", "system", "default", "bearer", "partitioned"} | _ATTRIBUTES
)


class Redaction:
    """Takes out `values`, and what is called a secret."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if _is_secret(value) for form in _forms(value)}
        # The longest first: one may be a part of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._bytes = re.compile(b"|".join(re.escape(one.encode()) for one in ordered)) if ordered else None

    def text(self, text: str) -> str:
        """`text` without the values."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def data(self, data: bytes) -> bytes:
        """`data` without the values."""
        return self._bytes.sub(REDACTED.encode(), data) if self._bytes else data

    def header(self, name: str, value: str) -> str:
        """What may be kept of a header."""
        return REDACTED if HEADERS.fullmatch(name) else self.text(value)

    def url(self, url: str) -> str:
        """An address without user, password, and what its query calls a secret."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return self.text(url)
        if parts.scheme not in {"http", "https", "ws", "wss"}:
            return self.text(url)
        query = parts.query
        if any(NAMES.fullmatch(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
            pairs = parse_qsl(query, keep_blank_values=True)
            query = urlencode([(name, REDACTED if NAMES.fullmatch(name) else value) for name, value in pairs])
        host = parts.netloc.rpartition("@")[2]
        return self.text(urlunsplit(parts._replace(netloc=host, query=query)))

    def tree(self, value: Any) -> Any:
        """JSON with every string in it redacted, headers and cookies by their names."""
        if isinstance(value, str):
            return self.url(value) if "://" in value[:12] else self.text(value)
        if isinstance(value, Mapping):
            name, said = value.get("name"), value.get("value")
            if isinstance(name, str) and isinstance(said, str) and len(value) == 2:
                return {"name": name, "value": REDACTED if HEADERS.fullmatch(name) else self.text(said)}
            return {key: self._member(key, one) for key, one in value.items()}
        if isinstance(value, Sequence):
            return [self.tree(one) for one in value]
        return value

    def trace(self, raw: Path, place: Path) -> None:
        """Write the Playwright trace `raw` to `place` without what it must not hold. Blocking."""
        with zipfile.ZipFile(raw) as old, zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as new:
            lines = [name for name in old.namelist() if name.endswith((".trace", ".network", ".stacks"))]
            sent = {name for member in lines for name in _SENT.findall(old.read(member).decode("utf-8", "replace"))}
            for member in old.namelist():
                if Path(member).name in sent:
                    continue
                data = old.read(member)
                new.writestr(member, self._lines(data) if member in lines else self.data(data))

    def _member(self, key: str, value: Any) -> Any:
        if key == "cookies":
            return []
        if key == "postData":
            # What a page sends may be what somebody typed.
            return {"mimeType": value.get("mimeType", ""), "text": REDACTED} if isinstance(value, Mapping) else None
        return self.tree(value)

    def _lines(self, data: bytes) -> bytes:
        lines = []
        for line in data.decode("utf-8", "replace").split("\n"):
            try:
                lines.append(json.dumps(self.tree(json.loads(line)), ensure_ascii=False) if line else "")
            except ValueError:
                lines.append(self.text(line))
        return "\n".join(lines).encode()


def secrets_of(state: Mapping[str, Any]) -> list[str]:
    """The values of the cookies and of local storage in a storage state of Playwright's."""
    values = [str(cookie["value"]) for cookie in state.get("cookies", ())]
    for origin in state.get("origins", ()):
        values += [str(item["value"]) for item in origin.get("localStorage", ())]
    return values


def secrets_of_request(url: str, headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What a request or its answer calls a secret: it may stand in the page as well, as the token of a form does."""
    try:
        query = urlsplit(url).query
    except ValueError:
        query = ""
    yield from (value for name, value in parse_qsl(query) if NAMES.fullmatch(name))
    for name, value in headers:
        if "cookie" in name.lower() and HEADERS.fullmatch(name):
            # "sid=abc; Path=/", and in an answer one a line.
            pairs = (part.partition("=") for part in re.split(r";\s*|\n", value))
            yield from (inner for cookie, _, inner in pairs if cookie.strip().casefold() not in _ATTRIBUTES)
        elif HEADERS.fullmatch(name):
            # "Bearer abc" has a secret in it, and is one.
            yield from (value, *value.split())


def _is_secret(value: str) -> bool:
    return len(value) >= LEAST_CHARACTERS and value.casefold() not in _HARMLESS


def _forms(value: str) -> set[str]:
    """How a value may be written elsewhere."""
    in_json = json.dumps(value)[1:-1]
    forms = {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        in_json,
        json.dumps(value, ensure_ascii=False)[1:-1],
    }
    return {form for form in forms if len(form) >= LEAST_CHARACTERS}
