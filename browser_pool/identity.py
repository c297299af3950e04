"""Who a context is, as far as a site can tell.

It says what it is: Chromium's own user agent with this program's name added, unless another is set. What a person
has set up by hand, such as a session of theirs, comes from a storage state in Playwright's format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from browser_pool.errors import IdentityRefused, IdentityUnreadable

PROXIED = frozenset({"http", "https", "all", "socks"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """`server` as in "http://proxy:3128" or "socks5://proxy:1080"; `bypass` as in "localhost,.example.com"."""

    server: str
    username: str = ""
    password: str = ""
    bypass: str = ""

    def __post_init__(self) -> None:
        """Refuse what Chromium would take without a word and not do. Raises `ValueError`."""
        parts = urlsplit(self.server)
        if parts.scheme not in {"http", "https", "socks4", "socks5"} or not parts.hostname:
            raise ValueError('a proxy is named as in "http://proxy:3128" or "socks5://proxy:1080"')
        if "@" in parts.netloc:
            raise ValueError("the user and the password of a proxy are not part of its address: give them apart")
        if self.username and parts.scheme.startswith("socks"):
            raise ValueError("Chromium can't tell a SOCKS proxy a user and a password; an http proxy it can")

    def __repr__(self) -> str:
        # A password must not end up in a log.
        return f"Proxy(server={self.server!r}, username={self.username!r}, bypass={self.bypass!r})"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a context wears. Two leases with equal identities may share a warm context.

    `storage_state` is a file of cookies and local storage as Playwright writes them; it is read each time that a
    context is made. `user_agent` of None means Chromium's own with this program's name added: it says what it is.
    `locale` is as in "de-DE", `timezone` as in "Europe/Berlin".
    """

    name: str = "default"
    storage_state: Path | None = None
    proxy: Proxy | None = None
    locale: str | None = None
    timezone: str | None = None
    user_agent: str | None = None
    javascript: bool = True

    @property
    def is_proxied(self) -> bool:
        """Whether it goes through a proxy: its own, or one that the environment names, which Chromium heeds too."""
        return self.proxy is not None or not PROXIED.isdisjoint(getproxies_environment())

    def read_storage(self) -> StorageState:
        """The storage state; an empty one where there is none. Blocking. Raises `IdentityUnreadable`."""
        if self.storage_state is None:
            return StorageState()
        try:
            return StorageState.model_validate(json.loads(self.storage_state.read_bytes()))
        except OSError as error:
            raise self.unreadable(error.strerror or str(error)) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self.unreadable(f"{where}: {first['msg']}" if where else first["msg"]) from None
        except ValueError as error:
            raise self.unreadable(f"it is no JSON ({error})") from None

    def refused(self, detail: str) -> IdentityRefused:
        """The error that says what Chromium does not take."""
        return IdentityRefused(self.name, detail)

    def unreadable(self, detail: str) -> IdentityUnreadable:
        """The error that says what is wrong with the storage state."""
        return IdentityUnreadable(self.name, self.storage_state or Path(), detail)


class _Lenient(BaseModel):
    """Later versions of the format may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Item(_Lenient):
    """One entry of local storage."""

    name: str
    value: str


class Origin(_Lenient):
    """The local storage of one origin."""

    origin: str = Field(pattern="^https?://[^/]")
    localStorage: tuple[Item, ...] = ()  # noqa: N815 the format's name


class Cookie(_Lenient):
    """One cookie; `expires` is in seconds of the epoch, -1 for the end of the session."""

    name: str
    value: str
    domain: str = Field(min_length=1)
    path: str = "/"
    expires: float = -1
    httpOnly: bool = False  # noqa: N815 the format's name
    secure: bool = False
    sameSite: Literal["Strict", "Lax", "None"] = "Lax"  # noqa: N815 the format's name


class StorageState(_Lenient):
    """Cookies and local storage, as Playwright's `context.storage_state` writes them."""

    cookies: tuple[Cookie, ...] = ()
    origins: tuple[Origin, ...] = ()

    def as_playwright_has_it(self) -> dict[str, Any]:
        """For `browser.new_context`."""
        return self.model_dump()


DEFAULT_IDENTITY = Identity()

IdentityOf = Callable[[str], Identity]
"""Who a lease of a site is, by the name of the site. May raise `IdentityRefused`."""


def nobody(_site: str) -> Identity:
    """The identity that has no session, whatever the site."""
    return DEFAULT_IDENTITY
