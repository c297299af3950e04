"""Where browsers come from: this machine, a Playwright server, or a Chromium whose DevTools are open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit


class EndpointKind(StrEnum):
    """Who answers there."""

    LOCAL = "local"
    PLAYWRIGHT = "playwright"
    CDP = "cdp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where the pool gets contexts. `max_contexts` bounds those there, beside the pool's own bound."""

    kind: EndpointKind = EndpointKind.LOCAL
    url: str = ""
    max_contexts: int | None = None

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """From "local", "ws://host:3000/" (a Playwright server), or "http://host:9222" (DevTools).

        A WebSocket address with /devtools/ in it is DevTools', too; "playwright+ws://" and "cdp+ws://" say it
        outright. Raises `ValueError`.
        """
        text = text.strip()
        if text == "local":
            return LOCAL
        said, plus, rest = text.partition("+")
        is_said = bool(plus) and said in {EndpointKind.PLAYWRIGHT, EndpointKind.CDP}
        url = rest if is_said else text
        if not _is_address(url):
            raise ValueError(
                f'{without_secrets(text)!r} is no place for a browser: say "local", ws://HOST:PORT/ of a Playwright '
                "server, or http://HOST:PORT of a Chromium with open DevTools"
            )
        parts = urlsplit(url)
        is_devtools = parts.scheme.startswith("http") or "/devtools/" in parts.path
        kind = EndpointKind(said) if is_said else EndpointKind.CDP if is_devtools else EndpointKind.PLAYWRIGHT
        return cls(kind, url)

    def __repr__(self) -> str:
        # A password must not end up in a log.
        return f"Endpoint({self.kind.value!r}, {self.name!r}, max_contexts={self.max_contexts})"

    @property
    def is_local(self) -> bool:
        """Whether its memory is ours."""
        return self.kind is EndpointKind.LOCAL

    @property
    def name(self) -> str:
        """For people: without a user, a password or a token."""
        if self.is_local:
            return "local"
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def uses_driver(self, *, needs_page: bool) -> bool:
        """Whether a lease there goes through Playwright's Node driver: for its page, or for want of another way."""
        return needs_page or self.kind is EndpointKind.PLAYWRIGHT


LOCAL = Endpoint()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # To ask for the port is what has it checked.
        return parts.scheme in {"ws", "wss", "http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def without_secrets(words: str) -> str:
    """The words, and of each address in them neither user nor password nor query. Pure."""
    return re.sub(r"\?\S+", "", re.sub(r"([\w+]+://)?\S*@", r"\1", words))
