"""browser_pool: who may use Chromium, and for how long.

`UnifiedBrowserPool` owns every browser process of the program and hands out contexts as leases. A lease starts only
when there is a slot for it and its memory has been reserved; it has one deadline; what happens to it is said with a
typed error.

- `pool`: UnifiedBrowserPool, the way of a lease from asking to clean-up
- `reaper`: what becomes of a context when its lease is over
- `table`: the table of leases, the only truth
- `lease`, `context`, `browser`, `driver`: what a row of it stands for, from the outside in
- `learning`: what a lease costs
- `wear`: what a browser has been through; `recycling`: a worn one replaced while others work in it
- `owner`: the one that launches browsers and replaces them
- `scratch`: the folder of a driver, and the sweep of what killed runs have left
- `lane`: the four verbs of reading a page
- `reclaim`: memory back while pages stay open; `relief`: what the pool gives back, rung by rung
- `chromium`, `provision`: which Chromium, and how to get one
- `identity`, `settings`, `errors`
"""

from browser_pool.chromium import Chromium, find_chromium
from browser_pool.errors import (
    BrowserGone,
    BrowserPoolError,
    ChromiumNotFound,
    LaunchFailed,
    LeaseEnded,
    LeaseRecalled,
    LeaseRefused,
    NavigationBecameDownload,
    NavigationFailed,
    NavigationTimeout,
    PageCrashed,
)
from browser_pool.identity import Identity
from browser_pool.lane import Lane, Opened, PlaywrightLane
from browser_pool.lease import Lease, LeaseRequest
from browser_pool.pool import UnifiedBrowserPool
from browser_pool.settings import PoolSettings
from browser_pool.table import PoolStatistics

__all__ = [
    "BrowserGone",
    "BrowserPoolError",
    "Chromium",
    "ChromiumNotFound",
    "Identity",
    "Lane",
    "LaunchFailed",
    "Lease",
    "LeaseEnded",
    "LeaseRecalled",
    "LeaseRefused",
    "LeaseRequest",
    "NavigationBecameDownload",
    "NavigationFailed",
    "NavigationTimeout",
    "Opened",
    "PageCrashed",
    "PlaywrightLane",
    "PoolSettings",
    "PoolStatistics",
    "UnifiedBrowserPool",
    "find_chromium",
]
