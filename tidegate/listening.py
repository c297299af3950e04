"""Where something listens: HOST:PORT, as people write it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Listen:
    """A place to listen at. `host` is empty for nowhere; port 0 is any that is free."""

    host: str
    port: int = 0

    @property
    def is_off(self) -> bool:
        """Nowhere."""
        return not self.host

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can ask there."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.is_off:
            return OFF
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


OFF: Final = "off"
NOWHERE: Final = Listen("")


def listen_from(value: Any) -> Listen | None:
    """Read "127.0.0.1:8710", "[::]:8710" or "off". Raises ValueError: what would be right."""
    if value is None or isinstance(value, Listen):
        return value
    text = str(value).strip()
    if text.lower() == OFF:
        return NOWHERE
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or "/" in host or not port.isascii() or not port.isdigit() or int(port) > MOST_PORT:
        raise ValueError('write HOST:PORT, such as 127.0.0.1:8710, or "off"')
    return Listen(host, int(port))
