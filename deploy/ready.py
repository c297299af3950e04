"""What the image's HEALTHCHECK runs: exit code 0 if the Tidegate beside it is ready, else 1 and what is missing.

It asks `/readyz` where `TIDEGATE_DASHBOARD` says, which is open to whoever has no token. It runs every few seconds in
the memory of the container, so it imports next to nothing: `python -I -S ready.py`.
"""  # noqa: INP001 a program, no package

import os
import socket
import sys

USUAL = "127.0.0.1:8710"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 not bound to: what others listen at
SECONDS = 4.0
REQUEST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def place(given: str) -> tuple[str, int]:
    """Where to ask, for where the dashboard listens. Raises ValueError for "off"."""
    host, _, port = given.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    return EVERYWHERE.get(host, host), int(port)


def ask(where: tuple[str, int]) -> tuple[bool, str]:
    """Whether it is ready, and what it says. Raises OSError."""
    answer = b""
    with socket.create_connection(where, timeout=SECONDS) as connection:
        connection.sendall(REQUEST)
        while received := connection.recv(4096):
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split()[1:2] == [b"200"], body.decode(errors="replace").strip() or "no answer"


def main() -> int:
    """Ask, print, and return the exit code."""
    given = os.environ.get("TIDEGATE_DASHBOARD") or USUAL
    try:
        is_ready, says = ask(place(given))
    except ValueError:
        is_ready, says = False, f"TIDEGATE_DASHBOARD is {given}: there is nobody to ask"
    except OSError as error:
        is_ready, says = False, f"no answer at {given}: {error}"
    print(says)  # noqa: T201 its output
    return 0 if is_ready else 1


if __name__ == "__main__":
    sys.exit(main())
