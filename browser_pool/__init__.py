"""browser_pool: who may use Chromium, and for how long.

`UnifiedBrowserPool` owns every browser process of the program and hands out contexts as leases. A lease starts only
when there is a slot for it and its memory has been reserved; it has one deadline; what happens to it is said with a
typed error.

- `pool`: UnifiedBrowserPool, the way of a lease from asking to clean-up; `gate`: who is let in, and when
- `table`: the table of leases, the only truth; `view`: a look at it
- `reaper`: what becomes of a context when its lease is over
- `lease`, `context`, `browser`: what a row of it stands for, from the outside in
- `cdp`, `node`: a browser spoken to directly, and one by way of Playwright
- `lane`: the verbs of reading a page; `blocking`, `fence`, `interception`, `family`: what a page may fetch, with all
  that it brings along; `hearing`: what it was told; `line`: the DevTools protocol, whoever carries it
- `fleet`, `owner`, `endpoint`, `breaker`: where browsers come from, who launches them, and when not
- `learning`: what a lease costs
- `wear`: what a browser has been through; `recycling`: a worn one replaced while others work in it
- `quarantine`: addresses that kill
- `scratch`: the folder of a browser, and the sweep of what killed runs have left; `processes`: ending what we started
- `reclaim`: memory back while pages stay open; `relief`: what the pool gives back, rung by rung
- `chromium`, `provision`: which Chromium, and how to get one
- `events`, `instrumentation`: what happens, for those who want to be told
- `identity`, `settings`, `errors`
"""

from browser_pool.blocking import Blocking
from browser_pool.chromium import Chromium, find_chromium
from browser_pool.endpoint import Endpoint
from browser_pool.errors import (
    BrowserGone,
    BrowserPoolError,
    ChromiumNotFound,
    EndpointUnreachable,
    IdentityRefused,
    IdentityUnreadable,
    LaunchFailed,
    LeaseEnded,
    LeaseRecalled,
    LeaseRefused,
    NavigationBecameDownload,
    NavigationFailed,
    NavigationRefused,
    NavigationTimeout,
    NavigationWithoutPage,
    NoPlaywrightPage,
    NoScratch,
    NoScreenshot,
    PageCrashed,
    PageReplaced,
    PageTooLarge,
    ScriptFailed,
    UrlQuarantined,
)
from browser_pool.hearing import Heard
from browser_pool.identity import Identity, Proxy
from browser_pool.lane import Lane, Opened
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.pool import UnifiedBrowserPool
from browser_pool.settings import PoolSettings
from browser_pool.table import PoolStatistics
from browser_pool.view import LeaseView, PoolView, WaiterView

__all__ = [
    "Blocking",
    "BrowserGone",
    "BrowserPoolError",
    "Chromium",
    "ChromiumNotFound",
    "Endpoint",
    "EndpointUnreachable",
    "Heard",
    "Identity",
    "IdentityRefused",
    "IdentityUnreadable",
    "Lane",
    "LaunchFailed",
    "Lease",
    "LeaseEnded",
    "LeaseRecalled",
    "LeaseRefused",
    "LeaseRequest",
    "LeaseView",
    "NavigationBecameDownload",
    "NavigationFailed",
    "NavigationRefused",
    "NavigationTimeout",
    "NavigationWithoutPage",
    "NoPlaywrightPage",
    "NoScratch",
    "NoScreenshot",
    "Opened",
    "PageCrashed",
    "PageReplaced",
    "PageTooLarge",
    "PoolSettings",
    "PoolStatistics",
    "PoolView",
    "Proxy",
    "ScriptFailed",
    "UnifiedBrowserPool",
    "UrlQuarantined",
    "WaiterView",
    "find_chromium",
]
