"""Where a command writes: to stdout, or to a file that is there under its name only when it is whole."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from scraper.store.errors import StoreError
from tidegate.descriptors import write_all
from tidegate.terminal import disarmed

Write = Callable[[bytes], Awaitable[None]]

STDOUT = Path("-")
NEW_FILE = 0o666


class OutputFailed(StoreError):
    """What was read from the store could not be written where it was to go."""


@asynccontextmanager
async def opened(path: Path | None) -> AsyncIterator[Write]:
    """A way to write to `path`, or to stdout where that is None or "-". Raises `OutputFailed`, or `BrokenPipeError`.

    What is no file, such as a pipe or a device, is written to straight.
    """
    if path is None or path == STDOUT:
        sys.stdout.flush()
        write = _to(sys.stdout.fileno(), "stdout")
        yield _shown_by(write) if sys.stdout.isatty() else write
    elif is_special(path):
        with telling(str(path)):
            descriptor = os.open(path, os.O_WRONLY)
        try:
            yield _to(descriptor, str(path))
        finally:
            os.close(descriptor)
    else:
        async with partial_file(path) as descriptor:
            yield _to(descriptor, str(path))


@asynccontextmanager
async def partial_file(path: Path, mode: int = NEW_FILE) -> AsyncIterator[int]:
    """A file to write to, which takes its place at `path` when this is left without an error. Raises `OutputFailed`.

    It is written beside its place and renamed when all is written and on the disk. If not all is, what was there
    before stays, and nothing is left over.
    """
    with telling(str(path)):
        place, partial, descriptor = _begun(path)
    try:
        try:
            yield descriptor
            with telling(str(path)):
                os.fchmod(descriptor, mode & ~_umask())
                await asyncio.to_thread(os.fsync, descriptor)
        finally:
            os.close(descriptor)
        with telling(str(path)):
            os.replace(partial, place)  # noqa: PTH105 `Path.replace` is taken for blocking, and this is as quick
    except BaseException:
        _discard(partial)
        raise


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Tell an OSError of what is done here as `OutputFailed`."""
    try:
        yield
    except (BrokenPipeError, ConnectionResetError):
        # Whoever read has heard enough.
        raise BrokenPipeError from None
    except OSError as error:
        stays = "" if name == "stdout" else " A file that was there before is as it was."
        raise OutputFailed(
            f"can't write to {name}: {error.strerror or error}.{stays} "
            "See that it may be written to and that there is room, or choose another place."
        ) from None


def is_special(path: Path) -> bool:
    """Whether something is there that is neither file nor folder: a pipe, a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _begun(path: Path) -> tuple[Path, str, int]:
    """Where it will be, where it is meanwhile, and its descriptor. Raises OSError."""
    if path.is_dir():
        raise IsADirectoryError(0, "this is a folder; name a file in it")
    # Through a link: it is what the link leads to that is replaced, and not the link.
    place = path.resolve()
    descriptor, partial = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:100]}.", suffix=".part")
    return place, partial, descriptor


def _discard(partial: str) -> None:
    Path(partial).unlink(missing_ok=True)


def _to(descriptor: int, name: str) -> Write:
    async def write(data: bytes) -> None:
        with telling(name):
            await write_all(descriptor, data)

    return write


def _shown_by(write: Write) -> Write:
    async def show(data: bytes) -> None:
        await write(disarmed(data.decode(errors="replace")).encode())

    return show


def _umask() -> int:
    """The mask for new files. It can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
