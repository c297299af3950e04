"""The dashboard's page, in the real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.needs import rest_slow
from tests.tidegate.dashboard.conftest import Shown
from tests.tidegate.dashboard.test_site import NASTY, wait_for_draft

pytestmark = [pytest.mark.database, pytest.mark.browser]

if TYPE_CHECKING:
    from playwright.async_api import Page

PATIENCE_SECONDS = 20
WIDE, PHONE = (1200, 900), (360, 740)


@pytest.fixture
async def page(shown: Shown) -> AsyncIterator[Page]:
    """The page, open, with a draft that waits and text of strangers that would like to run."""
    await wait_for_draft(shown.database, NASTY)
    async with shown.pool.lease(site="dashboard", deadline=120, needs_page=True) as lease:
        said: list[str] = []
        lease.page.on("console", lambda message: said.append(message.text))
        lease.page.on("pageerror", lambda error: said.append(str(error)))
        await lease.page.goto(shown.dashboard.url)
        await lease.page.wait_for_selector("#draft-list button")
        yield lease.page
        # A policy that is broken, or a script that fails, is said there. An answer that is no 200 may be meant.
        assert [text for text in said if not text.startswith("Failed to load resource")] == []


async def test_it_shows_what_is_and_runs_nothing_of_what_strangers_wrote(page: Page, shown: Shown) -> None:
    assert NASTY in await page.inner_text("#draft-list")
    assert NASTY in await page.inner_text("#opportunity-list")
    assert await page.locator("#opportunity-list img, #opportunity-list script").count() == 0
    assert await page.locator("a[href^='javascript']").count() == 0
    assert "owned" not in await page.title()
    assert "MiB" in await page.inner_text("#memory-now")
    assert "tidy" in await page.inner_text("#job-rows")
    # The page itself is looked at by a lease.
    assert "dashboard" in await page.inner_text("#leases")


async def test_a_draft_is_approved_by_keyboard(page: Page, shown: Shown) -> None:
    await page.get_by_role("button", name="Approve draft 1").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#draft-list :text('Nothing waits.')")
    assert await shown.database.pool.fetchval("select state from drafts") == "approved"


@pytest.mark.slow
async def test_a_button_keeps_the_focus_while_the_page_goes_on(page: Page) -> None:
    await page.get_by_role("button", name="Pause tidy").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#job-rows :text('paused')")
    assert await page.evaluate("document.activeElement.textContent") == "Resume"


@pytest.mark.slow
async def test_what_strangers_are_called_does_not_turn_the_numbers_beside_it(page: Page, shown: Shown) -> None:
    await shown.database.pool.execute("update opportunities set author = e'\\u202egnp.exe', likes = 12345")
    await page.wait_for_selector("#opportunity-list :text('12,345')")
    isolated = "one => getComputedStyle(one).unicodeBidi"
    for one in await page.locator("#opportunity-list a, #opportunity-list span, #opportunity-list blockquote").all():
        assert await one.evaluate(isolated) == "isolate"


@pytest.mark.slow
async def test_after_a_decision_the_focus_is_where_one_goes_on(page: Page) -> None:
    await page.get_by_role("button", name="Reject draft 1").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#draft-list :text('Nothing waits.')")
    assert await page.evaluate("document.activeElement.id") == "drafts-title"


@pytest.mark.slow
async def test_a_tab_that_nobody_looks_at_holds_no_connection(page: Page) -> None:
    hide = "is => { Object.defineProperty(document, 'hidden', {value: is, configurable: true});"
    await page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    assert await page.evaluate("events === null")
    await page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    assert await page.evaluate("events.readyState") in {0, 1}


async def test_what_was_not_done_is_said(page: Page, shown: Shown) -> None:
    await shown.database.pool.execute("update drafts set state = 'expired'")
    await page.get_by_role("button", name="Reject draft 1").click()
    await page.wait_for_selector("#trouble:not([hidden])")
    assert "draft 1" in await page.inner_text("#trouble")


async def test_a_page_at_work_can_be_looked_at(page: Page) -> None:
    await page.get_by_role("button", name="Look at the page of lease").click()
    await page.wait_for_selector("#picture-image:not([hidden])")
    assert await page.locator("#picture-image").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    await page.keyboard.press("Escape")
    assert not await page.locator("#picture").evaluate("dialog => dialog.open")


@pytest.mark.parametrize("size", rest_slow((PHONE, WIDE)))
@pytest.mark.parametrize("scheme", rest_slow(("light", "dark")))
async def test_it_fits_any_screen_and_can_be_read_on_it(page: Page, size: tuple[int, int], scheme: str) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    # A path of a cgroup has no place to break at.
    await page.evaluate("document.getElementById('memory-says').textContent = 'x'.repeat(400)")
    assert await page.evaluate("document.documentElement.scrollWidth") == size[0]
    dim = await page.evaluate(CONTRASTS)
    assert dim == []


async def test_everything_that_acts_has_a_name_and_every_part_a_heading(page: Page) -> None:
    unnamed = await page.evaluate(
        "[...document.querySelectorAll('button, a')].filter(one => !(one.getAttribute('aria-label') ||"
        " one.textContent).trim()).map(one => one.outerHTML)"
    )
    assert unnamed == []
    for section in await page.locator("main > section").all():
        title = await section.get_attribute("aria-labelledby")
        assert await page.locator(f"h2#{title}").count() == 1
    names = await page.evaluate(
        "[...document.querySelectorAll('[role=region], section')].map(one => one.getAttribute('aria-label') ||"
        " document.getElementById(one.getAttribute('aria-labelledby')).textContent)"
    )
    assert len(names) == len(set(names))


@pytest.mark.slow
async def test_when_nobody_answers_the_page_says_so(page: Page, shown: Shown) -> None:
    await page.route("**/events", lambda route: route.abort())
    # A browser that comes back to a server that is gone.
    await page.evaluate("document.getElementById('ready').textContent = ''")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await page.reload()
        await page.wait_for_selector("#ready:text('not connected')")


CONTRASTS = """
() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const dim = [];
  for (const node of document.querySelectorAll("body *")) {
    const has_text = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!has_text || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) dim.push(`${ratio.toFixed(2)} ${node.outerHTML.slice(0, 80)}`);
  }
  return dim;
}
"""
