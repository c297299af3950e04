"""A container without an engine: a read-only root in namespaces of its own, in a memory cgroup. As root.

Chromium's sandbox makes user namespaces, which the kernel refuses in a chroot: hence `pivot_root`.
"""  # noqa: INP001 programs, no package

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.cgroup import Cgroup
from deploy.dockerfile import Config

SHM = "64m"
LOOK_SECONDS = 0.05
BEGIN_SECONDS = 10.0
NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup")

ENTER = """
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755,size=64k dev dev
for name in null zero full random urandom; do : >"dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
ln -s /proc/self/fd dev/fd
mkdir dev/shm
mount -t tmpfs -o mode=1777,size=$SHM shm dev/shm
if [ "$CGROUPS" = 2 ]; then
    mount -t cgroup2 -o ro cgroup sys/fs/cgroup
else
    mount -t tmpfs -o mode=755,size=64k cgroup sys/fs/cgroup
    mkdir sys/fs/cgroup/memory
    mount -t cgroup -o ro,memory cgroup sys/fs/cgroup/memory
fi
while [ "$1" != -- ]; do mount --bind "$VOLUMES$1" "$ROOT$1"; shift; done
shift
ip link set lo up
mount -o remount,bind,ro "$ROOT"
cd "$ROOT"
pivot_root . mnt
umount -l mnt
exec "$@"
"""
"""Makes what an engine makes, and becomes the command. Its arguments: the volumes, "--", and that command."""


class NotRunning(Exception):
    """It has not come so far, or has ended; the message has its last words."""


class Container:
    """One that runs. Its output goes to `stdout` and `stderr` in `folder`."""

    def __init__(self, process: subprocess.Popen[bytes], group: Cgroup, config: Config, folder: Path) -> None:
        self.folder = folder
        self.peak_bytes = 0
        self._process = process
        self._group = group
        self._config = config
        self._watch = threading.Thread(target=self._look, name="peak", daemon=True)
        self._watch.start()

    @property
    def stderr(self) -> list[str]:
        """The lines that it has written there."""
        return (self.folder / "stderr").read_text("utf-8", errors="replace").splitlines()

    @property
    def stdout(self) -> str:
        """What it has written there."""
        return (self.folder / "stdout").read_text("utf-8", errors="replace")

    def last_words(self) -> str:
        """The end of what it has written."""
        return (self.stdout + "\n".join(self.stderr))[-600:]

    def execute(
        self, command: Sequence[str], *, seconds: float, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one more command in it, as its user, with `more` variables. Raises `TimeoutExpired`."""
        enter = ["nsenter", "--target", str(self.first_pid()), *NAMESPACES, "--wd=/"]
        return subprocess.run(  # noqa: S603 our own words
            self._group.within([*enter, *as_its_user(self._config, command, more or {})]),
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def wait(self, *, seconds: float) -> int | None:
        """Its exit code; None if it has not ended within `seconds`."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, *, grace_seconds: float) -> tuple[int | None, float]:
        """What an engine does to stop it: the exit code, None if it had to be killed, and how long that took."""
        began = time.monotonic()
        os.kill(self.first_pid(), signal.Signals[self._config.stop_signal])
        code = self.wait(seconds=grace_seconds)
        return code, time.monotonic() - began

    def first_pid(self) -> int:
        """The first process in it, as it is known out here, once it is its entrypoint. Raises `NotRunning`."""
        pid = self._process.pid
        until = time.monotonic() + BEGIN_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            child = Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
            if child and Path(f"/proc/{child}/comm").read_text().strip() == self._config.entrypoint[0]:
                return int(child)
            time.sleep(LOOK_SECONDS)
        raise NotRunning(f"exit code {self._process.poll()}: {' '.join(self.stderr[-5:])}")

    def _look(self) -> None:
        while self._process.poll() is None:
            self.peak_bytes = max(self.peak_bytes, self._group.used_bytes)
            time.sleep(LOOK_SECONDS)


def as_its_user(config: Config, command: Sequence[str], more: Mapping[str, str]) -> list[str]:
    """`command` as an engine would run it in the image: its variables, its user, and no capability."""
    user, _, group = config.user.partition(":")
    words = ["setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups", "--no-new-privs"]
    words += ["--bounding-set=-all", "--inh-caps=-all", "env", f"--chdir={config.folder}", "--ignore-environment"]
    return [*words, *(f"{name}={value}" for name, value in (config.environment | dict(more)).items()), *command]


@contextmanager
def running(
    root: Path,
    config: Config,
    group: Cgroup,
    command: Sequence[str],
    more: Mapping[str, str] | None = None,
    *,
    on_our_network: bool = False,
) -> Iterator[Container]:
    """A container of `root` that runs `command`, in `group`; ended when this is left. Its volumes are new.

    `more` are variables. It has a network of its own, with nobody else on it, unless it is on ours.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-container-", dir=root.parent) as name:
        folder = Path(name)
        volumes = folder / "volumes"
        for volume in config.volumes:
            place = volumes / volume.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", root / volume.lstrip("/"), place], check=True)  # noqa: S603, S607 our own words
        variables = [f"ROOT={root}", f"VOLUMES={volumes}", f"SHM={SHM}", f"CGROUPS={group.version}"]
        inside = as_its_user(config, [*config.entrypoint, *command], more or {})
        namespaces = [name for name in NAMESPACES if name != "--net" or not on_our_network]
        enter = ["env", *variables, "sh", "-euc", ENTER, "enter", *config.volumes, "--", *inside]
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(  # noqa: S603 our own words
                group.within(["unshare", *namespaces, "--fork", "--kill-child", *enter]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        try:
            yield Container(process, group, config, folder)
        finally:
            process.kill()
            process.wait()
            group.kill()
