"""What is kept of a login: whose file it is, when it is worn, and that it gives nothing away."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from browser_pool import ChromiumNotFound, IdentityRefused
from browser_pool.identity import DEFAULT_IDENTITY, Cookie, StorageState
from scraper.definitions import Definitions
from scraper.outcome import Outcome, reason_with_session
from scraper.page import PageReport
from scraper.post import Post
from tidegate.errors import UsageError
from tidegate.login import Ruling, Trial, ruled, what_to_log_in_to
from tidegate.login_view import session_rows, span
from tidegate.sessions import Session, SessionRefused, Sessions, first_to_go
from tidegate.window import full_chromium, why_no_display

SECRET = "not-for-other-eyes"
LATER = 4_102_444_800
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def state(value: str = SECRET, **fields: Any) -> dict[str, Any]:
    cookie = {"name": "who", "value": value, "domain": "pier.example", "path": "/", "expires": LATER} | fields
    return {"cookies": [cookie], "origins": []}


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


def keep(sessions: Sessions, site: str = "pier", value: str = SECRET) -> Path:
    with sessions.trying(site, state(value)) as candidate:
        candidate.keep()
    return sessions.path_of(site)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "data" / "sessions")


def test_who_has_not_logged_in_is_nobody(sessions: Sessions) -> None:
    assert sessions.identity_of("pier") is DEFAULT_IDENTITY
    assert not sessions.folder.exists()
    keep(sessions)
    assert sessions.identity_of("quay") is DEFAULT_IDENTITY
    assert sessions.identity_of("../pier") is DEFAULT_IDENTITY


def test_a_session_is_its_owners_alone(sessions: Sessions) -> None:
    old = os.umask(0)
    try:
        path = keep(sessions)
        with sessions.trying("pier", state()) as candidate:
            assert candidate.identity.storage_state is not None
            assert mode(candidate.identity.storage_state) == 0o600
    finally:
        os.umask(old)
    assert (mode(path), mode(sessions.folder)) == (0o600, 0o700)
    assert json.loads(path.read_bytes()) == state()


def test_what_is_worn_is_what_was_kept(sessions: Sessions) -> None:
    keep(sessions)
    assert sessions.identity_of("pier").read_storage().cookies[0].value == SECRET


def test_a_new_login_is_another_identity_and_the_same_login_the_same(sessions: Sessions) -> None:
    keep(sessions, value="a")
    first = sessions.identity_of("pier")
    assert sessions.identity_of("pier") == first
    keep(sessions, value="b")
    assert sessions.identity_of("pier") != first


def test_what_was_copied_over_it_is_another_identity(sessions: Sessions, tmp_path: Path) -> None:
    path = keep(sessions)
    first = sessions.identity_of("pier")
    copy = tmp_path / "copy.json"
    shutil.copy2(path, copy)
    copy.write_text(path.read_text().replace(SECRET, SECRET[::-1]))
    os.utime(copy, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    shutil.copy2(copy, path)
    assert sessions.identity_of("pier") != first


def test_neither_a_name_nor_a_picture_of_it_has_a_secret(sessions: Sessions) -> None:
    keep(sessions)
    with sessions.trying("pier", state()) as candidate:
        told = f"{candidate!r} {sessions!r} {sessions.identity_of('pier')!r} {sessions.kept()!r}"
    assert SECRET not in told


@pytest.mark.parametrize("loose", (0o640, 0o604, 0o620, 0o610))
def test_one_that_others_may_read_is_not_worn(loose: int, sessions: Sessions) -> None:
    path = keep(sessions)
    path.chmod(loose)
    with pytest.raises(SessionRefused, match=f"chmod 600 {path}"):
        sessions.identity_of("pier")
    [told] = sessions.kept()
    assert "chmod 600" in str(told.problem)
    path.chmod(0o600)
    assert sessions.identity_of("pier").storage_state == path


def test_a_link_is_not_worn_and_to_forget_it_spares_what_it_leads_to(sessions: Sessions, tmp_path: Path) -> None:
    keep(sessions, "quay")
    sessions.path_of("quay").rename(tmp_path / "elsewhere.json")
    sessions.path_of("pier").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(SessionRefused, match="is a link"):
        sessions.identity_of("pier")
    assert sessions.remove("pier")
    assert (tmp_path / "elsewhere.json").exists()


def test_a_folder_in_its_place_is_not_worn(sessions: Sessions) -> None:
    sessions.prepare("pier")
    sessions.path_of("pier").mkdir()
    with pytest.raises(IdentityRefused, match="is no file"):
        sessions.identity_of("pier")


def test_one_that_was_tried_and_not_kept_leaves_the_old_one_and_nothing_else(sessions: Sessions) -> None:
    path = keep(sessions, value="old")
    before = sessions.identity_of("pier")
    with sessions.trying("pier", state("new")) as candidate:
        assert candidate.identity.read_storage().cookies[0].value == "new"
        assert candidate.identity != before
    assert sessions.identity_of("pier") == before
    assert [one.name for one in sessions.folder.iterdir()] == [path.name]


def test_an_error_while_it_is_tried_leaves_nothing_either(sessions: Sessions) -> None:
    with pytest.raises(KeyError), sessions.trying("pier", state()):
        raise KeyError
    assert list(sessions.folder.iterdir()) == []


def test_what_a_killed_login_left_behind_is_swept_by_the_next(sessions: Sessions) -> None:
    sessions.prepare("pier")
    left, young = sessions.folder / "pier.abc.tried", sessions.folder / "quay.abc.tried"
    for path in (left, young):
        path.write_text("{}")
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    keep(sessions)
    assert (left.exists(), young.exists()) == (False, True)


def test_to_forget_a_site_forgets_what_was_tried_too(sessions: Sessions) -> None:
    keep(sessions)
    (sessions.folder / "pier.abc.tried").write_text("{}")
    (sessions.folder / "pier-two.abc.tried").write_text("{}")
    assert sessions.remove("pier")
    assert [path.name for path in sessions.folder.iterdir()] == ["pier-two.abc.tried"]
    assert not sessions.remove("pier")
    assert sessions.identity_of("pier") is DEFAULT_IDENTITY


def test_a_place_that_can_not_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SessionRefused, match="can't be written to"):
        Sessions(tmp_path / "file" / "sessions").prepare("pier")
    assert Sessions(tmp_path / "file" / "sessions").identity_of("pier") is DEFAULT_IDENTITY


def test_what_is_there_is_told_without_values(sessions: Sessions) -> None:
    keep(sessions)
    keep(sessions, "quay")
    sessions.path_of("quay").write_text(f"{{{SECRET}")
    pier, quay = sessions.kept()
    assert (pier.site, pier.first_to_go, pier.problem) == ("pier", "who", None)
    assert pier.runs_out_at == datetime.fromtimestamp(LATER, UTC)
    assert "no JSON" in str(quay.problem)
    assert SECRET not in repr(session_rows([pier, quay], NOW))


def cookies(*told: tuple[str, float, bool]) -> StorageState:
    made = (Cookie(name=name, value="v", domain="d", expires=end, httpOnly=only) for name, end, only in told)
    return StorageState(cookies=tuple(made))


@pytest.mark.parametrize(
    ("told", "first"),
    (
        ((), None),
        ((("a", -1, True),), None),
        ((("a", 30, True), ("b", 20, True), ("c", -1, True)), "b"),
        ((("a", 30, True), ("seen", 10, False)), "a"),
        ((("a", 30, False), ("b", 20, False)), "b"),
        ((("a", 30, True), ("__cf_bm", 5, True)), "a"),
    ),
)
def test_the_cookie_that_a_login_ends_with(told: Any, first: str | None) -> None:
    found = first_to_go(cookies(*told))
    assert (found.name if found else None) == first


def test_an_end_that_no_calendar_knows_is_no_trouble(sessions: Sessions) -> None:
    with sessions.trying("pier", state(expires=1e20)) as candidate:
        candidate.keep()
    [told] = sessions.kept()
    assert told.runs_out_at is not None


def test_a_list_says_how_old_they_are_and_which_have_run_out() -> None:
    young = Session("pier", NOW - timedelta(hours=5), NOW + timedelta(days=2), "who")
    gone = Session("quay", NOW - timedelta(days=40), NOW - timedelta(days=1), "who")
    first, second = session_rows([young, gone], NOW)
    assert (first["age"], first["problem"]) == ("5 hours", None)
    assert second["age"] == "40 days"
    assert "tidegate login quay" in second["problem"]
    assert [span(timedelta(seconds=seconds)) for seconds in (0, 59, 60, 86_400)] == [
        "moments", "moments", "1 minute", "1 day",
    ]  # fmt: skip


def report(outcome: Outcome, posts: int = 0) -> PageReport:
    read = tuple(Post(str(number), "pier", "only") for number in range(posts))
    return PageReport(outcome, f"it is {outcome.value}", "https://pier.example/", "https://pier.example/", posts=read)


WALL, OK_20, OK_30, EMPTY = (
    report(Outcome.LOGIN_WALL),
    report(Outcome.OK, 20),
    report(Outcome.OK, 30),
    report(Outcome.EMPTY),
)


@pytest.mark.parametrize(
    ("pairs", "ruling", "said"),
    (
        ([(WALL, OK_20)], Ruling.KEEP, "which is login_wall without it"),
        ([(OK_20, OK_30)], Ruling.KEEP, "it shows more"),
        ([(WALL, EMPTY)], Ruling.KEEP, "opens"),
        ([(WALL, WALL)], Ruling.REFUSE, "still login_wall (it is login_wall)"),
        ([(OK_20, report(Outcome.CONSENT_WALL))], Ruling.REFUSE, "consent_wall"),
        ([(OK_20, report(Outcome.BLOCKED))], Ruling.REFUSE, "blocked"),
        ([(WALL, report(Outcome.CRASHED))], Ruling.REFUSE, "crashed"),
        ([(WALL, OK_20), (WALL, WALL)], Ruling.REFUSE, "still login_wall"),
        ([(OK_20, OK_20)], Ruling.DOUBT, "no difference"),
        ([(OK_30, OK_20)], Ruling.DOUBT, "less"),
        ([(WALL, OK_20), (OK_30, OK_20)], Ruling.DOUBT, "less"),
        ([(WALL, report(Outcome.TIMEOUT))], Ruling.DOUBT, "can't be told"),
        ([(WALL, report(Outcome.RATE_LIMITED))], Ruling.DOUBT, "can't be told"),
        ([(OK_20, OK_20), (WALL, OK_20)], Ruling.KEEP, "opens"),
    ),
)
def test_a_session_is_kept_for_what_it_opens(
    pairs: list[tuple[PageReport, PageReport]], ruling: Ruling, said: str
) -> None:
    decided, because = ruled([Trial("https://pier.example/", without, worn) for without, worn in pairs])
    assert decided is ruling
    assert said in because


def test_a_login_wall_before_a_session_says_how_to_renew_it() -> None:
    worn = reason_with_session(Outcome.LOGIN_WALL, "a wall", site="pier", wears_session=True)
    assert worn == "a wall; the session has run out: `tidegate login pier` renews it"
    assert reason_with_session(Outcome.LOGIN_WALL, "a wall", site="pier", wears_session=False) == "a wall"
    assert reason_with_session(Outcome.BLOCKED, "no", site="pier", wears_session=True) == "no"


def test_where_the_window_opens_and_what_is_tried() -> None:
    definitions = Definitions.builtin()
    plan = what_to_log_in_to(definitions, "hackernews", url=None, test=None)
    assert plan.url == "https://news.ycombinator.com/"
    assert plan.pages == definitions.by_name("hackernews").check.pages
    named = what_to_log_in_to(definitions, "x", url="https://x.com/login", test="https://x.com/home")
    assert (named.url, named.pages) == ("https://x.com/login", ("https://x.com/home",))
    for wrong, words in (
        ({"url": "javascript:alert(1)", "test": None}, "no web address"),
        ({"url": None, "test": "https://pier.example/"}, "no page of hackernews"),
    ):
        with pytest.raises(UsageError, match=words):
            what_to_log_in_to(definitions, "hackernews", **wrong)


def test_a_site_without_pages_to_try_asks_for_one_before_anything_opens() -> None:
    definitions = Definitions.builtin()
    bare = next(one for one in definitions if not one.check.pages)
    with pytest.raises(UsageError, match="--test"):
        what_to_log_in_to(definitions, bare.name, url="https://pier.example/", test=None)


@pytest.mark.parametrize(
    ("environment", "platform", "is_seen"),
    (
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "linux", False),
        ({}, "darwin", True),
    ),
)
def test_a_window_needs_a_screen(environment: dict[str, str], platform: str, *, is_seen: bool) -> None:
    assert (why_no_display(environment, platform) is None) is is_seen


def test_a_headless_shell_that_is_set_is_not_taken_for_a_window(tmp_path: Path) -> None:
    shell, full = tmp_path / "chromium-headless-shell", tmp_path / "chromium"
    for path in (shell, full):
        path.write_text("")
        path.chmod(0o755)
    assert full_chromium(full) == full
    with suppress(ChromiumNotFound):
        assert full_chromium(shell) != shell
