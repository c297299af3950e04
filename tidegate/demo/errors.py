"""What can go wrong with the demo site itself.

```
DemoSiteError
└── PortInUse
```
"""

from __future__ import annotations


class DemoSiteError(Exception):
    """The demo site did not start, or does not answer."""


class PortInUse(DemoSiteError):
    """Another program listens on `port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} is in use; choose another with --port")
