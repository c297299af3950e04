"""A picture of what a page shows, for evidence: small, and never waited for without end."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from browser_pool import Lease, NoScreenshot, UnifiedBrowserPool
from tests.browser_pool.web import LOADED, Web, serving

pytestmark = pytest.mark.browser

MakePool = Callable[..., AbstractAsyncContextManager[UnifiedBrowserPool]]

RED = "<!doctype html><title>red</title><body style='background: red'><img src='/image.png'>"
HANG = "() => { setTimeout(() => { while (true); }, 0) }"

SAMPLE = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/webp' }));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const [red, green, blue] = canvas.getImageData(image.width - 5, image.height - 5, 1, 1).data;
  return [image.width, image.height, red > 200 && green < 60 && blue < 60];
}"""
"""What a picture shows in its lower right corner."""


@pytest.fixture(params=(False, True), ids=("bare", "playwright"))
def needs_page(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving(Web({"/": RED, "/blank": "<!doctype html><title>blank</title>"})) as web:
        yield web


@pytest.fixture
async def lease(driver_pool: UnifiedBrowserPool) -> AsyncIterator[Lease]:
    async with driver_pool.lease(site="pier") as lease:
        yield lease


async def _shows_red(lease: Lease, picture: bytes) -> bool:
    """Whether it is a picture of the whole window, and red."""
    width, height, is_red = await lease.evaluate(SAMPLE, base64.b64encode(picture).decode())
    window = await lease.evaluate("() => [innerWidth, innerHeight]")
    return [width, height] == window and bool(is_red)


async def test_a_picture_shows_the_window_with_images_blocked(lease: Lease, web: Web) -> None:
    await lease.block(kinds=["image"])
    await lease.open(f"{web.url}/", timeout_seconds=10)
    await lease.evaluate(LOADED)
    picture = await lease.screenshot()
    assert (picture[:4], picture[8:12]) == (b"RIFF", b"WEBP")
    await lease.open(f"{web.url}/blank", timeout_seconds=10)
    assert await _shows_red(lease, picture)
    assert not await _shows_red(lease, await lease.screenshot())


async def test_there_is_a_picture_of_a_saved_page(lease: Lease, web: Web) -> None:
    await lease.open(f"{web.url}/blank", timeout_seconds=10, saved_html=RED.encode())
    await lease.evaluate(LOADED)
    assert await _shows_red(lease, await lease.screenshot())
    assert web.asked == []


async def test_a_page_that_hangs_gives_no_picture_and_the_next_one_does(lease: Lease, web: Web) -> None:
    await lease.open(f"{web.url}/blank", timeout_seconds=10)
    await lease.evaluate(LOADED)
    await lease.evaluate(HANG)
    with pytest.raises(NoScreenshot):
        await lease.screenshot(timeout_seconds=0.5)
    # Another site has another process, so that the loop of this one is not in its way.
    await lease.open(f"{web.other_url}/", timeout_seconds=10)
    await lease.evaluate(LOADED)
    assert await _shows_red(lease, await lease.screenshot())
