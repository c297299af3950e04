"""The demo site's login, and what only members see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page

from tidegate.demo import DemoSite
from tidegate.demo.members import COOKIE, LOCAL_ITEM, PASSWORD, USER, Members

Show = Callable[[str], Awaitable[list[dict[str, Any]]]]


def test_only_who_knows_the_password_is_admitted() -> None:
    members = Members()
    for form in ("", "user=&password=", f"user={USER}", f"user={USER}&password=x", f"user={USER}&user=x&password=y"):
        assert members.admit(form) is None
    first, second = (members.admit(f"user={USER}&password={PASSWORD}") for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.cookie != second.cookie
    assert members.knows(first.cookie)
    assert not members.knows(None)
    assert not members.knows(first.entry)


@pytest.mark.browser
async def test_members_see_posts_and_others_a_wall(site: DemoSite, page: Page, show: Show) -> None:
    assert await show(f"{site.url}/members") == []
    assert await page.locator("main").get_attribute("data-state") == "login-wall"
    assert len(await show(f"{site.url}/")) > 0
    await page.goto(f"{site.url}/login")
    assert f"The user is {USER}, the password {PASSWORD}." in await page.locator("main").inner_text()
    await page.fill("input[name=user]", USER)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main button")
    await page.get_by_text("You are logged in").wait_for()
    assert len(await show(f"{site.url}/members")) > 0


@pytest.mark.browser
async def test_a_login_leaves_a_cookie_that_no_script_reads_and_an_entry(site: DemoSite, page: Page) -> None:
    await page.goto(f"{site.url}/login?itself")
    await page.get_by_text("You are logged in").wait_for()
    [cookie] = await page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"]) == (COOKIE, True)
    assert await page.evaluate("document.cookie") == ""
    entry = await page.evaluate("name => localStorage.getItem(name)", LOCAL_ITEM)
    assert entry
    html = await page.content()
    assert entry not in html
    assert cookie["value"] not in html


@pytest.mark.browser
async def test_a_wrong_password_is_told(site: DemoSite, page: Page) -> None:
    response = await page.request.post(f"{site.url}/login", form={"user": USER, "password": "x"})
    assert response.status == 403
    assert "That is not it." in await response.text()
    assert "set-cookie" not in response.headers
