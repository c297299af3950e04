"""Real pages that a browser saved, with what a person reads on them. They are no part of this repository."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from scraper.definition import Definition
from scraper.definitions import Definitions
from scraper.outcome import Outcome
from scraper.page import PageReport
from scraper.post import post_as_dict
from scraper.recognition import own_addresses

ReadHtml = Callable[[Definition, bytes, str | None], Awaitable[PageReport]]

FOLDER = Path(os.environ.get("TIDEGATE_SAVED_PAGES", Path(__file__).parents[3] / "shared" / "pages"))
SITES = ("x", "hackernews", "reddit", "youtube", "lobsters", "bluesky", "discourse")
FILES = sorted(file for site in SITES for file in (FOLDER / site).glob("*.html"))
NAMES = [f"{file.parent.name}/{file.stem}" for file in FILES]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not FILES, reason=f"no saved pages in {FOLDER} (TIDEGATE_SAVED_PAGES)"),
]

# What the truth calls a field, where we call it something else.
OURS: dict[str, dict[str, str]] = {
    "x": {},
    "hackernews": {"url": "link", "comments": "replies", "post_url": "url"},
    "reddit": {"comments": "replies", "stickied": "pinned"},
    "youtube": {},
    "lobsters": {"comments": "replies"},
    "bluesky": {},
    "discourse": {},
}
COMPARED = (
    "id", "url", "post_url", "author", "author_name", "text", "title", "time", "rank", "depth", "social_context",
    "pinned", "stickied", "link", "replies", "comments", "reposts", "likes", "bookmarks", "views", "score",
)  # fmt: skip


def plain(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def truth_of(file: Path) -> list[dict[str, Any]]:
    truth = json.loads(file.with_suffix(".truth.json").read_text("utf-8"))
    site = truth["site"]
    posts = [*truth["posts"], *truth.get("comments", [])]
    for post in posts:
        if site == "lobsters" and post.get("time"):
            moment = datetime.strptime(post["time"], "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
            post["time"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if post.get("time"):
            post["time"] = post["time"].split()[0].removesuffix("Z").removesuffix(".000") + "Z"
        if site == "hackernews" and str(post.get("url", "")).startswith("item?"):
            post["url"] = "https://news.ycombinator.com/" + post["url"]
    if site == "reddit":
        return [_of_reddit(post) for post in posts if post["id"]]
    if site == "discourse":
        return [_of_discourse(post) for post in posts]
    return [_of_lobsters(post) for post in posts] if site == "lobsters" else posts


def _of_lobsters(post: dict[str, Any]) -> dict[str, Any]:
    """As we say it. Its texts have blanks around every link."""
    own = {"text_start": post["text"]} if "text" in post else {}
    return {name: value for name, value in post.items() if name != "text"} | own


def _of_discourse(post: dict[str, Any]) -> dict[str, Any]:
    """As we say it: the name is apart from the handle, and the number is one."""
    author, _, name = post["author"].partition(" ")
    own = {"author": author, "author_name": name.strip("()"), "rank": int(post["position"].strip("#"))}
    return _of_lobsters(post) | own


def _of_reddit(post: dict[str, Any]) -> dict[str, Any]:
    """As we say it: without the kind in the id, and without the words of the title in the address."""
    own = {"id": post["id"].partition("_")[2]}
    if "time" in post:
        own["time"] = post["time"].replace("+00:00Z", "Z")
    if "link" in post:
        own["link"] = urljoin("https://www.reddit.com/", post["link"])
    return {name: value for name, value in post.items() if name != "url"} | own


def in_range(post: dict[str, Any], metric: str, wanted: int) -> bool:
    if post[metric] is not None:
        return bool(post[metric] == wanted)
    return bool(post["approximate"][metric]["low"] <= wanted <= post["approximate"][metric]["high"])


@pytest.mark.parametrize("file", FILES, ids=NAMES)
async def test_every_value_on_a_saved_page_is_read_as_a_person_reads_it(
    read_html: ReadHtml, definitions: Definitions, file: Path
) -> None:
    html = file.read_bytes()  # noqa: ASYNC240
    definition = definitions.for_html(html)
    assert definition is definitions.by_name(file.parent.name)
    report = await read_html(definition, html, next(filter(definition.reads, own_addresses(html)), None))
    assert report.outcome is Outcome.OK, report.reason
    posts = [post_as_dict(post) for post in report.posts]
    truth = truth_of(file)
    if "comment_nodes_on_page" in (known := json.loads(file.with_suffix(".truth.json").read_bytes())):
        # Of its comments we know only how many there are.
        assert [post["kind"] for post in posts[len(truth) :]] == ["comment"] * known["comment_nodes_on_page"]
        posts = posts[: len(truth)]
    assert [post["id"] for post in posts] == [
        true.get("id", post["id"]) for post, true in zip(posts, truth, strict=True)
    ]
    names = OURS[definition.name]
    for post, true in zip(posts, truth, strict=True):
        read = {name: plain(post[names.get(name, name)]) for name in COMPARED if name in true}
        assert read == {name: plain(true[name]) for name in COMPARED if name in true}
        if "text_start" in true:
            assert "".join(post["text"].split()).startswith("".join(true["text_start"].split()))
        if "quoted" in true:
            quoted = post["quoted"] and {name: plain(post["quoted"][name]) for name in true["quoted"] or {}}
            assert quoted == (true["quoted"] and {name: plain(value) for name, value in true["quoted"].items()})
        for name in (name for name in true if name.endswith("_approx")):
            metric = name.removesuffix("_approx")
            assert in_range(post, names.get(metric, metric), true[name])
        if "published" in true:
            assert post["approximate"]["time"]["text"] == true["published"]
