"""Who answers whom, where answers are nested in what they answer."""

from __future__ import annotations

import pytest

from browser_pool import Lane
from scraper.definitions import load_definition
from scraper.page import SavedPage, open_page

pytestmark = pytest.mark.browser

PILE = """
name = "pile"
title = "Pile"
hosts = ["pile.example"]
post_id = '/s/(\\w+)'
permalink = "https://pile.example/s/{id}"
[saved]
base_url = "https://pile.example/"
[[layouts]]
name = "only"
[[layouts.items]]
name = "comment"
css = ".comment"
permalink = "/s/{thread}#{id}"
branch = "li.tree"
[layouts.items.fields]
id = [{ attribute = "id", pattern = '^c_(\\w+)$' }]
thread = [{ start = "page", css = "#story", attribute = "data-id" }]
text = [{ css = "p" }]
"""

THREAD = """<!DOCTYPE html><div id="story" data-id="s1"></div><ol>
<li class="tree"><div class="comment" id="c_a"><p>first</p></div><ol>
  <li class="tree"><div class="comment" id="c_b"><p>answer</p></div><ol>
    <li class="tree"><div class="comment" id="c_c"><p>answer to the answer</p></div><ol></ol></li></ol></li>
  <li class="tree"><div class="gone">removed</div><ol>
    <li class="tree"><div class="comment" id="c_d"><p>answer to what was removed</p></div></li></ol></li></ol></li>
<li class="tree"><div class="comment" id="c_e"><p>second</p></div></li></ol>"""


async def test_the_parent_is_what_the_branch_hangs_on_and_unknown_where_that_is_gone(lane: Lane) -> None:
    definition = load_definition("pile.toml", PILE)
    saved = SavedPage(THREAD.encode())
    report = await open_page(lane, "https://pile.example/", definition, timeout_seconds=20, saved=saved)
    assert [(post.id, post.parent, post.depth, post.text) for post in report.posts] == [
        ("a", "s1", 0, "first"),
        ("b", "a", 1, "answer"),
        ("c", "b", 2, "answer to the answer"),
        ("d", None, 2, "answer to what was removed"),
        ("e", "s1", 0, "second"),
    ]
    assert report.posts[0].url == "https://pile.example/s/s1#a"


async def test_an_address_that_takes_a_thread_nobody_knows_is_unknown(lane: Lane) -> None:
    saved = SavedPage(THREAD.replace(' data-id="s1"', "").encode())
    report = await open_page(
        lane, "https://pile.example/", load_definition("pile.toml", PILE), timeout_seconds=20, saved=saved
    )
    assert {(post.url, post.parent) for post in report.posts if post.depth == 0} == {(None, None)}
