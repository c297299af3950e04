"""`tidegate scrape --feed`, with a definition of one's own: a new forum takes a file and no Python."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Say = Callable[..., tuple[int, str, str]]

TOTAL = 120

PAGE = """<!DOCTYPE html><html lang="en"><title>Harbour talk</title><body>
<div id="list" style="height: 500px; overflow-y: scroll"><div id="all" style="position: relative"></div></div>
<script>
// Only what is in view is in the page, and votes come abbreviated, with the exact number in the title.
const list = document.getElementById("list"), all = document.getElementById("all");
let topics = [], asked = 0, done = false;
const short = (votes) => votes > 999 ? Math.floor(votes / 100) / 10 + "k" : votes;
const draw = () => {
  const first = Math.max(0, Math.floor(list.scrollTop / 70) - 1);
  all.style.height = topics.length * 70 + "px";
  all.innerHTML = topics.slice(first, first + 10).map((topic, k) => `
    <div class="row" data-topic="${topic.id}" style="position: absolute; top: ${(first + k) * 70}px; height: 70px">
      <a class="subject" href="/t/${topic.id}">${topic.subject}</a>
      <a class="by" href="/u/${topic.by}">${topic.by}</a>
      <span class="votes" title="${topic.votes} votes">${short(topic.votes)}</span>
      <span class="views">${topic.views.toLocaleString("en")} views</span></div>`).join("");
};
const more = async () => {
  if (asked++) return;
  const answer = await (await fetch("/api/topics?after=" + (topics.at(-1)?.id ?? 0))).json();
  topics = topics.concat(answer.topics);
  asked = answer.topics.length ? 0 : 1;
  draw();
};
list.addEventListener("scroll", () => {
  draw();
  if (list.scrollTop + 500 > topics.length * 70 - 400) more();
});
more();
</script>"""

DEFINITION = """
name = "harbour"
title = "Harbour talk"
hosts = ["127.0.0.1"]
post_id = '^/t/(\\d+)'
permalink = "/t/{id}"
[saved]
base_url = "http://127.0.0.1/"
[politeness]
requests_per_second = 50
[[layouts]]
name = "2026"
[[layouts.items]]
name = "topic"
css = ".row[data-topic]"
required = ["id", "title", "score"]
[layouts.items.fields]
id = [{ attribute = "data-topic" }]
title = [{ css = ".subject" }]
author = [{ css = "a.by", attribute = "href", pattern = '^/u/(\\w+)$' }]
score = [{ css = ".votes", attribute = "title", pattern = '^(\\d+) votes$' }, { css = ".votes" }]
views = [{ css = ".views", among_words = true }]
"""


def topic(number: int) -> dict[str, object]:
    return {
        "id": number,
        "subject": f"Subject {number}",
        "by": f"user{number % 7}",
        "votes": number * 37 % 2600,
        "views": number * 7919 % 100_000,
    }


class Forum(BaseHTTPRequestHandler):
    """A forum whose list is virtual and whose topics come by JSON, twenty at a time."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?after=")
        if path == "/api/topics":
            first = int(query) + 1
            topics = [topic(number) for number in range(first, min(first + 20, TOTAL + 1))]
            body, kind = json.dumps({"topics": topics}), "application/json"
        elif path == "/robots.txt":
            body, kind = "User-agent: *\nAllow: /\n", "text/plain"
        else:
            body, kind = PAGE, "text/html; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def forum() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forum)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "harbour.toml").write_text(DEFINITION, "utf-8")
    monkeypatch.setenv("TIDEGATE_SITES_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.browser
@pytest.mark.slow
def test_every_topic_of_a_forum_is_found_with_its_true_numbers(say: Say, sites: Path, forum: str) -> None:
    code, out, err = say("scrape", f"{forum}/", "--allow-private", "--feed", "--format", "jsonl")
    posts = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert f"{TOTAL} posts; stopped: nothing_new" in err
    read = [(int(post["id"]), post["title"], post["author"], post["score"], post["views"]) for post in posts]
    true = [tuple(topic(number).values()) for number in range(1, TOTAL + 1)]
    assert sorted(read) == [(number, subject, by, votes, views) for number, subject, by, votes, views in true]
    assert {post["url"] for post in posts} == {f"{forum}/t/{number}" for number in range(1, TOTAL + 1)}


@pytest.mark.browser
def test_a_limit_ends_it(say: Say, sites: Path, forum: str) -> None:
    code, out, err = say("scrape", f"{forum}/", "--allow-private", "--feed", "--limit", "15", "--format", "json")
    [page] = json.loads(out)
    assert (code, len(page["posts"])) == (0, 15)
    assert "15 posts; stopped: limit" in err


@pytest.mark.processes
def test_posts_are_printed_as_they_are_read(
    start: Callable[..., subprocess.Popen[str]], sites: Path, forum: str
) -> None:
    process = start("scrape", f"{forum}/", "--allow-private", "--feed", "--format", "jsonl")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["id"] == "1"
    process.terminate()
    assert all(json.loads(line) for line in process.stdout)
    assert process.wait(timeout=30) == 128 + 15


def test_a_saved_page_is_no_feed(say: Say, sites: Path) -> None:
    page = Path(__file__).parents[1] / "scraper" / "pages" / "hackernews" / "newest-logged-in.html"
    code, _, err = say("scrape", str(page), "--feed")
    assert code == 2
    assert "leave --feed out" in err
