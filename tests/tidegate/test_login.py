"""`tidegate login`, with a window on a screen of our own. The person is a page that logs in by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.headed import display, screen, windowed_chromium  # noqa: F401 fixtures
from tests.tidegate.window_hand import close_windows
from tidegate.demo import DemoSite
from tidegate.demo_run import FOLDER
from tidegate.sessions import Sessions

pytestmark = pytest.mark.processes

PATIENCE_SECONDS = 120.0

Said = tuple[int, str]
"""Exit code, and all that was written."""


class User:
    """Somebody at a terminal, with a data folder of their own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.sessions = Sessions(folder / "sessions")
        self.file = self.sessions.path_of("demo")
        own = {"TIDEGATE_DATA_DIR": str(folder), "TIDEGATE_SITES_DIR": str(FOLDER), "TIDEGATE_ALLOW_PRIVATE": "1"}
        self._environment = {**os.environ, **own, "COLUMNS": "200", **environment}
        self._begun: list[asyncio.subprocess.Process] = []

    async def begins(self, *words: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tidegate.cli", *words),
            env=self._environment,
            cwd=self.folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._begun.append(process)
        return process

    async def leaves(self) -> None:
        """End what a test that failed has left running."""
        for process in self._begun:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def says(self, *words: str) -> Said:
        return await said_by(await self.begins(*words))

    @property
    def secrets(self) -> list[str]:
        """What must be seen nowhere."""
        state = json.loads(self.file.read_bytes())
        items = [item["value"] for origin in state["origins"] for item in origin["localStorage"]]
        return [cookie["value"] for cookie in state["cookies"]] + items


async def said_by(process: asyncio.subprocess.Process, keys: bytes = b"") -> Said:
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate(keys)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def logged_in(site: DemoSite) -> None:
    """Wait until the page after the next login has come and done what it does."""
    await until_asked(site, "images")


async def until_asked(site: DemoSite, kind: str) -> None:
    """Wait until the site is asked for one more of a kind."""
    before = (await site.stats())["requests"][kind]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await site.stats())["requests"][kind] == before:  # noqa: ASYNC110 another process has no event
            await asyncio.sleep(0.05)


@pytest.fixture
async def site() -> AsyncIterator[DemoSite]:
    async with DemoSite(seed=7, posts=40) as running:
        yield running


@pytest.fixture
async def user(display: str, windowed_chromium: Path, tmp_path: Path) -> AsyncIterator[User]:  # noqa: F811 the fixtures
    user = User(tmp_path, DISPLAY=display)
    yield user
    await user.leaves()


def words_for(site: DemoSite, login: str = "/login?itself", test: str = "/members") -> tuple[str, ...]:
    return ("login", "demo", "--url", f"{site.url}{login}", "--test", f"{site.url}{test}")


async def log_in(user: User, site: DemoSite, **pages: str) -> Said:
    process = await user.begins(*words_for(site, **pages))
    await logged_in(site)
    return await said_by(process, b"\n")


