"""What can go wrong on the demo site, on demand.

A trouble is written `kind` or `kind:amount`, such as `slow`, `slow:5` or `memory:200`. It is asked for by
`?trouble=` on any page, given to the whole site for a while (`PUT /api/trouble`), or assigned to a post when the
server starts; in this order the first one counts. What an amount means:

| kind | amount | without one |
|---|---|---|
| slow | seconds until the document is answered | 2 |
| rate_limited | seconds in Retry-After | 30 |
| memory | MB of heap taken before the page is ready; 0 never stops and is never ready | 300 |
| leaky | MB that stay behind after each visit | 4 |
| popups | windows opened | 10 |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Each kind of trouble, by what answers it."""

    # The document.
    SLOW = "slow"
    HANG = "hang"
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"
    INTERSTITIAL = "interstitial"
    DOWNLOAD = "download"
    REDIRECT_LOOP = "redirect_loop"
    REDIRECT_PRIVATE = "redirect_private"
    REDIRECT_FILE = "redirect_file"
    # The API, and so what the client has to show.
    NOT_FOUND = "not_found"
    LOGIN_WALL = "login_wall"
    CONSENT_WALL = "consent_wall"
    EMPTY = "empty"
    API_500 = "api_500"
    API_HANG = "api_hang"
    WRONG_POST = "wrong_post"
    WRONG_ID = "wrong_id"
    # The client itself.
    CHANGED_SELECTORS = "changed_selectors"
    MEMORY = "memory"
    LEAKY = "leaky"
    CRASH = "crash"
    ALERTS = "alerts"
    JS_LOOP = "js_loop"
    POPUPS = "popups"
    BEFOREUNLOAD = "beforeunload"


_AMOUNTS = {Kind.SLOW: 2.0, Kind.RATE_LIMITED: 30.0, Kind.MEMORY: 300.0, Kind.LEAKY: 4.0, Kind.POPUPS: 10.0}

MOST_SECONDS = 600.0
"""A slow document is answered after this long at the latest."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One trouble; see the table above for what `amount` means. Kinds that have none keep 0."""

    kind: Kind
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Trouble:
        """Read `kind` or `kind:amount`. Raises `ValueError`, with what may be written, for anything else."""
        name, _, amount = text.partition(":")
        if name not in set(Kind):
            raise ValueError(f"no such trouble: {name!r}; there are {', '.join(Kind)}")
        kind = Kind(name)
        if not amount:
            return cls(kind, _AMOUNTS.get(kind, 0.0))
        if kind not in _AMOUNTS:
            raise ValueError(f"{kind} takes no amount")
        value = float(amount)
        if not 0 <= value < float("inf"):
            raise ValueError(f"an amount can't be {amount}")
        return cls(kind, value)


@dataclass(frozen=True, slots=True)
class State:
    """A page that says why there is nothing to read.

    `name` is what `<main data-state>` says, `status` the document's HTTP status and `api_status` the API's.
    """

    name: str
    status: int
    api_status: int
    title: str
    words: str


NOT_FOUND = State("not-found", 404, 404, "Nothing here", "This page doesn't exist. Maybe it was deleted.")

STATES = {
    Kind.NOT_FOUND: NOT_FOUND,
    Kind.LOGIN_WALL: State(
        "login-wall", 200, 401, "Log in to read on", "Shoal shows this only to people who are logged in."
    ),
    Kind.CONSENT_WALL: State(
        "consent-wall", 200, 451, "Before you continue", "We value your privacy. Accept all cookies to go on?"
    ),
    Kind.RATE_LIMITED: State(
        "rate-limited", 429, 429, "Too many requests", "You are going too fast. Wait a little, then try again."
    ),
    Kind.BLOCKED: State("blocked", 403, 403, "Access denied", "Unusual traffic came from your network."),
    Kind.INTERSTITIAL: State(
        "interstitial", 503, 503, "Checking your browser", "This takes a few seconds. You will be sent on by itself."
    ),
}
"""The troubles that end in a state. The first three are shown by the client, the others by the server itself."""
