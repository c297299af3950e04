"""Addresses that pages link to. What somebody typed into a post need be none."""

from __future__ import annotations

from urllib.parse import unquote_plus, urljoin, urlsplit


def joined(base_url: str, address: str) -> str | None:
    """`address` as seen from `base_url`; None for what is no address, as "http://[oops"."""
    try:
        return urljoin(base_url, address)
    except ValueError:
        return None


def with_parameters(url: str, parameters: str) -> str:
    """`url` with `parameters` ("?page=2") instead of its own of the same names. Its others stay, its fragment not."""
    new = parameters.removeprefix("?")
    names = {_name(pair) for pair in new.split("&")}
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and _name(pair) not in names]
    return parts._replace(query="&".join((*kept, new)), fragment="").geturl()


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])
