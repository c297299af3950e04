"""Who may ask, and what a browser may do with the answer. Around the whole dashboard, whatever its routes forget.

- On loopback only names of this machine are answered to, so that no page elsewhere can reach it by a name of its own
  that leads here.
- Where a token is set, whoever asks has to know it: in `Authorization: Bearer`, or in the cookie that a browser gets
  for `/?token=...`. Without it there is nothing but whether it is alive, and whether it is ready.
- What changes something has to come from the dashboard's own page: with a header that no form can send, and that no
  page of another origin may, as nobody is ever allowed to ask from there.
- A browser runs the script and the style that were served from here, and nothing that stands in a page's text.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.listening import Listen

COOKIE: Final = "tidegate"
OWN_HEADER: Final = "x-tidegate"
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Fence:
    """Lets through to `app` what may be asked. `is_local` is whether only this machine can reach it."""

    def __init__(self, app: ASGIApp, *, token: str | None, is_local: bool) -> None:
        self._app = app
        self._key = key_of(token) if token else None
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        host = headers.get("host", "")
        if self._is_local and not is_this_machine(host):
            return PlainTextResponse(f"{host[:80]!r} is not this machine.\n", 421)
        if path in OPEN_PATHS and method in SAFE_METHODS:
            return None
        if self._key is not None and not self._is_known(headers):
            return self._let_in(scope)
        if method not in SAFE_METHODS and not is_from_own_page(headers):
            return PlainTextResponse("Only the dashboard's own page may change something.\n", 403)
        return None

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._matches(key_of(given.strip()))
        # A host's cookies are shared by all its ports: what others have put there may be of any form.
        cookies = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
        return any(name == COOKIE and self._matches(value) for name, _, value in cookies)

    def _let_in(self, scope: Scope) -> Response:
        """A browser that brings the token in its address gets the cookie, and an address without it."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] == "GET" and scope["path"] == "/" and given and self._matches(key_of(given)):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, key_of(given), max_age=30 * 86_400, httponly=True, samesite="strict", path="/")
            return answer
        return PlainTextResponse(
            "A token is needed: open /?token=..., or send Authorization: Bearer ...\n",
            401,
            headers={"www-authenticate": "Bearer"},
        )

    def _matches(self, key: str) -> bool:
        return self._key is not None and hmac.compare_digest(key.encode(), self._key.encode())


def key_of(token: str) -> str:
    """What stands for a token in a cookie: who finds it there does not know the token."""
    return hashlib.sha256(b"tidegate dashboard\0" + token.encode()).hexdigest()


def is_this_machine(host: str) -> bool:
    """Whether a Host header names this machine by a name that can lead nowhere else. Pure."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return Listen(name).is_loopback


def is_from_own_page(headers: Headers) -> bool:
    """Whether a request that changes something comes from the page that we served. Pure."""
    if OWN_HEADER not in headers:
        return False
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False
