"""What an entrant is given to do, and how it says what it has read. Nothing but the standard library.

An entrant is a program of its own, in an environment of its own: `python -m bench.entrants.NAME TASK.json`. It reads
every address of the task and tells for each, as soon as it has it, what it read: one line of JSON on what was its
standard output, `{"index": 3, "posts": [{...}]}`. The harness looks at the clock when the line arrives, and compares
what was read with what is true. What an entrant and its libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

Record = dict[str, Any]
"""One post as it was read: `id`, `author`, `text`, `time` and the five counts; see `read.js`."""


@dataclass(frozen=True, slots=True)
class Address:
    """A page of the task. `post_id` is the post that is wanted; None for a feed."""

    index: int
    url: str
    post_id: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """All that an entrant has to know. It is the same for all.

    `limit` is how many posts of each feed are wanted; None where an address is a post. `workers` is how many pages at
    once, `page_seconds` how long one may take. `wait_and_read` is the JavaScript of a function that promises a list
    of posts: from a post id where an address is a post (it waits until the post is there), from a limit where it is a
    feed (it scrolls). `unwanted` are patterns (`*` stands for anything)
    of addresses that nobody needs who only reads: images, styles, trackers. An entrant that has a way of its own to
    say so may leave them out.
    """

    executable: str
    addresses: tuple[Address, ...]
    limit: int | None
    workers: int
    page_seconds: float
    wait_and_read: str
    unwanted: tuple[str, ...]

    def argument(self, address: Address) -> str | int | None:
        """What `wait_and_read` is called with."""
        return address.post_id if self.limit is None else self.limit

    def write(self, path: Path) -> None:
        """Leave the task at `path`, for `load`."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The task that `write` left at `path`."""
        task = json.loads(path.read_text())
        addresses = tuple(Address(**address) for address in task["addresses"])
        return cls(**{**task, "addresses": addresses, "unwanted": tuple(task["unwanted"])})


class Telling:
    """The line to the harness. From here on, what is printed goes to standard error."""

    def __init__(self) -> None:
        self._line = os.dup(1)
        os.dup2(2, 1)

    def tell(self, address: Address, posts: Sequence[Record] | None) -> None:
        """Say what was read at `address`; None when it was given up."""
        self.say({"index": address.index, "posts": posts})

    def say(self, what: dict[str, Any]) -> None:
        """Say anything, as one line of JSON."""
        line = memoryview(f"{json.dumps(what)}\n".encode())
        while line:
            line = line[os.write(self._line, line) :]


def given() -> tuple[Task, Telling]:
    """The task that this program was started with, and the line to tell on."""
    return Task.load(Path(sys.argv[1])), Telling()
