"""Which Chromium is taken, and what is said when there is none, or one that does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser_pool import Chromium, ChromiumNotFound, LaunchFailed, find_chromium
from browser_pool.provision import check_start, provide_chromium


def executable(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one empty folder, no Chromium of Playwright's, and none at the places of this system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "ms-playwright"))
    for names in ("SHELLS", "FULL"):
        found: tuple[str, ...] = getattr(__import__("browser_pool.chromium", fromlist=[names]), names)
        monkeypatch.setattr(f"browser_pool.chromium.{names}", tuple(name for name in found if "/" not in name))
    return folder


def test_the_users_own_goes_first(path_folder: Path, tmp_path: Path) -> None:
    executable(path_folder / "chromium-headless-shell")
    mine = executable(tmp_path / "my browser/chromium")
    assert find_chromium(mine) == Chromium(mine, "setting")


def test_a_setting_that_is_wrong_is_said_and_nothing_else_is_taken(path_folder: Path, tmp_path: Path) -> None:
    executable(path_folder / "chromium")
    text = tmp_path / "notes.txt"
    text.write_text("not a program", encoding="utf-8")
    for wrong in (tmp_path / "nowhere", text, tmp_path):
        with pytest.raises(ChromiumNotFound, match="which is not an executable file") as caught:
            find_chromium(wrong)
        assert str(wrong) in str(caught.value)


def test_then_playwrights_own_the_newest_headless_shell_before_a_full_one(path_folder: Path, tmp_path: Path) -> None:
    executable(path_folder / "chromium-headless-shell")
    own = tmp_path / "ms-playwright"
    full = executable(own / "chromium-1200/chrome-linux/chrome")
    assert find_chromium() == Chromium(full, "playwright")
    older = executable(own / "chromium_headless_shell-1190/chrome-linux/headless_shell")
    assert find_chromium() == Chromium(older, "playwright")
    newer = executable(own / "chromium_headless_shell-1200/chrome-headless-shell-linux64/chrome-headless-shell")
    assert find_chromium() == Chromium(newer, "playwright")


def test_a_newer_build_is_newer_when_its_number_has_a_digit_more(path_folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "ms-playwright"
    executable(own / "chromium_headless_shell-999/chrome-linux/headless_shell")
    newer = executable(own / "chromium_headless_shell-1000/chrome-linux/headless_shell")
    assert find_chromium() == Chromium(newer, "playwright")


def test_then_the_systems_a_headless_shell_before_a_full_one(path_folder: Path) -> None:
    chrome = executable(path_folder / "google-chrome")
    assert find_chromium() == Chromium(chrome, "system")
    full = executable(path_folder / "chromium")
    assert find_chromium() == Chromium(full, "system")
    shell = executable(path_folder / "chromium-headless-shell")
    assert find_chromium() == Chromium(shell, "system")


def test_a_window_needs_a_full_one(path_folder: Path, tmp_path: Path) -> None:
    executable(path_folder / "chromium-headless-shell")
    executable(tmp_path / "ms-playwright/chromium_headless_shell-1200/chrome-linux/headless_shell")
    with pytest.raises(ChromiumNotFound, match="no Chromium with a window found"):
        find_chromium(headed=True)
    full = executable(path_folder / "chromium")
    assert find_chromium(headed=True) == Chromium(full, "system")


def test_without_any_the_error_names_the_places_and_says_how_to_get_one(path_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ChromiumNotFound) as caught:
        find_chromium()
    said = str(caught.value)
    assert str(tmp_path / "ms-playwright") in said
    assert "chromium-headless-shell" in said
    assert "tidegate setup" in said
    assert "TIDEGATE_CHROMIUM=" in said


def test_a_file_that_may_not_be_run_is_not_taken(path_folder: Path, tmp_path: Path) -> None:
    plain = executable(tmp_path / "ms-playwright/chromium_headless_shell-1200/chrome-linux/headless_shell")
    plain.chmod(0o644)
    with pytest.raises(ChromiumNotFound):
        find_chromium()


@pytest.mark.processes
@pytest.mark.parametrize(
    ("script", "said"),
    (
        ("exit 1", "exit code 1"),
        ("echo 'libnss3.so: cannot open shared object file' >&2; exit 127", "libnss3.so"),
        ("echo first; echo last; exit 3", "last"),
    ),
)
def test_one_that_does_not_start_is_told_by_what_it_said(tmp_path: Path, script: str, said: str) -> None:
    fake = executable(tmp_path / "chromium", script)
    with pytest.raises(LaunchFailed) as caught:
        check_start(Chromium(fake, "setting"))
    assert said in caught.value.detail
    assert caught.value.executable == str(fake)


@pytest.mark.processes
def test_one_that_is_no_program_is_told_by_the_system(tmp_path: Path) -> None:
    fake = tmp_path / "chromium"
    fake.write_bytes(b"\x00\x01nothing to run")
    fake.chmod(0o755)
    with pytest.raises(LaunchFailed):
        check_start(Chromium(fake, "setting"))


@pytest.mark.browser
@pytest.mark.processes
def test_one_that_starts_is_provided_and_nothing_is_got(chromium: Path) -> None:
    told: list[str] = []
    assert provide_chromium(chromium, told.append) == Chromium(chromium, "setting")
    assert told == []


@pytest.mark.processes
def test_where_the_users_own_does_not_start_no_other_is_got_behind_their_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tell: object) -> str:
        pytest.fail("nothing may be downloaded or installed")

    monkeypatch.setattr("browser_pool.provision._from_playwright", refuse)
    monkeypatch.setattr("browser_pool.provision._from_packages", refuse)
    with pytest.raises(LaunchFailed, match="exit code 1"):
        provide_chromium(executable(tmp_path / "chromium", "exit 1"), lambda _: None)


def test_a_download_that_fails_is_followed_by_the_package_and_each_problem_is_told(
    path_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("browser_pool.provision._from_playwright", lambda _: "the download failed: no network")
    monkeypatch.setattr("browser_pool.provision._from_packages", lambda _: "not root, and no sudo")
    told: list[str] = []
    with pytest.raises(ChromiumNotFound):
        provide_chromium(None, told.append)
    assert "the download failed: no network" in told
    assert "not root, and no sudo" in told


@pytest.mark.processes
def test_what_the_package_manager_brought_is_taken(path_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(tell: object) -> None:
        executable(path_folder / "chromium-headless-shell")

    monkeypatch.setattr("browser_pool.provision._from_playwright", lambda _: "the download failed")
    monkeypatch.setattr("browser_pool.provision._from_packages", install)
    found = provide_chromium(None, lambda _: None)
    assert found == Chromium(path_folder / "chromium-headless-shell", "system")
