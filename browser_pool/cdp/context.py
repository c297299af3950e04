"""A browser context over bare CDP, with one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from browser_pool.cdp.connection import Session
from browser_pool.cdp.lane import CdpLane
from browser_pool.errors import BrowserGone, NavigationFailed, NavigationTimeout, ScriptFailed
from browser_pool.family import Command, Family
from browser_pool.identity import Identity, Proxy, StorageState
from browser_pool.line import CommandFailed, processor_seconds

if TYPE_CHECKING:
    from playwright.async_api import Page

BLANK = "about:blank"
EMPTY_PAGE = b"<!doctype html>"
STORAGE_SECONDS = 10.0

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]", "<loopback>", "<-loopback>"})
"""The names of this machine in a list of what goes past a proxy, as Playwright knows them."""

NO_SERVICE_WORKERS = (
    "if (self.ServiceWorkerContainer) ServiceWorkerContainer.prototype.register ="
    " () => Promise.reject(new DOMException('service workers are switched off here', 'SecurityError'))"
)
"""A service worker outlives its page and keeps fetching and holding memory when nobody looks. It is refused at the
prototype: Chromium does not end one that is there (tried: `Target.closeTarget` as it starts does nothing)."""

KEEP = "items => { for (const [name, value] of items) localStorage.setItem(name, value) }"


class CdpContext:
    """An isolated context of `browser`: its own cookies, cache and storage. Made by `open`, ended by `close`.

    `on_closed` is called when that has been tried.
    """

    def __init__(self, browser: Session, context_id: str) -> None:
        self.on_closed: Callable[[CdpContext], None] = lambda _: None
        self._browser = browser
        self._id = context_id
        self._lane: CdpLane | None = None
        self._page_id = ""

    @classmethod
    async def open(cls, browser: Session, identity: Identity, storage: StorageState, user_agent: str) -> CdpContext:
        """Make it, dressed as `identity`. Nothing is left of it if that fails."""
        made = await browser.send("Target.createBrowserContext", disposeOnDetach=True, **_proxied(identity.proxy))
        context = cls(browser, made["browserContextId"])
        try:
            await context._furnish(identity, storage, user_agent)
        except BaseException:
            browser.tell("Target.disposeBrowserContext", browserContextId=context._id)
            raise
        return context

    @property
    def lane(self) -> CdpLane:
        """The lane over its page."""
        if self._lane is None:
            raise BrowserGone("the context has no page")
        return self._lane

    @property
    def page(self) -> Page | None:
        """There is none here."""
        return None

    def is_mine(self, target: dict[str, Any]) -> bool:
        """Whether a target lives in this context."""
        return target.get("browserContextId") == self._id

    def is_stray(self, target: dict[str, Any]) -> bool:
        """Whether it is a page that a site has opened by itself."""
        return bool(target["type"] == "page" and target["targetId"] != self._page_id)

    async def reset(self) -> None:
        """Leave the page that was read."""
        try:
            await self.lane.open(BLANK, timeout_seconds=STORAGE_SECONDS)
            await self.lane.block()
            await self.lane.hear(())
            await self.lane.fence(None)
            await self.lane.revalidate(enabled=False)
        except NavigationFailed as error:
            raise BrowserGone(str(error)) from None

    async def processor_seconds(self) -> float:
        """See `OpenContext.processor_seconds`."""
        return await processor_seconds(self.lane.line)

    async def close(self) -> None:
        """End it and its pages, without asking them. Raises `BrowserGone`."""
        try:
            await self._browser.send("Target.disposeBrowserContext", browserContextId=self._id)
        except CommandFailed as error:
            raise BrowserGone(str(error)) from None
        finally:
            self.on_closed(self)

    async def _furnish(self, identity: Identity, storage: StorageState, user_agent: str) -> None:
        send, mine = self._browser.send, {"browserContextId": self._id}
        await send("Browser.setDownloadBehavior", behavior="deny", **mine)
        await self._take_cookies(identity, storage)
        target = await send("Target.createTarget", url=BLANK, **mine)
        self._page_id = target["targetId"]
        attached = await send("Target.attachToTarget", targetId=self._page_id, flatten=True)
        session = self._browser.child(attached["sessionId"])
        credentials = (identity.proxy.username, identity.proxy.password) if identity.proxy else ("", "")
        family = Family(
            session, dress=dress(identity, user_agent), credentials=credentials if credentials[0] else None
        )
        self._lane = CdpLane(session, family, is_proxied=identity.is_proxied)
        try:
            await self._lane.start()
        except CommandFailed as error:
            if not str(error).startswith("Emulation."):
                raise
            raise identity.refused(str(error).partition(": ")[2]) from None
        await self._fill_storage(self._lane, identity, storage)

    async def _take_cookies(self, identity: Identity, storage: StorageState) -> None:
        if not storage.cookies:
            return
        cookies = [_for_chromium(one.model_dump()) for one in storage.cookies]
        try:
            await self._browser.send("Storage.setCookies", cookies=cookies, browserContextId=self._id)
        except CommandFailed as error:
            raise identity.unreadable(f"Chromium refuses its cookies ({error})") from None

    async def _fill_storage(self, lane: CdpLane, identity: Identity, storage: StorageState) -> None:
        """A page of our own stands in for the site's, which is not asked for anything."""
        if not storage.origins:
            return
        try:
            for origin in storage.origins:
                await lane.open(origin.origin, timeout_seconds=STORAGE_SECONDS, saved_html=EMPTY_PAGE)
                await lane.evaluate(KEEP, [[item.name, item.value] for item in origin.localStorage])
            await lane.open(BLANK, timeout_seconds=STORAGE_SECONDS)
        except NavigationTimeout as error:
            raise BrowserGone(str(error)) from None
        except (NavigationFailed, ScriptFailed) as error:
            raise identity.unreadable(f"its local storage can't be filled ({error})") from None


def dress(identity: Identity, user_agent: str) -> list[Command]:
    """What every frame is told about who it is. Pure."""
    agent: dict[str, str] = {"userAgent": identity.user_agent or user_agent}
    if identity.locale:
        agent["acceptLanguage"] = identity.locale
    commands: list[Command] = [
        ("Emulation.setUserAgentOverride", agent),
        ("Page.addScriptToEvaluateOnNewDocument", {"source": NO_SERVICE_WORKERS}),
    ]
    if identity.locale:
        commands.append(("Emulation.setLocaleOverride", {"locale": identity.locale}))
    if identity.timezone:
        commands.append(("Emulation.setTimezoneOverride", {"timezoneId": identity.timezone}))
    if not identity.javascript:
        commands.append(("Emulation.setScriptExecutionDisabled", {"value": True}))
    return commands


def _proxied(proxy: Proxy | None) -> dict[str, str]:
    """Everything goes to the proxy, even what is asked of this machine, unless `bypass` says otherwise. Pure.

    Chromium by itself would leave this machine out. What a site is told to fetch from "localhost" is the proxy's.
    """
    if proxy is None:
        return {}
    hosts = [host.strip() for host in proxy.bypass.split(",") if host.strip()]
    if LOOPBACK.isdisjoint(hosts):
        hosts.insert(0, "<-loopback>")
    return {"proxyServer": proxy.server, "proxyBypassList": ",".join(hosts)}


def _for_chromium(cookie: dict[str, Any]) -> dict[str, Any]:
    """A cookie of the session has no end in Chromium's words, and -1 in Playwright's."""
    return {name: value for name, value in cookie.items() if not (name == "expires" and value == -1)}
