"""Why a page did not come: its name, the connection, TLS, or what the server answered. A timeout is a timeout."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Final

from browser_pool.errors import (
    NavigationBecameDownload,
    NavigationFailed,
    NavigationRefused,
    NavigationTimeout,
    NavigationWithoutPage,
    UrlQuarantined,
)
from scraper.outcome import Outcome, Verdict

_BY_CODE: Final = (
    (("ERR_NAME_", "ERR_DNS_", "ERR_ICANN_NAME_COLLISION"), Outcome.DNS_FAILED, "its name leads nowhere"),
    (
        ("ERR_CONNECTION_TIMED_OUT", "ERR_TIMED_OUT", "ERR_NETWORK_CHANGED", "ERR_NETWORK_IO_SUSPENDED"),
        Outcome.TIMEOUT,
        "no answer",
    ),
    (
        ("ERR_CONNECTION_", "ERR_ADDRESS_UNREACHABLE", "ERR_INTERNET_DISCONNECTED", "ERR_SOCKS_", "ERR_PROXY_",
         "ERR_TUNNEL_CONNECTION_FAILED"),
        Outcome.CONNECTION_REFUSED,
        "it can't be connected to",
    ),
    (("ERR_SSL_", "ERR_CERT", "ERR_BAD_SSL_", "ERR_ECH_"), Outcome.TLS_FAILED, "it can't be trusted to be the site"),
    (
        ("ERR_INVALID_URL", "ERR_DISALLOWED_URL_SCHEME", "ERR_UNKNOWN_URL_SCHEME", "ERR_UNSAFE_PORT",
         "ERR_UNSAFE_REDIRECT", "ERR_BLOCKED_BY_CLIENT"),
        Outcome.REFUSED_URL,
        "it is not opened",
    ),
    (("ERR_TOO_MANY_REDIRECTS",), Outcome.INTERSTITIAL, "it sends us on without end"),
    (("ERR_HTTP_RESPONSE_CODE_FAILURE",), Outcome.BLOCKED, "it answered with an error and no page"),
    (
        ("ERR_EMPTY_RESPONSE", "ERR_INVALID_HTTP_RESPONSE", "ERR_INVALID_RESPONSE", "ERR_RESPONSE_", "ERR_HTTP",
         "ERR_QUIC_", "ERR_CONTENT_", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_INVALID_CHUNKED_ENCODING",
         "ERR_INVALID_REDIRECT", "ERR_ABORTED"),
        Outcome.HTTP_ERROR,
        "what it answered is no page",
    ),
)  # fmt: skip
"""How the names of Chromium's codes begin, what that is, and in words. The first that fits counts.

net/base/net_error_list.h has them all. One that is not here is a timeout, and its reason names it.
"""


def of_failure(error: NavigationFailed) -> Verdict:
    """What a page that did not come turned out to be."""
    if isinstance(error, UrlQuarantined):
        return Verdict(Outcome.CRASHED, str(error))
    if isinstance(error, NavigationRefused):
        return Verdict(Outcome.REFUSED_URL, f"redirected: {error.reason}")
    if isinstance(error, NavigationTimeout):
        return Verdict(Outcome.TIMEOUT, str(error))
    if isinstance(error, NavigationBecameDownload | NavigationWithoutPage):
        return Verdict(Outcome.HTTP_ERROR, str(error))
    for codes, outcome, words in _BY_CODE:
        if error.code.startswith(codes):
            return Verdict(outcome, f"{words}: {error}")
    return Verdict(Outcome.TIMEOUT, f"no answer: {error}")


def outcome_of(error: BaseException) -> Outcome:
    """What a request of our own that failed with `error` says of its host."""
    if isinstance(error, socket.gaierror):
        return Outcome.DNS_FAILED
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS_FAILED
    if isinstance(error, ConnectionError):
        return Outcome.CONNECTION_REFUSED
    return Outcome.HTTP_ERROR if isinstance(error, http.client.HTTPException) else Outcome.TIMEOUT
