"""The demo site: a small social network on loopback, in the shape of the real ones.

It is what `make run` reads when it is given nothing else, what the tests read, and what the benchmarks measure. It
renders in the browser from a JSON API, with a script as heavy as a real one; its feeds have no end and forget what
has scrolled away; and it can go wrong in every way that real sites do, when asked to (`troubles`).

What it shows follows from a seed. `World` is that truth, so that what was read can be checked; `DemoSite` runs the
site as a child process and knows its world.
"""

from __future__ import annotations

from tidegate.demo.errors import DemoSiteError, PortInUse
from tidegate.demo.process import DemoSite
from tidegate.demo.troubles import Kind, Trouble
from tidegate.demo.world import NOW, Author, FeedPage, Metrics, Post, Profile, Thread, World

__all__ = [
    "NOW",
    "Author",
    "DemoSite",
    "DemoSiteError",
    "FeedPage",
    "Kind",
    "Metrics",
    "PortInUse",
    "Post",
    "Profile",
    "Thread",
    "Trouble",
    "World",
]
