"""The examples of docs/sites.md do what the guide says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from browser_pool import Lane
from scraper.definition import Definition
from scraper.definitions import load_definition
from scraper.feed import Stop, collect
from scraper.kinds import Feed, Records, Source
from scraper.outcome import Outcome

Serve = Callable[[dict[str, str]], Awaitable[str]]
GUIDE = (Path(__file__).parents[2] / "docs" / "sites.md").read_text("utf-8")

FORUM = """<!DOCTYPE html><html lang="en"><body>
<div id="box" style="height: 480px; overflow-y: auto"><div id="all" style="position: relative"></div></div>
<template>ROW</template>
<script>
// Twelve rows that are filled again and again, as lists do that keep only what is in view.
const total = 60, box = document.getElementById("box"), all = document.getElementById("all"), rows = [];
all.style.height = total * 60 + "px";
for (let k = 0; k < 12; k++) {
  rows.push(document.querySelector("template").content.firstElementChild.cloneNode(true));
  rows[k].style.cssText = "position: absolute; height: 60px; width: 100%";
  all.append(rows[k]);
}
const fill = (row, number) => {
  row.dataset.topicId = number;
  row.querySelector(".topic-title").textContent = `Topic ${number}`;
  row.querySelector(".views").title = `${(number * 1000).toLocaleString("en")} views`;
  row.querySelector(".views").textContent = `${number}k`;
};
const draw = () => {
  const first = Math.min(total - 12, Math.max(0, Math.floor(box.scrollTop / 60) - 2));
  for (let i = first; i < first + 12; i++) {
    fill(rows[i % 12], i + 1);
    rows[i % 12].style.top = i * 60 + "px";
  }
  if (first === total - 12 && !document.querySelector(".end-of-list")) {
    document.body.insertAdjacentHTML("beforeend", "<p class='end-of-list'>That was all</p>");
  }
};
box.addEventListener("scroll", () => requestAnimationFrame(draw));
draw();
</script>"""


def blocks(language: str) -> list[str]:
    """The examples in a language, in the order of the guide."""
    return [text.partition("```")[0] for text in GUIDE.split(f"```{language}\n")[1:]]


@pytest.mark.browser
async def test_the_forum_of_the_guide_is_read_to_its_end_with_exact_counts(lane: Lane, serve: Serve) -> None:
    (row,) = blocks("html")
    site = await serve({"/latest": FORUM.replace("ROW", row)})
    definition = load_definition("berth.toml", blocks("toml")[1].replace("second = 2", "second = 100"))
    report = await collect(lane, f"{site}/latest", definition, limit=1000, timeout_seconds=60)
    assert (report.outcome, report.stopped_by, report.count) == (Outcome.OK, Stop.END_OF_FEED, 60)
    assert sorted(int(post.id) for post in report.posts) == list(range(1, 61))
    post = next(post for post in report.posts if post.id == "12")
    assert (post.title, post.author, post.url) == ("Topic 12", "ada", f"{site}/t/-/12")
    assert (post.views, post.score, post.replies) == (12_000, 1_234, 0)
    assert post.time is not None
    assert post.time.isoformat() == "2026-01-02T03:04:05+00:00"
    assert not post.warnings


def test_the_guide_names_every_outcome_and_every_key_of_a_source() -> None:
    keys = {key for table in (Source, Records, Feed) for key in table.model_fields} | set(Outcome)
    assert {key for key in keys if f"`{key}`" not in GUIDE} == set()
    assert {key for key in Definition.model_fields if key not in GUIDE} == set()
