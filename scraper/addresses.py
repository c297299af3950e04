"""Which addresses may be opened at all.

Only http and https, and only hosts on the public internet: an address that leads into a private network, to this
machine or to a cloud's metadata service is refused unless it has been allowed. A page may redirect, so where it ended
is checked as well as what was asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

RESOLVE_SECONDS = 10.0
ALLOW = "allow it with --allow-private"

_MISLEADING = set('\\%\t\r\n <>^|`{}"')
"""Browsers take a backslash for a slash and decode what is escaped in a host, so that 127.0.0.1 can hide in it."""

_PRIVATE = tuple(ipaddress.IPv6Network(network) for network in ("fec0::/10", "64:ff9b:1::/48", "5f00::/16"))
"""What the standard library takes for public: site-local, NAT64 of a network's own, segment routing."""

_WITH_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What is allowed beyond the public internet: everything private, or these hosts ("name" or "name:port")."""

    allow_private: bool = False
    allowed_hosts: frozenset[str] = frozenset()


async def refusal(url: str, policy: AddressPolicy) -> str | None:
    """Why `url` may not be opened; None if it may. A name that nobody knows may: its page will say so.

    A name whose address does not come in time may not: it could be anything by the time that it is opened.
    """
    reason = refusal_by_looks(url, policy)
    host = _host(url) if reason is None else None
    if host is None or _is_allowed(url, policy) or _is_number(host):
        return reason
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _of_failure(host, error)
    return _of_found(host, found)


async def is_unknown(host: str) -> bool:
    """Tells whether no resolver knows this name, as far as can be told. What does not answer in time may know it."""
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return True
    except OSError:
        return False
    return False


def refusal_while_waiting(url: str, policy: AddressPolicy) -> str | None:
    """The same for a thread, which may wait for the answer."""
    reason = refusal_by_looks(url, policy)
    host = _host(url) if reason is None else None
    if host is None or _is_allowed(url, policy) or _is_number(host):
        return reason
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _of_failure(host, error)
    return _of_found(host, found)


def refusal_of_remote(url: str, remote: str, policy: AddressPolicy) -> str | None:
    """Why what came from `remote`, an IP address, is not read as what is at `url`. None if it may be."""
    if _is_allowed(url, policy) or _is_public(remote.strip("[]")):
        return None
    return f"{_host(url)} answered from {remote}, a private address; {ALLOW}"


def _of_failure(host: str, error: OSError | UnicodeError) -> str | None:
    if isinstance(error, socket.gaierror):
        return None
    if isinstance(error, UnicodeError):
        return f"not an address: {host} can be no host's name"
    why = f"within {RESOLVE_SECONDS:g} s" if isinstance(error, TimeoutError) else f"({error})"
    return f"the address of {host} could not be had {why}, so it may be a private one; try again later"


def _of_found(host: str, found: Sequence[Any]) -> str | None:
    private = next((str(entry[4][0]) for entry in found if not _is_public(str(entry[4][0]))), None)
    return f"{host} is {private}, a private address; {ALLOW}" if private else None


def refusal_by_looks(url: str, policy: AddressPolicy) -> str | None:
    """As much of `refusal` as can be said without asking anybody."""
    try:
        parts = urlsplit(url)
        host, _ = _host(url), parts.port
    except ValueError as error:
        return f"not an address: {error}"
    if parts.scheme not in {"http", "https"}:
        return f"only http and https are opened, not {parts.scheme or 'an address without a scheme'}"
    if not host:
        return "it names no host"
    if set(parts.netloc) & _MISLEADING or not parts.netloc.isprintable():
        return "not an address: browsers read its host differently than it looks"
    is_private = not _is_public(host) if _is_number(host) else host.rpartition(".")[2] == "localhost"
    return f"{host} is a private address; {ALLOW}" if is_private and not _is_allowed(url, policy) else None


def _is_allowed(url: str, policy: AddressPolicy) -> bool:
    parts = urlsplit(url)
    return policy.allow_private or not policy.allowed_hosts.isdisjoint(
        {parts.hostname, f"{parts.hostname}:{parts.port}"}
    )


def _host(url: str) -> str | None:
    """The host, without the dot that a full name may end with."""
    host = urlsplit(url).hostname
    return host and host.rstrip(".")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _within(parsed) or parsed
    is_private = any(parsed in network for network in _PRIVATE)
    return parsed.is_global and not parsed.is_multicast and not is_private


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, compatible, 6to4 or NAT64."""
    has_it_last = any(address in network for network in _WITH_IPV4)
    return (
        address.ipv4_mapped
        or address.sixtofour
        or (ipaddress.IPv4Address(int(address) % 2**32) if has_it_last else None)
    )
