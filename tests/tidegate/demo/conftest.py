"""One demo site, one Chromium and a fresh page for the tests of this room."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tidegate.demo import DemoSite

# What a visitor can see of each article that is in the document, quoted posts apart from those that quote them.
READ = """() => [...document.querySelectorAll("article")].map((article) => {
  const own = (selector) => [...article.querySelectorAll(selector)].filter((one) => !one.closest("[data-quoted]"));
  const words = (root) => ({
    path: root.querySelector("a[rel=bookmark]").getAttribute("href"),
    author: root.querySelector("a[rel=author]").textContent,
    created_at: root.querySelector("time").dateTime,
    text: root.querySelector("p[data-text]").textContent,
  });
  const quoted = article.querySelector("[data-quoted]");
  return {
    id: article.dataset.postId,
    promoted: "promoted" in article.dataset,
    context: article.querySelector("[data-social-context]")?.textContent ?? null,
    picture: article.querySelector("img.picture")?.alt ?? null,
    label: own("[role=group]")[0].getAttribute("aria-label"),
    counts: own("[role=group] > *").map((one) => one.textContent),
    quoted: quoted && words(quoted),
    ...words(article),
  };
})"""

IS_READY = '() => document.querySelector("main")?.getAttribute("aria-busy") === "false"'


def chromium_executable() -> str | None:
    """Give the Chromium to test with, None for Playwright's own."""
    named = os.environ.get("TIDEGATE_CHROMIUM")
    places = (named, "/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium")
    return next((place for place in places if place and Path(place).exists()), None)


@pytest.fixture(scope="session")
async def site() -> AsyncIterator[DemoSite]:
    async with DemoSite(seed=7) as running:
        yield running


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_executable(), args=arguments)
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context()
    yield await context.new_page()
    await context.close()


@pytest.fixture
def show(page: Page) -> Callable[[str], Awaitable[list[dict[str, Any]]]]:
    """Open an address, wait until it is no longer busy, and read its articles."""

    async def open_and_read(url: str) -> list[dict[str, Any]]:
        await page.goto(url)
        await page.wait_for_function(IS_READY)
        articles: list[dict[str, Any]] = await page.evaluate(READ)
        return articles

    return open_and_read
