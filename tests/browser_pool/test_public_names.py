"""The public names of this room. Whoever changes the list changes what others rely on."""

from __future__ import annotations

import browser_pool


def test_the_public_names_are_these() -> None:
    assert sorted(browser_pool.__all__) == [
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


def test_each_public_name_is_there_and_nothing_else_leads_out_of_the_room() -> None:
    own = {
        name
        for name, value in vars(browser_pool).items()
        if getattr(value, "__module__", "").startswith("browser_pool.")
    }
    assert own == set(browser_pool.__all__)


def test_all_that_this_room_raises_has_one_root() -> None:
    errors = [getattr(browser_pool, name) for name in browser_pool.__all__]
    for error in errors:
        if isinstance(error, type) and issubclass(error, Exception):
            assert issubclass(error, browser_pool.BrowserPoolError)


def test_a_fault_of_the_browser_is_never_a_fault_of_the_site() -> None:
    assert not issubclass(browser_pool.BrowserGone, browser_pool.NavigationFailed)
    assert not issubclass(browser_pool.NavigationFailed, browser_pool.BrowserGone)
    assert issubclass(browser_pool.PageCrashed, browser_pool.BrowserGone)