@pytest.mark.browser
async def test_a_login_is_tried_kept_worn_and_forgotten(user: User, site: DemoSite) -> None:
    code, out = await log_in(user, site)
    assert code == 0, out
    assert "login_wall" in out
    assert f"is kept in {user.file}: it opens {site.url}/members, which is login_wall without it" in out
    assert (user.file.stat().st_mode & 0o777, user.sessions.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [one.name for one in user.sessions.folder.iterdir()] == ["demo.json"]
    assert len(user.secrets) == 2

    code, out = await user.says("login", "--list", "--json")
    [listed] = json.loads(out)
    assert (code, listed["site"], listed["first_to_go"], listed["problem"]) == (0, "demo", "shoal_session", None)

    for words in (("scrape", f"{site.url}/members"), ("scrape", f"{site.url}/members", "--feed", "--limit", "25")):
        code, out = await user.says(*words, "--format", "jsonl", "--verbose")
        assert code == 0, out
        assert len([line for line in out.splitlines() if '"post_id"' in line or '"author"' in line]) >= 20
        assert not any(secret in out for secret in user.secrets)

    code, out = await user.says("site", "check", "demo", f"{site.url}/members", "--json")
    assert (code, json.loads(out)[0]["pages"][0]["outcome"]) == (0, "ok")
    code, out = await user.says("harvest", f"{site.url}/members", "--all", "--format", "json")
    assert code == 0, out

    code, out = await user.says("login", "demo", "--forget")
    assert code == 0
    assert f"removed {user.file}" in out
    code, out = await user.says("scrape", f"{site.url}/members")
    assert code == 1
    assert "asks for a login" in out
    assert "tidegate login" not in out


@pytest.mark.browser
async def test_a_window_that_is_closed_is_a_login_that_is_done(user: User, site: DemoSite, display: str) -> None:  # noqa: F811
    process = await user.begins(*words_for(site))
    await logged_in(site)
    assert close_windows(display)
    code, out = await said_by(process)
    assert code == 0, out
    assert len(user.secrets) == 2


@pytest.mark.browser
async def test_a_session_that_opens_nothing_does_not_replace_the_old_one(user: User, site: DemoSite) -> None:
    with user.sessions.trying("demo", {"cookies": [], "origins": []}) as old:
        old.keep()
    before = user.file.read_bytes()
    process = await user.begins(*words_for(site, login="/login"))
    await until_asked(site, "bundle")
    code, out = await said_by(process, b"\n")
    assert code == 1
    assert "is not kept: with it" in out
    assert "is still login_wall" in out
    assert user.file.read_bytes() == before
    assert [one.name for one in user.sessions.folder.iterdir()] == ["demo.json"]


@pytest.mark.browser
async def test_a_session_that_makes_no_difference_is_kept_only_on_demand(user: User, site: DemoSite) -> None:
    code, out = await log_in(user, site, test="/")
    assert code == 1
    assert "it makes no difference" in out
    assert not user.file.exists()
    process = await user.begins(*words_for(site, test="/"), "--keep", "--json")
    await logged_in(site)
    code, out = await said_by(process, b"\n")
    assert code == 0, out
    told = json.loads(out[out.index("{") :])
    assert (told["kept"], told["file"]) == (True, str(user.file))
    assert {told["pages"][0][way]["outcome"] for way in ("with", "without")} == {"ok"}
    assert user.file.exists()


@pytest.mark.browser
async def test_ctrl_c_changes_nothing(user: User, site: DemoSite) -> None:
    process = await user.begins(*words_for(site))
    await logged_in(site)
    process.send_signal(signal.SIGINT)
    code, _ = await said_by(process)
    assert code == 130
    assert list(user.sessions.folder.iterdir()) == []


@pytest.mark.browser
async def test_a_login_that_is_killed_while_it_is_tried_leaves_the_old_one(user: User, site: DemoSite) -> None:
    with user.sessions.trying("demo", {"cookies": [], "origins": []}) as old:
        old.keep()
    before = user.sessions.identity_of("demo")
    process = await user.begins(*words_for(site))
    await logged_in(site)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not list(user.sessions.folder.glob("*.tried")):  # noqa: ASYNC110 as above
            await asyncio.sleep(0.01)
    process.kill()
    await said_by(process)
    assert user.sessions.identity_of("demo") == before


@pytest.mark.browser
async def test_nothing_that_is_written_anywhere_has_a_secret_in_it(user: User, site: DemoSite) -> None:
    process = await user.begins(*words_for(site), "--verbose")
    await logged_in(site)
    code, out = await said_by(process, b"\n")
    assert code == 0, out
    told = [out]
    # A wall is evidence: with the session on, its page, its picture and its answers are kept.
    code, out = await user.says("scrape", f"{site.url}/members?trouble=login_wall", "--verbose", "--format", "json")
    assert code == 1
    assert "the session has run out: `tidegate login demo` renews it" in out
    told.append(out)
    told += [(await user.says(*words))[1] for words in (("config", "show"), ("login", "--list"))]
    kept = [path for path in user.folder.rglob("*") if path.is_file() and path != user.file]
    assert any(path.name == "report.json" for path in kept)
    for secret in user.secrets:
        assert not any(secret in one for one in told)
        assert [path for path in kept if secret.encode() in path.read_bytes()] == []


@pytest.mark.browser
async def test_a_session_that_others_may_read_stops_the_command_with_what_to_do(user: User, site: DemoSite) -> None:
    with user.sessions.trying("demo", {"cookies": [], "origins": []}) as session:
        session.keep()
    user.file.chmod(0o644)
    code, out = await user.says("scrape", f"{site.url}/")
    assert code == 1
    assert f"chmod 600 {user.file}" in out


@pytest.mark.parametrize("screen_name", ("", ":64999"))
async def test_without_a_screen_it_says_how_to_do_without(screen_name: str, site: DemoSite, tmp_path: Path) -> None:
    user = User(tmp_path, DISPLAY=screen_name, WAYLAND_DISPLAY="")
    code, out = await user.says(*words_for(site))
    assert code == 1
    assert "no window can be opened here" in out
    assert f"copy the file that it names to {user.file}" in out
    assert "mode 0600" in out


async def test_what_can_not_be_meant_is_refused_before_a_window_opens(tmp_path: Path) -> None:
    user = User(tmp_path, DISPLAY="")
    for words, said in (
        (("login",), "which site?"),
        (("login", "nowhere"), "no site is called"),
        (("login", "demo"), "--test"),
        (("login", "demo", "--url", "file:///etc/passwd"), "no web address"),
        (("login", "../demo", "--forget"), "no name of a site"),
        (("login", "demo", "--forget"), "there is no session of demo"),
    ):
        code, out = await user.says(*words)
        assert (code, said in out) == (2, True), out
