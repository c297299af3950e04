"""YouTube: what is read from pages of our own in the shape of its years."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport

ReadFile = Callable[..., Awaitable[PageReport]]
ReadHtml = Callable[..., Awaitable[PageReport]]
PAGES = Path(__file__).parent / "pages" / "youtube"

WATCH = "https://www.youtube.com/watch?v="


@pytest.mark.browser
async def test_the_scripts_of_a_page_say_exactly_what_its_labels_shorten(read_file: ReadFile) -> None:
    report = await read_file("youtube/watch-with-scripts.html", url=f"{WATCH}aB3_dE-9hIj")
    assert report.outcome is Outcome.OK, report.reason
    (video,) = report.posts
    assert (video.views, video.likes, video.replies) == (1234567, 12345, None)
    assert (video.approximate["replies"].low, video.approximate["replies"].high) == (1150, 1299)
    assert video.time == datetime(2024, 5, 6, 14, 8, 9, tzinfo=UTC)
    assert (video.title, video.author, video.author_name) == ("Rope, knots and rain", "bosun", "The Bosun")
    assert video.text == "How to tie one\nin 3 steps"
    assert video.url == f"{WATCH}aB3_dE-9hIj"
    assert video.warnings == ()


@pytest.mark.browser
async def test_the_client_shows_one_video_and_its_comments_whatever_was_open_before_or_stands_beside_it(
    read_file: ReadFile,
) -> None:
    report = await read_file("youtube/watch-client.html", url=f"{WATCH}aB3_dE-9hIj")
    assert report.outcome is Outcome.OK, report.reason
    video, pinned, answer, old = report.posts
    assert (video.id, video.views, video.likes, video.replies) == ("aB3_dE-9hIj", 1234567, 12345, 1204)
    assert (video.author, video.author_name, video.text) == ("bosun", "The Bosun", "How to tie one")
    assert video.time is None
    assert video.time_range is not None
    assert video.time_range.text == "May 6, 2024"
    assert (pinned.id, pinned.parent) == ("UgxAAAAAAAAAAAAAAAB4AaABAg", "aB3_dE-9hIj")
    assert (pinned.pinned, pinned.author, pinned.likes, pinned.text) == (True, "reef", 490, "Mine holds 40 kg.")
    assert (answer.id, answer.parent) == ("UgxAAAAAAAAAAAAAAAB4AaABAg.9x-yZ0", pinned.id)
    assert (answer.pinned, answer.likes) == (False, None)
    assert (old.author, old.author_name, old.likes) == (None, "Old Name", None)
    assert old.approximate["likes"].text == "1.3K"


@pytest.mark.browser
async def test_the_client_of_2021_is_read_in_another_language(read_file: ReadFile) -> None:
    report = await read_file("youtube/watch-of-2021-german.html", url=f"{WATCH}segelSEGEL0")
    (video,) = report.posts
    assert (video.views, video.likes, video.text) == (20408, 1311, "Mit 2 Nadeln")
    assert (video.author, video.author_name) == (None, "Segelmacherin")
    assert video.time_range is not None
    assert video.time_range.text == "03.02.2021"


@pytest.mark.browser
async def test_the_page_of_2018_says_all_of_it_without_any_script(read_file: ReadFile) -> None:
    (video,) = (await read_file("youtube/watch-of-2018.html", url=f"{WATCH}pumpPUMP_01")).posts
    assert (video.views, video.likes, video.author, video.title) == (20408, 311, "bilgeworks", "Bilge pumps")
    assert video.text == "Three pumps\nfor 2 boats"
    assert video.time_range is not None
    assert video.time_range.text == "2018-02-03"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "video", "likes"), (("stream", "liveLIVE_00", 88), ("premiere", "soonSOON_00", None))
)
async def test_who_is_watching_or_waiting_is_no_number_of_views(
    read_file: ReadFile, page: str, video: str, likes: int | None
) -> None:
    report = await read_file(f"youtube/{page}.html", url=WATCH + video)
    assert report.outcome is Outcome.OK, report.reason
    (post,) = report.posts
    assert (post.views, post.likes, dict(post.approximate)) == (None, likes, {})


@pytest.mark.browser
async def test_a_stream_without_its_scripts_has_no_views_either(
    read_html: ReadHtml, definitions: Definitions
) -> None:
    html = (PAGES / "stream.html").read_text("utf-8")
    start, end = html.index("<script>"), html.index("</script>")
    (post,) = (await read_html(definitions.by_name("youtube"), (html[:start] + html[end:]).encode())).posts
    assert (post.views, post.likes) == (None, 88)
    over = html.replace(
        '<meta itemprop="startDate"', '<meta itemprop="endDate" content="2026-01-02"><meta itemprop="x"'
    )
    only_said = over[: over.index("<script>")] + "</body></html>"
    (post,) = (await read_html(definitions.by_name("youtube"), only_said.encode())).posts
    assert post.views == 9000


@pytest.mark.browser
async def test_a_short_is_known_by_its_own_address(read_file: ReadFile) -> None:
    report = await read_file("youtube/short.html", url="https://www.youtube.com/shorts/shrtSHRT_00")
    assert report.outcome is Outcome.OK, report.reason
    assert report.post is not None
    assert (report.post.views, report.post.title, report.post.author_name) == (305, "Heave", "The Bosun")


@pytest.mark.browser
async def test_a_list_has_neither_advertisements_nor_playlists(read_file: ReadFile) -> None:
    report = await read_file("youtube/search.html", url="https://www.youtube.com/results?search_query=knots")
    assert [(post.id, post.title, post.views) for post in report.posts] == [
        ("oneONEone_1", "One knot in 12 views", None),
        ("twoTWOtwo_2", "Harbour, live", None),
        ("newNEWnew_3", "Three knots", 987),
    ]
    first, live, _ = report.posts
    assert (first.author, first.approximate["views"].text) == ("bosun", "14K views")
    assert dict(live.approximate) == {}


@pytest.mark.browser
async def test_another_video_than_the_one_that_was_asked_for_is_not_it(read_file: ReadFile) -> None:
    report = await read_file("youtube/watch-client.html", url=f"{WATCH}OLDOLDOLD00")
    assert (report.outcome, report.posts) == (Outcome.SELECTOR_DRIFT, ())


@pytest.mark.browser
@pytest.mark.parametrize(
    ("page", "video", "outcome"),
    (
        ("unavailable", "goneGONE_00", Outcome.NOT_FOUND),
        ("layout-of-tomorrow", "aB3_dE-9hIj", Outcome.SELECTOR_DRIFT),
    ),
)
async def test_a_page_without_a_readable_video_says_what_it_is(
    read_file: ReadFile, page: str, video: str, outcome: Outcome
) -> None:
    report = await read_file(f"youtube/{page}.html", url=WATCH + video)
    assert (report.outcome, report.posts) == (outcome, ()), report.reason


@pytest.mark.parametrize(
    ("address", "video"),
    (
        (f"{WATCH}aB3_dE-9hIj&t=4s", "aB3_dE-9hIj"),
        ("https://www.youtube.com/watch?app=desktop&v=aB3_dE-9hIj", "aB3_dE-9hIj"),
        ("https://youtu.be/aB3_dE-9hIj?si=x", "aB3_dE-9hIj"),
        ("https://m.youtube.com/shorts/aB3_dE-9hIj", "aB3_dE-9hIj"),
        ("https://www.youtube.com/live/aB3_dE-9hIj?feature=share", "aB3_dE-9hIj"),
        ("https://www.youtube.com/@bosun/videos", None),
        ("https://www.youtube.com/results?search_query=knots", None),
        ("https://www.youtube.com/playlist?list=PLaB3_dE-9hIj", None),
    ),
)
def test_a_video_is_known_by_any_of_its_addresses(definitions: Definitions, address: str, video: str | None) -> None:
    definition = definitions.for_url(address)
    assert isinstance(definition, Definition)
    assert (definition.name, definition.id_in(address)) == ("youtube", video)
