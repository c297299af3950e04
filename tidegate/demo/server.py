"""Run the demo site: `python -m tidegate.demo.server --port 8000`.

One line of JSON on standard output says where it is as soon as it can be asked:
`{"url": "http://127.0.0.1:8000", "port": 8000}`. When it can't start, the line is
`{"error": "...", "kind": "PortInUse"}` and the exit code 1. It listens on loopback only, whatever it is told.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import uvicorn

from tidegate.demo.errors import DemoSiteError, PortInUse
from tidegate.demo.site import DemoSiteApp
from tidegate.demo.troubles import Trouble
from tidegate.demo.world import NOW, World

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 1
"""How long answers under way get when the server is told to stop; what hangs on purpose would never end."""

_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop by SIGTERM or SIGINT; return the exit code."""
    options = _options(arguments)
    if options.owner:
        _die_with(options.owner)
    try:
        world = World(options.seed, posts=options.posts, tick=options.tick, now=options.now)
        listening = _listen(options.port)
    except (DemoSiteError, ValueError) as error:
        _announce({"error": str(error), "kind": type(error).__name__})
        return 1
    site = DemoSiteApp(world, troubles=dict(options.trouble), tick_seconds=options.tick_seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            site.application(),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
    # The socket listens already: whoever connects between this line and the loop's first turn is answered then.
    port = listening.getsockname()[1]
    _announce({"url": f"http://{HOST}:{port}", "port": port})
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tidegate.demo.server", description="A small social site on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one (default)")
    parser.add_argument("--seed", type=int, default=0, help="which world (default 0)")
    parser.add_argument("--posts", type=int, default=100, help="how many posts there are (default 100)")
    parser.add_argument("--tick", type=int, default=0, help="which look this is; metrics grow with it (default 0)")
    parser.add_argument(
        "--tick-seconds", type=float, default=0.0, help="advance the tick each time so long has passed; 0: never"
    )
    parser.add_argument(
        "--now",
        type=datetime.fromisoformat,
        default=NOW,
        help="the moment ages count back from, ISO 8601 with a zone",
    )
    parser.add_argument(
        "--trouble", type=_assignment, action="append", default=[], metavar="ID=KIND[:AMOUNT]",
        help="give a post a trouble, such as 123=login_wall; may be repeated",
    )  # fmt: skip
    parser.add_argument("--owner", type=int, default=0, metavar="PID", help="the process to die with")
    return parser.parse_args(arguments)


def _assignment(text: str) -> tuple[str, Trouble]:
    post_id, _, trouble = text.partition("=")
    try:
        return post_id, Trouble.parse(trouble)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _listen(port: int) -> socket.socket:
    """Listen on loopback. Raises `PortInUse`, or `DemoSiteError` when the port can't be had for another reason."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from None
        raise DemoSiteError(f"can't listen on port {port}: {error}") from None
    return listening


def _die_with(owner: int) -> None:
    """Ask the kernel to kill this process when its owner dies, however that happens. Only Linux can."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415, costs a megabyte and only an owned server needs it

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner:  # it died before the kernel was asked
        sys.exit(1)


def _announce(line: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
