"""Who holds memory: roles by command line, and a real tree."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from memory import ProcessMemory, Role, by_role, total_bytes
from memory.processes import process_tree, role_of

SHELL = "/usr/lib/chromium/chromium-headless-shell"


@pytest.mark.parametrize(
    ("command", "role"),
    (
        (["/usr/bin/python3.11", "-m", "tidegate.cli"], Role.PYTHON),
        (["/opt/tidegate/bin/tidegate", "run"], Role.PYTHON),
        (["/x/playwright/driver/node", "/x/package/cli.js", "run-driver"], Role.DRIVER),
        ([SHELL, "--headless", "--remote-debugging-pipe"], Role.BROWSER),
        (["/root/.cache/ms-playwright/chromium_headless_shell-1/chrome-linux/headless_shell"], Role.BROWSER),
        (["/opt/google/chrome/chrome", "--headless=new"], Role.BROWSER),
        ([SHELL, "--type=renderer", "--lang=en"], Role.RENDERER),
        ([f"{SHELL} --type=renderer --crashpad-handler-pid=9 --lang=en-US"], Role.RENDERER),
        ([f"{SHELL} --type=gpu-process --use-gl=disabled"], Role.GPU),
        ([f"{SHELL} --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en"], Role.NETWORK),
        ([SHELL, "--type=utility", "--utility-sub-type=storage.mojom.StorageService"], Role.OTHER),
        ([f"{SHELL} --type=zygote --no-zygote-sandbox"], Role.OTHER),
        (["/usr/lib/postgresql/18/bin/postgres", "-D", "/data"], Role.POSTGRES),
        (["postgres: checkpointer "], Role.POSTGRES),
        (["/bin/sh", "-c", "wait"], Role.OTHER),
        (["node", "server.js"], Role.OTHER),
        ([""], Role.OTHER),
        ([], Role.OTHER),
    ),
)
def test_a_command_line_tells_the_role(command: list[str], role: Role) -> None:
    assert role_of(command) is role


def test_what_is_held_is_summed_by_role_most_first() -> None:
    rows = [
        ProcessMemory(1, Role.PYTHON, 20, "pss"),
        ProcessMemory(2, Role.RENDERER, 30, "pss"),
        ProcessMemory(3, Role.RENDERER, 40, "pss"),
    ]
    assert list(by_role(rows).items()) == [(Role.RENDERER, 70), (Role.PYTHON, 20)]
    assert total_bytes(rows) == 90
    assert (by_role([]), total_bytes([])) == ({}, 0)


@pytest.mark.browser
async def test_a_real_tree_has_its_roles_and_counts_shared_pages_once(chromium: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        page = await browser.new_page()
        await page.set_content("<p>here</p>")
        rows = await asyncio.to_thread(process_tree)
        await browser.close()
    assert {Role.PYTHON, Role.DRIVER, Role.BROWSER, Role.RENDERER} <= {row.role for row in rows}
    assert all(row.held_bytes > 0 for row in rows if row.role is not Role.OTHER)
    if sys.platform == "linux":
        assert {row.measure for row in rows} == {"pss"}


def test_a_root_that_has_ended_counts_as_nothing() -> None:
    alone = {row.pid for row in process_tree()}
    assert 2**22 + 1 not in {row.pid for row in process_tree([2**22 + 1])}
    assert alone
