from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.demo import NOW, FeedPage, Post, World
from tidegate.demo.world import QUIET_HANDLE

seeds = st.integers(min_value=0, max_value=2**32)
sizes = st.integers(min_value=0, max_value=60)
ticks = st.integers(min_value=0, max_value=1000)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, size=sizes, tick=ticks)
def test_the_same_seed_gives_the_same_world(seed: int, size: int, tick: int) -> None:
    one, other = World(seed, posts=size, tick=tick), World(seed, posts=size, tick=tick)
    assert one.posts == other.posts
    assert one.authors == other.authors


@pytest.mark.processes
async def test_another_process_sees_the_same_world() -> None:
    script = "from tidegate.demo import World; print(ascii(World(5, tick=3).posts))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=PIPE)
    said, _ = await process.communicate()
    assert said.decode().strip() == ascii(World(5, tick=3).posts)


def test_another_seed_gives_another_world() -> None:
    assert World(1).posts != World(2).posts


@settings(max_examples=20, deadline=None)
@given(seed=seeds, tick=ticks, later=st.integers(min_value=1, max_value=50))
def test_views_grow_with_every_tick_and_nothing_ever_shrinks(seed: int, tick: int, later: int) -> None:
    world = World(seed, posts=30, tick=tick)
    for before, after in zip(world.posts, world.at(tick + later).posts, strict=True):
        assert before.id == after.id
        assert before.metrics.views < after.metrics.views
        assert before.metrics.likes <= after.metrics.likes
        assert before.metrics.reposts <= after.metrics.reposts
        assert before.metrics.replies <= after.metrics.replies
        assert before.metrics.bookmarks <= after.metrics.bookmarks


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_larger_world_begins_with_the_smaller_one(seed: int) -> None:
    small, large = World(seed, posts=20), World(seed, posts=40)
    for post in small.posts:
        same = large.post(post.id)
        assert (same.path, same.text, same.parent_id) == (post.path, post.text, post.parent_id)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_a_reply_is_younger_than_what_it_answers_and_counted_there(seed: int) -> None:
    world = World(seed, posts=60)
    replies = [post for post in world.posts if post.parent_id is not None]
    assert replies
    for reply in replies:
        thread = world.thread(reply.id)
        for older, younger in pairwise((*thread.parents, reply)):
            assert older.created_at <= younger.created_at
            assert younger.parent_id == older.id
            assert older.metrics.replies >= 1


def test_a_world_has_posts_of_every_kind() -> None:
    posts = World(7).posts
    assert any(post.is_pinned for post in posts)
    assert any(post.is_promoted for post in posts)
    assert any(post.picture for post in posts)
    assert any(post.quoted_id for post in posts)
    assert any(post.parent_id for post in posts)
    assert any("&" in post.text and "<" in post.text for post in posts)
    assert len({post.lang for post in posts}) >= 5
    ages = sorted((World(7).now - post.created_at).total_seconds() for post in posts)
    assert ages[0] < 3600
    assert ages[-1] > 30 * 86400


def test_following_the_cursors_shows_every_post_of_a_feed_once() -> None:
    world = World(7)
    shown = [post.id for post in _walk(world)]
    expected = {post.id for post in world.posts if post.parent_id is None and not post.is_promoted}
    assert len(shown) == len(set(shown))
    assert expected <= set(shown)
    assert any(world.post(one).is_promoted for one in shown)


def test_a_profile_shows_what_is_pinned_first_and_the_quiet_one_shows_nothing() -> None:
    world = World(7)
    author = next(post.author for post in world.posts if post.is_pinned)
    shown = world.profile(author.handle).feed.posts
    assert [post.is_pinned for post in shown] == [True] + [False] * (len(shown) - 1)
    assert {post.author for post in shown} == {author}
    assert world.profile(QUIET_HANDLE).feed == FeedPage((), None)


def test_a_search_finds_every_post_that_holds_all_its_words_and_no_other() -> None:
    world = World(7, posts=40)
    post = next(post for post in world.posts if post.hashtags)
    query = f"#{post.hashtags[0].upper()} @{post.author.handle}"
    found = world.search(query).posts
    assert post in found
    assert all(one.author == post.author and post.hashtags[0].casefold() in one.text.casefold() for one in found)
    assert world.search("no post says xylophone").posts == ()
    assert world.search(" ").posts == ()


def test_what_does_not_exist_is_a_key_error_and_a_bad_cursor_a_value_error() -> None:
    world = World(7, posts=5)
    with pytest.raises(KeyError):
        world.post("1")
    with pytest.raises(KeyError):
        world.profile("nobody")
    with pytest.raises(ValueError, match="bogus"):
        world.feed("bogus")
    with pytest.raises(ValueError, match="negative"):
        World(7, posts=-1)
    with pytest.raises(ValueError, match="time zone"):
        World(7, now=NOW.replace(tzinfo=None))


def _walk(world: World) -> list[Post]:
    page = world.feed()
    posts = [*page.posts]
    while page.cursor is not None:
        page = world.feed(page.cursor)
        posts += page.posts
    return posts
