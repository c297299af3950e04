"""The demo site's HTML: the tiny shell that the client fills, and the light pages that need no client."""

from __future__ import annotations

from datetime import datetime
from html import escape
from re import sub
from urllib.parse import quote

from tidegate.demo.members import PASSWORD, USER
from tidegate.demo.troubles import State
from tidegate.demo.world import Post, Thread, World

SITE_NAME = "Shoal"

_FILL_IN = (
    f'const form = document.querySelector("main form"); form.user.value = "{USER}";'
    f'form.password.value = "{PASSWORD}"; form.submit();'
)


def shell(*, title: str, version: str) -> str:
    """Give the document of every page: it holds no post, only the script that fetches some.

    `version` names the content of the script, so that a browser may keep it for ever.
    """
    scripts = (
        f'<script src="/client/app.js?v={version}" defer></script><script src="/tracker/tracker.js" async></script>'
    )
    return _document(title, version, scripts, '<main aria-busy="true"><p class="loading">Loading…</p></main>')


def state_page(state: State, *, version: str) -> str:
    """Give a page that says why there is nothing to read, rendered by the server."""
    main = f'<main data-state="{state.name}"><h1>{escape(state.title)}</h1><p>{escape(state.words)}</p></main>'
    return _document(f"{state.title} / {SITE_NAME}", version, "", main)


def login_page(*, version: str, is_wrong: bool = False, by_itself: bool = False) -> str:
    """Give the form of the login. It says itself what to write; `by_itself` it also sends itself."""
    wrong = '<p role="alert">That is not it.</p>' if is_wrong else ""
    main = (
        f"<main><h1>Log in</h1>{wrong}<p>The user is <code>{USER}</code>, the password <code>{PASSWORD}</code>.</p>"
        '<form action="/login" method="post"><label>User <input name="user" autocomplete="off"></label> '
        '<label>Password <input name="password" type="password" autocomplete="off"></label> '
        '<button type="submit">Log in</button></form></main>'
    )
    script = f"<script defer src='data:text/javascript,{quote(_FILL_IN)}'></script>" if by_itself else ""
    return _document(f"Log in / {SITE_NAME}", version, script, main)


def welcome_page(item: str, entry: str, *, handle: str, version: str) -> str:
    """Give the page after a login, which keeps `entry` in local storage. It shows neither that nor the cookie.

    The face of the member with this handle comes after that: when it has been asked for, all is in place.
    """
    face = f'<img class="face" src="/images/face/{handle}.svg" alt="" width="44" height="44">'
    main = f'<main><h1>You are logged in</h1>{face}<p><a href="/members">What only members see</a></p></main>'
    script = f'<script>localStorage.setItem("{item}", "{entry}");document.currentScript.remove()</script>'
    return _document(f"Welcome / {SITE_NAME}", version, script, main)


def light_page(thread: Thread, world: World, *, version: str) -> str:
    """Give a thread as plain HTML in the shape that the client renders."""
    posts = (*thread.parents, thread.post, *thread.replies.posts)
    articles = "\n".join(article(post, world, is_focal=post == thread.post) for post in posts)
    main = (
        f'<main aria-busy="false"><h1 class="heading">Post</h1><div class="feed">{articles}</div>'
        '<div class="foot"><div data-end-of-feed>You have reached the end.</div></div></main>'
    )
    return _document(f"{thread.post.author.name} on {SITE_NAME}: {thread.post.text}", version, "", main)


def article(post: Post, world: World, *, is_focal: bool) -> str:
    """Render one post."""
    picture = replying = quoted = ""
    if post.picture is not None:
        picture = (
            f'<img class="picture" src="/images/post/{post.id}.png" alt="{escape(post.picture)}" '
            'width="640" height="360" loading="lazy">'
        )
    if post.parent_id is not None:
        handle = world.post(post.parent_id).author.handle
        replying = f'<p class="replying">Replying to <a href="/@{handle}">@{handle}</a></p>'
    if post.quoted_id is not None:
        inner = world.post(post.quoted_id)
        quoted = f"<blockquote data-quoted><header>{_byline(inner, world.now)}</header>{_text(inner)}</blockquote>"
    context = '<span data-social-context class="context">Pinned</span>' if post.is_pinned else ""
    promoted, ad = (" data-promoted", '<span class="ad">Ad</span>') if post.is_promoted else ("", "")
    return (
        f'<article class="post{" focal" if is_focal else ""}" data-post-id="{post.id}"{promoted}>{context}'
        f'<img class="face" src="/images/face/{post.author.handle}.svg" alt="" width="44" height="44">'
        f"<header>{_byline(post, world.now)}{ad}</header>"
        f"{replying}{_text(post)}{picture}{quoted}{_counts(post)}</article>"
    )


def plural(count: int, what: str) -> str:
    """Say "1 reply", "2 replies"."""
    if count == 1:
        return f"1 {what}"
    return f"{count} {what[:-1]}ies" if what.endswith("y") else f"{count} {what}s"


def abbreviated(count: int) -> str:
    """Shorten a count as sites do: truncated, never rounded up, so 7,890 is "7.8K"."""
    for unit, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= unit:
            tenths = count * 10 // unit
            return f"{tenths // 10}{letter}" if tenths % 10 == 0 or tenths >= 1000 else f"{tenths / 10}{letter}"
    return str(count)


def age(created_at: datetime, now: datetime) -> str:
    """Say how old something is: "now", "5m", "2h", "3d", and after a week its date."""
    minutes = int((now - created_at).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 60 * 24:
        return f"{minutes // 60}h"
    if minutes < 60 * 24 * 7:
        return f"{minutes // (60 * 24)}d"
    return f"{created_at:%b} {created_at.day}, {created_at.year}"


def _byline(post: Post, now: datetime) -> str:
    handle = post.author.handle
    return (
        f'<a rel="author" href="/@{handle}">{escape(post.author.name)}</a><span class="handle">@{handle}</span>'
        f'<a rel="bookmark" href="{post.path}"><time datetime="{timestamp(post.created_at)}">'
        f"{age(post.created_at, now)}</time></a>"
    )


def timestamp(moment: datetime) -> str:
    """Write a UTC moment as ISO 8601 with a Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _text(post: Post) -> str:
    linked = sub(
        r"#\w+",
        lambda tag: f'<a href="/search?q={quote(tag.group())}">{tag.group()}</a>',
        escape(post.text, quote=False),
    )
    return f'<p data-text lang="{post.lang}" dir="auto">{linked}</p>'


def _counts(post: Post) -> str:
    metrics = post.metrics
    counts = (
        ("reply", "Replies", metrics.replies),
        ("repost", "Reposts", metrics.reposts),
        ("like", "Likes", metrics.likes),
        ("bookmark", "Bookmarks", metrics.bookmarks),
    )
    label = ", ".join(plural(count, what) for what, _, count in (*counts, ("view", "", metrics.views)))
    buttons = "".join(
        f'<button class="{what}" title="{title}" type="button">{abbreviated(count)}</button>'
        for what, title, count in counts
    )
    views = f'<a class="view" title="Views" href="{post.path}">{abbreviated(metrics.views)}</a>'
    return f'<div role="group" aria-label="{label}">{buttons}{views}</div>'


def _document(title: str, version: str, scripts: str, main: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/client/app.css?v={version}">{scripts}</head><body>'
        f'<header class="bar"><div><a class="name" href="/">{SITE_NAME}</a>'
        '<form action="/search" role="search"><input type="search" name="q" placeholder="Search" '
        f'aria-label="Search"></form></div></header>{main}</body></html>'
    )
