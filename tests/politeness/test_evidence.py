"""What is kept of pages that were not what was asked for."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from browser_pool import Lease
from scraper.addresses import AddressPolicy
from scraper.definition import Definition
from scraper.evidence import EvidenceFolder, _bytes_in, saved_page, told_beside
from scraper.outcome import Outcome
from scraper.page import SavedPage, open_page
from scraper.records import Response
from scraper.visit import Visitor, VisitSettings

Serve = Callable[[str | bytes | dict[str, str]], Awaitable[str]]

WALL = (
    "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<title>Ho</title><main data-state='login-wall'>please log in</main>"
)


def names_in(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def visitor_with(evidence: EvidenceFolder | None) -> Visitor:
    return Visitor(
        AddressPolicy(allow_private=True), VisitSettings(page_seconds=10, heed_robots=False, evidence=evidence)
    )


@pytest.mark.browser
async def test_a_page_in_the_way_leaves_its_html_a_screenshot_and_what_was_made_of_it(
    lane: Lease, demo: Definition, serve: Serve, tmp_path: Path
) -> None:
    address = await serve(WALL)
    url = f"{address}/@ada/post/7"
    report = await visitor_with(EvidenceFolder(tmp_path)).read(lane, url, demo)
    assert report.outcome is Outcome.LOGIN_WALL
    place = Path(report.evidence["kept"])
    assert place.parent == tmp_path
    assert "please log in" in (place / "page.html").read_text("utf-8")
    assert (place / "page.webp").read_bytes()[:4] == b"RIFF"
    told = json.loads((place / "report.json").read_text("utf-8"))
    assert (told["url"], told["outcome"], told["title"]) == (url, "login_wall", "Ho")
    assert told["tell_tale"] == "the demo site asks for a login"

    again = await open_page(lane, url, demo, timeout_seconds=10, saved=SavedPage((place / "page.html").read_bytes()))
    assert (again.outcome, again.reason) == (report.outcome, report.reason)
    told_again = told_beside(place / "page.html")
    assert told_again is not None
    assert abs((datetime.now(UTC) - told_again.read_at).total_seconds()) < 600


@pytest.mark.browser
async def test_what_the_page_had_asked_for_is_kept_and_read_again(
    lane: Lease, demo: Definition, tmp_path: Path
) -> None:
    asked = [Response("https://a.example/x", '{"posts": [{"id": "7", "views": 12}]}')]
    kept = await EvidenceFolder(tmp_path).keep(
        lane,
        site="demo",
        outcome=Outcome.TIMEOUT,
        url="u",
        report={},
        responses=asked,
    )
    assert kept is not None
    page = kept / "page.html"
    saved = saved_page(page, b"<p>")
    assert saved.responses == tuple(asked)
    assert saved.read_at is not None
    assert saved_page(tmp_path / "page.html", b"<p>") == SavedPage(b"<p>")


@pytest.mark.browser
async def test_what_was_asked_for_or_never_opened_leaves_nothing(
    lane: Lease, demo: Definition, serve: Serve, tmp_path: Path
) -> None:
    address = await serve(
        "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<article data-post-id=7><a rel=author href=/@ada>Ada</a>"
        "<div role=group aria-label='2 likes'></div></article>"
    )
    visitor = visitor_with(EvidenceFolder(tmp_path))
    assert (await visitor.read(lane, f"{address}/@ada/post/7", demo)).outcome is Outcome.OK
    assert (await visitor.read(lane, "ftp://127.0.0.1/@ada/post/7", demo)).outcome is Outcome.REFUSED_URL
    assert names_in(tmp_path) == []


@pytest.mark.browser
async def test_where_none_is_wanted_none_is_kept(lane: Lease, demo: Definition, serve: Serve) -> None:
    report = await visitor_with(None).read(lane, f"{await serve(WALL)}/@ada/post/7", demo)
    assert (report.outcome, "kept" in report.evidence) == (Outcome.LOGIN_WALL, False)


@pytest.mark.browser
async def test_the_oldest_go_first_and_foreign_files_stay(
    lane: Lease, demo: Definition, serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me", "utf-8")
    (tmp_path / "20200101T000000000000-demo-blocked-abcdef").mkdir()
    (tmp_path / "20200101T000000000000-demo-blocked-abcdef" / "page.html").write_bytes(b"x" * 5000)
    address = await serve(WALL)
    visitor = visitor_with(EvidenceFolder(tmp_path, keep_bytes=1))
    await visitor.read(lane, f"{address}/@ada/post/7", demo)
    report = await visitor.read(lane, f"{address}/@ada/post/7", demo)
    assert names_in(tmp_path) == sorted(["notes", Path(report.evidence["kept"]).name])


def write(folder: EvidenceFolder, number: int) -> Path:
    told = {"url": f"u{number}", "site": "demo", "outcome": "blocked"}
    return folder._write(datetime.now(UTC), told, "x" * 2000, None, ())


def test_many_who_keep_at_once_in_a_full_folder_lose_nothing_that_is_being_written(tmp_path: Path) -> None:
    folder, kept, problems = EvidenceFolder(tmp_path, keep_bytes=20_000), list[Path](), list[Exception]()

    def keep(worker: int) -> None:
        for number in range(40):
            try:
                kept.append(write(folder, worker * 1000 + number))
            except Exception as error:  # noqa: BLE001 counted
                problems.append(error)

    workers = [threading.Thread(target=keep, args=(worker,)) for worker in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert (len(kept), problems) == (160, [])
    assert names_in(tmp_path) == sorted(place.name for place in kept)[-len(names_in(tmp_path)) :]
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.*") if file.is_file()) <= 20_000


def test_what_another_process_removes_meanwhile_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real, removed = EvidenceFolder(tmp_path, keep_bytes=5000), _bytes_in, list[Path]()

    def measured(place: Path) -> int:
        if not removed:
            removed.append(place)
            shutil.rmtree(place)
        return real(place)

    for number in range(2):
        write(folder, number)
    monkeypatch.setattr("scraper.evidence._bytes_in", measured)
    last = write(folder, 9)
    assert not removed[0].exists()
    assert last.name in names_in(tmp_path)


def test_room_that_can_not_be_made_costs_nothing_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError("not yours")

    folder = EvidenceFolder(tmp_path, keep_bytes=1)
    write(folder, 1)
    monkeypatch.setattr("scraper.evidence.shutil.rmtree", fail)
    assert (write(folder, 2) / "page.html").is_file()


def test_links_in_the_folder_lead_nobody_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "page.html").write_bytes(b"x" * 90_000)
    folder = EvidenceFolder(tmp_path / "evidence", keep_bytes=20_000)
    first = write(folder, 1)
    (folder.folder / "20200101T000000000000-demo-blocked-abcdef").symlink_to(tmp_path / "elsewhere")
    (first / "more.html").symlink_to(tmp_path / "elsewhere" / "page.html")
    last = write(folder, 2)
    assert (tmp_path / "elsewhere" / "page.html").stat().st_size == 90_000
    assert {first.name, last.name} <= set(names_in(folder.folder))


@pytest.mark.browser
async def test_without_room_in_memory_there_is_no_screenshot_but_the_rest(
    lane: Lease, demo: Definition, serve: Serve, tmp_path: Path
) -> None:
    report = await visitor_with(EvidenceFolder(tmp_path, has_room=lambda: False)).read(
        lane, f"{await serve(WALL)}/@ada/post/7", demo
    )
    assert names_in(Path(report.evidence["kept"])) == ["page.html", "report.json"]


@pytest.mark.browser
async def test_a_folder_that_can_not_be_written_costs_the_evidence_and_not_the_outcome(
    lane: Lease, demo: Definition, serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    report = await visitor_with(EvidenceFolder(tmp_path / "file")).read(
        lane, f"{await serve(WALL)}/@ada/post/7", demo
    )
    assert (report.outcome, "kept" in report.evidence) == (Outcome.LOGIN_WALL, False)
