"""Everything that can go wrong between a caller and a page of Chromium.

```
BrowserPoolError
├── ChromiumNotFound          no usable Chromium on this machine
├── LaunchFailed              Chromium is there and does not start
├── LeaseRefused              no context was handed out: memory, slot, deadline or shutdown
├── LeaseEnded                the lease is over; its page is no longer yours
│   └── LeaseRecalled         taken back in an emergency, for its memory
├── BrowserGone               the browser, its driver or the page's renderer died or hangs
│   └── PageCrashed           only this page's renderer
└── NavigationFailed          the browser is fine; the page did not come
    ├── NavigationTimeout
    └── NavigationBecameDownload
```

`BrowserGone` is the browser's fault and `NavigationFailed` the site's: nothing that counts failures may mix
the two.
"""

from __future__ import annotations


class BrowserPoolError(Exception):
    """The root of what this package raises."""


class ChromiumNotFound(BrowserPoolError):
    """No usable Chromium; `looked_at` names the places, the message says how to get one."""

    def __init__(self, looked_at: tuple[str, ...], *, headed: bool = False) -> None:
        self.looked_at = looked_at
        kind = "Chromium with a window" if headed else "Chromium"
        get_one = "`apt-get install chromium`" if headed else "`tidegate setup`"
        super().__init__(
            f"no {kind} found (looked at: {', '.join(looked_at)}). Get one with {get_one}, "
            "or name yours with TIDEGATE_CHROMIUM=/path/to/chromium."
        )


class LaunchFailed(BrowserPoolError):
    """Chromium did not start; `detail` is what it said."""

    def __init__(self, executable: str, detail: str) -> None:
        self.executable = executable
        self.detail = detail
        super().__init__(
            f"Chromium did not start ({executable}): {detail.rstrip('.')}. "
            "`tidegate setup` tells what is missing and gets it."
        )


class LeaseRefused(BrowserPoolError):
    """No lease: `reason` is one of memory, slot, queue_full, closed; `waited_seconds` says how long it took."""

    def __init__(self, reason: str, detail: str, waited_seconds: float) -> None:
        self.reason = reason
        self.detail = detail
        self.waited_seconds = waited_seconds
        super().__init__(f"no browser context after {waited_seconds:.1f} s ({reason}): {detail}")


class LeaseEnded(BrowserPoolError):
    """The lease is over (released, or past its deadline), so its page can't be used any more."""


class LeaseRecalled(LeaseEnded):
    """The lease was taken back before its deadline: memory was all but gone. The work can be tried again."""

    def __init__(self, number: int, site: str) -> None:
        super().__init__(f"lease {number} ({site}) was taken back in an emergency, for its memory; ask again")


class BrowserGone(BrowserPoolError):
    """The browser or its driver died, or no longer answers. The work can be tried again in another one."""


class PageCrashed(BrowserGone):
    """The renderer of this page died; the browser lives."""


class NavigationFailed(BrowserPoolError):
    """The page did not come; `code` is Chromium's own, such as `ERR_NAME_NOT_RESOLVED`."""

    def __init__(self, url: str, code: str) -> None:
        self.url = url
        self.code = code
        super().__init__(f"{url} did not load: {code}")


class NavigationTimeout(NavigationFailed):
    """The server did not answer in time."""

    def __init__(self, url: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(url, f"no answer in {seconds:.1f} s")


class NavigationBecameDownload(NavigationFailed):
    """The address is a file to save, not a page to read. The download was cancelled."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "it is a download")
