"""What the demo site's API answers, as JSON-like data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tidegate.demo.pages import timestamp
from tidegate.demo.troubles import State, Trouble
from tidegate.demo.world import FeedPage, Post, Profile, Thread, World


def feed_answer(page: FeedPage, world: World) -> dict[str, Any]:
    """Answer for the home feed and for a search."""
    return {"posts": _posts(page.posts, world), "cursor": page.cursor}


def profile_answer(profile: Profile, world: World) -> dict[str, Any]:
    """Answer for a profile."""
    return {"author": asdict(profile.author), **feed_answer(profile.feed, world)}


def thread_answer(thread: Thread, world: World) -> dict[str, Any]:
    """Answer for one post: `posts` are its replies."""
    return {
        "parents": _posts(thread.parents, world),
        "post": _post(thread.post, world),
        **feed_answer(thread.replies, world),
    }


def troubled(answer: dict[str, Any], world: World, trouble: Trouble | None) -> dict[str, Any]:
    """Add what every answer says: the moment it was given for, and the trouble that the client is to make."""
    named = {"kind": trouble.kind.value, "amount": trouble.amount} if trouble else None
    return {"now": timestamp(world.now), "tick": world.tick, "trouble": named, **answer}


def state_answer(state: State) -> dict[str, Any]:
    """Answer that there is nothing to read, and why."""
    return {"state": {"name": state.name, "title": state.title, "words": state.words}}


def _posts(posts: Iterable[Post], world: World) -> list[dict[str, Any]]:
    return [_post(post, world) for post in posts]


def _post(post: Post, world: World) -> dict[str, Any]:
    quoted = world.post(post.quoted_id) if post.quoted_id else None
    return {
        **_words(post),
        "metrics": asdict(post.metrics),
        "picture": {"url": f"/images/post/{post.id}.png", "alt": post.picture} if post.picture else None,
        "is_pinned": post.is_pinned,
        "is_promoted": post.is_promoted,
        "replying_to": world.post(post.parent_id).author.handle if post.parent_id else None,
        "quoted": _words(quoted) if quoted else None,
    }


def _words(post: Post) -> dict[str, Any]:
    """Give the part of a post that a quotation shows too."""
    return {
        "id": post.id,
        "path": post.path,
        "author": {"handle": post.author.handle, "name": post.author.name},
        "text": post.text,
        "lang": post.lang,
        "hashtags": post.hashtags,
        "created_at": timestamp(post.created_at),
    }
