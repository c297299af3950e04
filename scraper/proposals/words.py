"""Which words stand beside which count: the English ones. Those of other languages are for the person to add."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "views": ("view", "views", "impression", "impressions", "play", "plays", "read", "reads"),
    "likes": (
        "like", "likes", "favorite", "favorites", "favourite", "favourites", "heart", "hearts",
        "reaction", "reactions",
    ),
    "reposts": (
        "repost", "reposts", "retweet", "retweets", "share", "shares", "boost", "boosts", "reblog", "reblogs",
    ),
    "replies": ("reply", "replies", "comment", "comments", "answer", "answers", "response", "responses"),
    "bookmarks": ("bookmark", "bookmarks", "save", "saves"),
    "score": ("point", "points", "score", "vote", "votes", "upvote", "upvotes", "karma"),
}  # fmt: skip
OTHER: Final = ("quote", "quotes", "follower", "followers", "following", "share count", "download", "downloads")
"""Counts that are understood and not kept."""

METRIC_OF: Final = {word: metric for metric, words in WORDS.items() for word in words}
SCHEMA_ACTIONS: Final = {
    "views": ("ViewAction", "WatchAction"),
    "likes": ("LikeAction",),
    "reposts": ("ShareAction",),
    "replies": ("CommentAction", "ReplyAction"),
    "bookmarks": ("BookmarkAction",),
}

NUMBER = r"[+-]?\d[\d.,\s]*(?:[KMBkmb]\b)?"
_NUMBER = re.compile(NUMBER)
_WORD = re.compile(r"[A-Za-z]+")


def tokens(text: str) -> list[str]:
    """The words in a class, a label or the value of an attribute, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]


def metric_in(texts: Iterable[str]) -> str | None:
    """The one metric whose words are in `texts`; None where there is none, or more than one."""
    found = {METRIC_OF[word] for text in texts for word in tokens(text) if word in METRIC_OF}
    return found.pop() if len(found) == 1 else None


def counts_in(label: str) -> dict[str, str]:
    """What a label that holds several counts says, as the word by the metric: "3 replies, 45 likes"."""
    found: dict[str, str] = {}
    for part in re.split(r"[,;](?=\s)|[·|•]", label):
        words = [word for word in _WORD.findall(part.lower()) if word in METRIC_OF]
        if len(_NUMBER.findall(part)) == 1 and len(words) == 1:
            found.setdefault(METRIC_OF[words[0]], words[0])
    return found


def has_one_number(text: str) -> bool:
    """Whether there is exactly one number in `text`."""
    return len(re.findall(r"\d[\d.,\s]*", text)) == 1


def is_bare_number(text: str) -> bool:
    """Whether `text` is a number and nothing else."""
    return bool(re.fullmatch(rf"\s*{NUMBER}\s*", text))
