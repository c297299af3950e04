"""Who a context is, as far as a site can tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """What a context wears. Two leases with equal identities may share a warm context.

    `user_agent` of None means Chromium's own with this program's name added: it says what it is.
    """

    name: str = "default"
    locale: str | None = None
    timezone: str | None = None
    user_agent: str | None = None
    javascript: bool = True


DEFAULT_IDENTITY = Identity()
