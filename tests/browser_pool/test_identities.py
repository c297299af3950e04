"""Who a context is: what it brings along and what it says of itself, with a Playwright page and without."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from browser_pool import Identity, IdentityRefused, IdentityUnreadable, Lease, UnifiedBrowserPool
from tests.browser_pool.web import LOADED, SCRIPT, Page, Web, serving

pytestmark = pytest.mark.browser

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

WORKER_SAYS = """() => new Promise((done) => {
  const worker = new Worker('/worker.js');
  worker.onmessage = (event) => done(event.data);
})"""

FRAME_SAYS = """() => new Promise((done) => {
  addEventListener('message', (event) => done(event.data));
  const frame = document.createElement('iframe');
  frame.src = `http://localhost:${location.port}/frame`;
  document.body.append(frame);
})"""

TOO_MUCH = "x" * 6_000_000

ZONE = "Intl.DateTimeFormat().resolvedOptions().timeZone"
WHO = f"({{agent: navigator.userAgent, language: navigator.language, zone: {ZONE}}})"

PAGES: dict[str, Page] = {
    "/": "<!doctype html><title>home</title><body>home",
    "/frame": f"<!doctype html><script>parent.postMessage({WHO}, '*')</script>",
    "/worker.js": (SCRIPT, f"postMessage({WHO})"),
}


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web(dict(PAGES))) as web:
        yield web


@pytest.fixture
def pool(driver_pool: UnifiedBrowserPool) -> UnifiedBrowserPool:
    return driver_pool


def storage_state(folder: Path, content: Any) -> Path:
    path = folder / "state.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def cookie(**fields: object) -> dict[str, object]:
    return {"name": "who", "value": "me", "domain": "127.0.0.1", "path": "/"} | fields


async def home(lease: Lease, web: Web) -> Lease:
    await lease.open(f"{web.url}/", timeout_seconds=20)
    assert await lease.evaluate(LOADED)
    return lease


class TestStorageState:
    async def test_cookies_and_local_storage_arrive_in_the_page(
        self, pool: UnifiedBrowserPool, web: Web, tmp_path: Path
    ) -> None:
        state = {
            "cookies": [cookie(), cookie(name="kept", httpOnly=True, expires=4102444800, sameSite="Strict")],
            "origins": [
                {"origin": web.url, "localStorage": [{"name": "a", "value": "1"}, {"name": "b", "value": "ü"}]},
                {"origin": web.other_url, "localStorage": [{"name": "c", "value": "3"}]},
            ],
        }
        identity = Identity("me", storage_state=storage_state(tmp_path, state))
        async with pool.lease(identity=identity) as lease:
            await home(lease, web)
            assert web.headers_of("/")["cookie"] == "who=me; kept=me"
            assert await lease.evaluate("() => document.cookie") == "who=me"
            assert await lease.evaluate("() => ({...localStorage})") == {"a": "1", "b": "ü"}
            await lease.open(f"{web.other_url}/", timeout_seconds=20)
            assert await lease.evaluate("() => ({...localStorage})") == {"c": "3"}
            assert "cookie" not in web.headers_of("/")

    async def test_to_put_local_storage_in_place_asks_the_site_for_nothing(
        self, pool: UnifiedBrowserPool, web: Web, tmp_path: Path
    ) -> None:
        state = {"origins": [{"origin": web.url, "localStorage": [{"name": "a", "value": "1"}]}]}
        async with pool.lease(identity=Identity("me", storage_state=storage_state(tmp_path, state))):
            assert web.paths == []

    async def test_what_playwright_writes_can_be_worn(
        self, pool: UnifiedBrowserPool, web: Web, tmp_path: Path
    ) -> None:
        path = tmp_path / "state.json"
        async with pool.lease(needs_page=True) as lease:
            await home(lease, web)
            await lease.evaluate("() => { document.cookie = 'who=me; path=/'; localStorage.setItem('a', '1'); }")
            await lease.page.context.storage_state(path=path)
        async with pool.lease(identity=Identity("me", storage_state=path)) as lease:
            await home(lease, web)
            assert await lease.evaluate("() => [document.cookie, localStorage.getItem('a')]") == ["who=me", "1"]

    async def test_it_is_read_again_for_each_context(
        self, pool: UnifiedBrowserPool, web: Web, tmp_path: Path
    ) -> None:
        identity = Identity("me", storage_state=tmp_path / "state.json")
        for value in ("one", "two"):
            storage_state(tmp_path, {"cookies": [cookie(value=value)]})
            async with pool.lease(identity=identity, isolation="fresh") as lease:
                await home(lease, web)
                assert await lease.evaluate("() => document.cookie") == f"who={value}"

    @pytest.mark.parametrize(
        ("content", "said"),
        (
            (None, "No such file or directory"),
            ("{", "it is no JSON"),
            ("[]", "valid dictionary"),
            ({"cookies": [{"name": "who", "domain": "127.0.0.1"}]}, r"cookies\.0\.value: Field required"),
            ({"origins": [{"localStorage": []}]}, r"origins\.0\.origin: Field required"),
            ({"cookies": [cookie(domain="")]}, r"cookies\.0\.domain"),
            ({"cookies": [cookie(sameSite="Sometimes")]}, r"cookies\.0\.sameSite"),
            ({"cookies": [cookie(name="__Host-who")]}, "ookie"),
            ({"origins": [{"origin": "home", "localStorage": []}]}, r"origins\.0\.origin"),
            ({"origins": [{"origin": "http://a:b:c", "localStorage": [{"name": "a", "value": "1"}]}]}, "http://a:b:c"),
            ({"origins": [{"origin": "http://a.test", "localStorage": [{"name": "a", "value": TOO_MUCH}]}]}, "quota"),
        ),
        ids=(
            "missing", "cut off", "a list", "no value", "no origin", "no domain", "bad same site", "refused cookie",
            "bad origin", "worse origin", "too much",
        ),
    )  # fmt: skip
    async def test_one_that_cannot_be_used_is_said_to_be_and_the_pool_stays_whole(
        self, pool: UnifiedBrowserPool, tmp_path: Path, eventually: Eventually, content: Any, said: str
    ) -> None:
        path = tmp_path / "state.json" if content is None else storage_state(tmp_path, content)
        with pytest.raises(IdentityUnreadable, match=said) as caught:
            async with pool.lease(identity=Identity("me", storage_state=path)):
                pytest.fail("nobody gets a context that is not who it should be")
        assert str(path) in str(caught.value)
        assert caught.value.path == path
        await eventually(lambda: adds_up(pool))
        assert pool.statistics().browsers_lost == 0
        async with pool.lease() as lease:
            assert await lease.evaluate("() => 'at work'") == "at work"


@pytest.mark.parametrize(
    ("wrong", "said"),
    (
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"locale": "??"}, "locale"),
        ({"user_agent": "two\nlines"}, "userAgent"),
    ),
)
async def test_what_chromium_cannot_wear_is_said_and_is_not_the_browsers_fault(
    pool: UnifiedBrowserPool, eventually: Eventually, wrong: dict[str, str], said: str
) -> None:
    with pytest.raises(IdentityRefused, match=f"(?i)'me' can't be worn: .*{said}"):
        async with pool.lease(identity=Identity("me", **wrong)):  # type: ignore[arg-type]
            pytest.fail("nobody gets a context that is not who it should be")
    await eventually(lambda: adds_up(pool))
    assert pool.statistics().browsers_lost == 0


def adds_up(pool: UnifiedBrowserPool) -> bool:
    """Nobody holds or waits for anything, and all that was made is free or closed."""
    now = pool.statistics()
    held = now.waiting + now.leased + now.cleaning + now.closing
    return held == 0 and now.contexts_made - now.contexts_closed == now.free


class TestWhatItSays:
    async def test_by_default_it_says_what_it_is_in_the_page_in_frames_in_workers_and_to_servers(
        self, pool: UnifiedBrowserPool, web: Web
    ) -> None:
        async with pool.lease() as lease:
            agents = await said_everywhere(await home(lease, web), web, "agent", "user-agent")
        assert len(set(agents)) == 1, agents
        assert agents[0].endswith(" Tidegate")
        assert "Chrome/" in agents[0]

    async def test_it_says_something_else_if_it_is_told_to_and_says_it_everywhere(
        self, pool: UnifiedBrowserPool, web: Web
    ) -> None:
        async with pool.lease(identity=Identity(user_agent="Reader/1 (+https://example.com)")) as lease:
            agents = await said_everywhere(await home(lease, web), web, "agent", "user-agent")
        assert set(agents) == {"Reader/1 (+https://example.com)"}

    async def test_its_name_is_that_of_the_program(self, make_pool: MakePool) -> None:
        async with make_pool(program_name="Harbour/2") as pool, pool.lease() as lease:
            assert (await lease.evaluate("() => navigator.userAgent")).endswith(" Harbour/2")

    async def test_its_language_is_the_same_for_scripts_and_for_servers(
        self, pool: UnifiedBrowserPool, web: Web
    ) -> None:
        async with pool.lease(identity=Identity(locale="de-DE")) as lease:
            languages = await said_everywhere(await home(lease, web), web, "language", "accept-language")
            assert await lease.evaluate("() => (1234.5).toLocaleString()") == "1.234,5"
            assert await lease.evaluate("() => navigator.languages") == ["de-DE"]
        assert {language.partition(",")[0] for language in languages} == {"de-DE"}

    async def test_its_clock_is_that_of_its_timezone_in_frames_and_workers_too(
        self, pool: UnifiedBrowserPool, web: Web
    ) -> None:
        async with pool.lease(identity=Identity(timezone="Pacific/Auckland")) as lease:
            await home(lease, web)
            assert await lease.evaluate("() => new Date(0).getHours()") == 12
            said = [await lease.evaluate(f"() => {WHO}"), await lease.evaluate(FRAME_SAYS)]
            said.append(await lease.evaluate(WORKER_SAYS))
        assert [one["zone"] for one in said] == ["Pacific/Auckland"] * 3

    async def test_identities_side_by_side_say_different_things(self, pool: UnifiedBrowserPool) -> None:
        one, other = Identity("one", timezone="Asia/Tokyo"), Identity("other", timezone="Europe/Berlin")
        async with pool.lease(identity=one) as first, pool.lease(identity=other) as second, pool.lease() as third:
            zones = [(await lease.evaluate(f"() => {WHO}"))["zone"] for lease in (first, second, third)]
        assert zones[:2] == ["Asia/Tokyo", "Europe/Berlin"]
        assert zones[2] not in zones[:2]


async def said_everywhere(lease: Lease, web: Web, key: str, header: str) -> list[str]:
    """What page, frame of another site and worker say, and what the server was told for each of them."""
    said = [await lease.evaluate(f"() => {WHO}"), await lease.evaluate(FRAME_SAYS)]
    said.append(await lease.evaluate(WORKER_SAYS))
    return [*(one[key] for one in said), *(web.headers_of(path)[header] for path in ("/", "/frame", "/worker.js"))]
