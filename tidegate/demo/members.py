"""Who may see what the demo site shows to members: whoever has logged in since it was started."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import parse_qs

USER: Final = "tide"
PASSWORD: Final = "gate"  # noqa: S105 it stands on the page
COOKIE: Final = "shoal_session"
LOCAL_ITEM: Final = "shoal-device"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a login gives: a cookie that no script may read, and an entry for local storage."""

    SECONDS: ClassVar = 14 * 86_400

    cookie: str = field(default_factory=lambda: secrets.token_hex(16))
    entry: str = field(default_factory=lambda: secrets.token_hex(16))


class Members:
    """Those who have logged in."""

    def __init__(self) -> None:
        self._cookies: set[str] = set()

    def admit(self, form: str) -> Ticket | None:
        """Log in with what a form has sent, "user=...&password=..."; None if that is not it."""
        sent = parse_qs(form)
        if (sent.get("user"), sent.get("password")) != ([USER], [PASSWORD]):
            return None
        ticket = Ticket()
        self._cookies.add(ticket.cookie)
        return ticket

    def knows(self, cookie: str | None) -> bool:
        """Whether it is the cookie of somebody who has logged in."""
        return cookie in self._cookies
