"""Which addresses may be opened at all.

Only http and https, and only hosts on the public internet: an address that leads into a private network, to this
machine or to a cloud's metadata service is refused unless it has been allowed. A page may redirect, so where it ended
is checked as well as what was asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

RESOLVE_SECONDS = 10.0
ALLOW = "allow it with --allow-private"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What is allowed beyond the public internet: everything private, or these hosts ("name" or "name:port")."""

    allow_private: bool = False
    allowed_hosts: frozenset[str] = frozenset()


async def refusal(url: str, policy: AddressPolicy) -> str | None:
    """Why `url` may not be opened; None if it may. A name that can't be resolved may: its page will say so."""
    reason = refusal_by_looks(url, policy)
    host = urlsplit(url).hostname if reason is None else None
    if host is None or _is_allowed(url, policy) or _is_number(host):
        return reason
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return None
    private = next((str(entry[4][0]) for entry in found if not _is_public(str(entry[4][0]))), None)
    return f"{host} is {private}, a private address; {ALLOW}" if private else None


def refusal_by_looks(url: str, policy: AddressPolicy) -> str | None:
    """As much of `refusal` as can be said without asking anybody."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"not an address: {error}"
    if parts.scheme not in {"http", "https"}:
        return f"only http and https are opened, not {parts.scheme or 'an address without a scheme'}"
    if not host:
        return "it names no host"
    is_private = not _is_public(host) if _is_number(host) else host.rpartition(".")[2] == "localhost"
    return f"{host} is a private address; {ALLOW}" if is_private and not _is_allowed(url, policy) else None


def _is_allowed(url: str, policy: AddressPolicy) -> bool:
    parts = urlsplit(url)
    return policy.allow_private or not policy.allowed_hosts.isdisjoint(
        {parts.hostname, f"{parts.hostname}:{parts.port}"}
    )


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_global)
