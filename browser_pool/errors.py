"""Everything that can go wrong between a caller and a page of Chromium.

```
BrowserPoolError
├── ChromiumNotFound          no usable Chromium on this machine
├── LaunchFailed              Chromium is there and does not start
│   ├── EndpointUnreachable   one that runs elsewhere does not answer
│   └── NoScratch             the folder that a browser needs can't be made
├── IdentityRefused           Chromium can't wear what an identity says
│   └── IdentityUnreadable    its storage state can't be used
├── LeaseRefused              no context was handed out: memory, slot, browser, deadline or shutdown
├── LeaseEnded                the lease is over; its page is no longer yours
│   └── LeaseRecalled         taken back in an emergency, for its memory
│       └── PageTooLarge      it was this page that took the memory
├── NoPlaywrightPage          the lease was asked for without one
├── BrowserGone               the browser, its driver or the page's renderer died or hangs
│   └── PageCrashed           only this page's renderer
├── ScriptFailed              what was evaluated in the page threw
│   └── PageReplaced          the page went elsewhere under it
├── NoScreenshot              the page gave no picture of itself
└── NavigationFailed          the browser is fine; the page did not come
    ├── NavigationTimeout
    ├── NavigationBecameDownload
    ├── NavigationWithoutPage
    ├── NavigationRefused     it leads to where it may not lead
    └── UrlQuarantined        it was not even tried: this address has killed too often
```

`BrowserGone` is the browser's fault and `NavigationFailed` the site's: nothing that counts failures may mix
the two.
"""

from __future__ import annotations

from pathlib import Path

from memory import mib


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

    advice = "`tidegate setup` tells what is missing and gets it."
    what = "Chromium did not start"

    def __init__(self, executable: str, detail: str) -> None:
        self.executable = executable
        self.detail = detail
        super().__init__(f"{self.what} ({executable}): {detail.rstrip('.')}. {self.advice}")


class EndpointUnreachable(LaunchFailed):
    """A browser that runs elsewhere does not answer, or is none."""

    advice = "It is tried again; see that it runs, and that its address is right."
    what = "no browser there"


class NoScratch(LaunchFailed):
    """A browser needs a folder of its own, and none can be made: the disk is full, or is not ours to write on."""

    advice = "Free some space or inodes there, or name another place with TMPDIR."
    what = "no scratch folder for a browser"


class IdentityRefused(BrowserPoolError):
    """Chromium can't wear what an identity says: there is no such timezone, say. To try again is no use."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"the identity {name!r} can't be worn: {detail}. Mend it and ask again.")


class IdentityUnreadable(IdentityRefused):
    """The storage state of an identity can't be used; the message says what is wrong with the file."""

    def __init__(self, name: str, path: Path, detail: str) -> None:
        self.path = path
        super(IdentityRefused, self).__init__(
            f"the storage state of identity {name!r} can't be used ({path}): {detail}. "
            "It has to be what Playwright's context.storage_state(path=...) wrote."
        )


class LeaseRefused(BrowserPoolError):
    """No lease: `reason` is memory, slot, browser, queue_full or closed; `waited_seconds` is how long it took."""

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


class PageTooLarge(LeaseRecalled):
    """The lease was taken back because of what its page held; where that happens again it is left alone."""

    def __init__(self, number: int, site: str, held_bytes: int, expected_bytes: int) -> None:
        self.held_bytes = held_bytes
        self.expected_bytes = expected_bytes
        super(LeaseRecalled, self).__init__(
            f"lease {number} ({site}) was taken back: its page held {mib(held_bytes)}, such pages are expected to "
            f"hold {mib(expected_bytes)}, and memory was all but gone. A page that grows without end does this; "
            "one that needs so much needs a higher memory limit."
        )


class NoPlaywrightPage(BrowserPoolError):
    """The lease has the verbs of a lane and no Playwright page."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"lease {number} has no Playwright page: it was asked for with needs_page=False. "
            "Ask with needs_page=True, or use its own verbs: open, evaluate and the others of `Lane`."
        )


class BrowserGone(BrowserPoolError):
    """The browser or its driver died, or no longer answers. The work can be tried again in another one."""


class PageCrashed(BrowserGone):
    """The renderer of this page died; the browser lives."""


class ScriptFailed(BrowserPoolError):
    """What was evaluated in the page threw; the message is what it said."""


class PageReplaced(ScriptFailed):
    """The page went elsewhere while something was evaluated in it. In the new document it may be tried again."""


class NoScreenshot(BrowserPoolError):
    """The page gave no picture of itself: it hangs, or has nothing to show. It may still be read."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"no picture of the page: {detail}. What was read from it stands")


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


class NavigationWithoutPage(NavigationFailed):
    """The server answered with `status`, such as 204, and with no page."""

    def __init__(self, url: str, status: int) -> None:
        self.status = status
        super().__init__(url, f"HTTP {status}, and no page")


class NavigationRefused(NavigationFailed):
    """It leads to `refused_url`, which may not be opened and was not asked for; `reason` is what the fence said."""

    def __init__(self, url: str, refused_url: str, reason: str) -> None:
        self.refused_url = refused_url
        self.reason = reason
        super().__init__(url, f"it leads to {refused_url}, which is not opened: {reason}")


class UrlQuarantined(NavigationFailed):
    """The address was not tried: the browser has died under it too often. `seconds_left` says for how long yet."""

    def __init__(self, url: str, deaths: int, seconds_left: float) -> None:
        self.deaths = deaths
        self.seconds_left = seconds_left
        super().__init__(
            url, f"the browser has died under it {deaths} times; it is left alone for {seconds_left:.0f} s more"
        )
