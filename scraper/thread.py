"""Who answers whom, where a page shows it only by indenting."""

from __future__ import annotations

from dataclasses import replace

from scraper.post import Post


class Thread:
    """The posts above the next one, by depth."""

    def __init__(self) -> None:
        self._above: list[str] = []

    def place(self, post: Post, root: str | None) -> Post:
        """`post` with its parent: the last one that was a level above, the thread's `root` for the topmost.

        A post of unknown depth may be above the next one, or not: after it nobody knows.
        """
        if post.depth is None:
            self.lose_track()
            return post
        parent = post.parent
        if parent is None and post.depth <= len(self._above):
            parent = self._above[post.depth - 1] if post.depth else root
        del self._above[post.depth :]
        if post.depth == len(self._above):
            self._above.append(post.id)
        return replace(post, parent=parent)

    def lose_track(self) -> None:
        """After an element that could not be read nobody knows what is above the next one."""
        self._above.clear()
