"""Who may ask, and what a browser may do with the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tidegate.dashboard.fence import COOKIE, Fence, is_this_machine, key_of

TOKEN = "tide and time"
OWN = {"x-tidegate": "1"}


async def said(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.method} {request.url.path}")


INSIDE = Starlette(
    routes=[Route(path, said, methods=["GET", "POST"]) for path in ("/", "/state", "/healthz", "/readyz")]
)


def client(fence: Fence, **kind: object) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(fence), base_url="http://127.0.0.1:8710", **kind)  # type: ignore[arg-type]


@pytest.fixture
async def local() -> AsyncIterator[httpx2.AsyncClient]:
    """On loopback, without a token."""
    async with client(Fence(INSIDE, token=None, is_local=True)) as asks:
        yield asks


@pytest.fixture
async def guarded() -> AsyncIterator[httpx2.AsyncClient]:
    """Anywhere, with a token."""
    async with client(Fence(INSIDE, token=TOKEN, is_local=False)) as asks:
        yield asks


@pytest.mark.parametrize("host", ("127.0.0.1:8710", "localhost:8710", "localhost", "[::1]:8710", "127.0.0.2"))
async def test_on_loopback_this_machine_is_answered(local: httpx2.AsyncClient, host: str) -> None:
    assert (await local.get("/state", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ("evil.example", "evil.example:8710", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "a b"),
)
async def test_a_name_of_somebody_elses_that_leads_here_is_not_answered(local: httpx2.AsyncClient, host: str) -> None:
    for path in ("/state", "/healthz"):
        answer = await local.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "GET" not in answer.text
    assert not is_this_machine(host)


async def test_every_answer_tells_browsers_to_run_nothing_but_our_script(local: httpx2.AsyncClient) -> None:
    for answer in (await local.get("/"), await local.get("/nothing"), await local.post("/state")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    (
        {},
        {"origin": "http://evil.example"},
        OWN | {"origin": "http://evil.example"},
        OWN | {"origin": "null"},
        OWN | {"origin": "http://["},
        OWN | {"origin": "http://127.0.0.1:9999"},
        OWN | {"sec-fetch-site": "cross-site"},
        OWN | {"sec-fetch-site": "same-site"},
    ),
)
async def test_a_page_of_another_origin_changes_nothing(local: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await local.post("/state", headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", (OWN, OWN | {"origin": "http://127.0.0.1:8710", "sec-fetch-site": "same-origin"}))
async def test_our_own_page_does(local: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await local.post("/state", headers=headers)).text == "POST /state"


async def test_nobody_else_may_ask_whether_a_page_elsewhere_may(local: httpx2.AsyncClient) -> None:
    answer = await local.options(
        "/state", headers={"origin": "http://evil.example", "access-control-request-headers": "x-tidegate"}
    )
    assert answer.status_code == 403
    assert "access-control-allow-headers" not in answer.headers


async def test_without_the_token_there_is_only_whether_it_lives_and_is_ready(guarded: httpx2.AsyncClient) -> None:
    for path, status in (("/", 401), ("/state", 401), ("/nothing", 401), ("/healthz", 200), ("/readyz", 200)):
        assert (await guarded.get(path)).status_code == status, path
    assert (await guarded.post("/healthz", headers=OWN)).status_code == 401


@pytest.mark.parametrize("given", ("", "x", TOKEN + " ", TOKEN.upper(), key_of(TOKEN), "täg"))
async def test_a_wrong_token_is_none(guarded: httpx2.AsyncClient, given: str) -> None:
    value = f"Bearer {given}".encode()
    is_right = given.strip() == TOKEN
    answer = await guarded.get("/state", headers={b"authorization": value})
    assert answer.status_code == (200 if is_right else 401)
    if not is_right:
        assert (await guarded.get("/", params={"token": given})).status_code == 401


async def test_a_program_brings_the_token_in_a_header(guarded: httpx2.AsyncClient) -> None:
    assert (await guarded.get("/state", headers={"authorization": f"Bearer {TOKEN}"})).text == "GET /state"


async def test_a_browser_brings_it_once_and_gets_a_cookie_that_is_not_the_token(guarded: httpx2.AsyncClient) -> None:
    answer = await guarded.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert TOKEN not in cookie
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    guarded.cookies.clear()
    held = {"cookie": cookie.split(";")[0]}
    assert (await guarded.get("/state", headers=held)).text == "GET /state"
    assert (await guarded.get("/state", headers={"cookie": f"{COOKIE}=0000"})).status_code == 401
    # A host's cookies are shared by all its ports, and others write them as they like.
    for other in ('prefs={"a": 1}', "a[b]=1", "bare", "=", ";;"):
        beside = {"cookie": f"{other}; {held['cookie']}"}
        assert (await guarded.get("/state", headers=beside)).status_code == 200, other
    assert (await guarded.post("/state", headers=held)).status_code == 403
    assert (await guarded.post("/state", headers=held | OWN)).text == "POST /state"
