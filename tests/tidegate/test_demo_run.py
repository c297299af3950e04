"""`tidegate demo`, as `make run` runs it: the whole program, to the end, with nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memory.readings import memory_cgroups
from tests.needs import rest_slow

Start = Callable[..., "subprocess.Popen[str]"]
PATIENCE_SECONDS = 120
LIMIT_BYTES = 512 << 20


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


@pytest.mark.processes
def test_it_reads_everything_as_it_is_and_a_later_run_keeps_its_rows_and_reads_the_site_of_its_own(
    start: Start, left_over: Callable[[], list[str]]
) -> None:
    code, out, err = finish(start("demo", "--posts", "20"))
    assert (code, err) == (0, "")
    assert "16 ok" in out
    assert "stored values equal the demo site's own data, 0 do not" in out
    assert "OOM kills: 0" in out
    assert left_over() == []
    code, out, _ = finish(start("demo", "--posts", "10"))
    assert code == 0
    assert " views │" in out.split("since last")[1]
    assert "success: 10 pages" in out
    assert "timeout" not in out
    assert left_over() == []


@pytest.mark.processes
@pytest.mark.slow
def test_two_at_once_are_one_and_a_word_about_the_other(start: Start) -> None:
    first = start("demo", "--posts", "60")
    assert first.stdout is not None
    for line in first.stdout:
        if "(0/60)" in line:
            break
    code, _, err = finish(start("demo", "--posts", "10"))
    assert code == 1
    assert "another demo is running" in err
    assert err.count("\n") == 1
    assert finish(first)[0] == 0


@pytest.mark.processes
@pytest.mark.parametrize("number", rest_slow((signal.SIGTERM, signal.SIGINT)))
def test_a_signal_ends_it_in_order(start: Start, left_over: Callable[[], list[str]], number: signal.Signals) -> None:
    process = start("demo", "--posts", "200")
    assert process.stdout is not None
    for line in process.stdout:
        if "(0/200)" in line:
            break
    assert len(left_over()) > 5, "this is how what is left over would be found"
    process.send_signal(number)
    code, _, err = finish(process)
    assert code == 128 + number
    assert err.strip().splitlines() == [f"tidegate: stopped by {number.name}; what was read is kept"]
    assert left_over() == []


@pytest.mark.processes
def test_a_data_folder_that_is_removed_under_it_is_a_failure_in_one_line(
    start: Start, open_folder: Path, left_over: Callable[[], list[str]]
) -> None:
    process = start("demo", "--posts", "200")
    assert process.stdout is not None
    for line in process.stdout:
        if "(0/200)" in line:
            break
    # The server notices, and takes away files of its own at the same time.
    shutil.rmtree(open_folder / "cli", ignore_errors=True)
    code, _, err = finish(process)
    shutil.rmtree(open_folder / "cli", ignore_errors=True)
    assert code == 1
    assert err.splitlines()[-1].startswith("tidegate: the database failed while it was at work: ")
    assert "Traceback (most recent" not in err
    assert left_over() == []


@pytest.fixture
def box() -> Iterator[Path]:
    """A memory cgroup of 512 MiB. Skipped where none can be made."""
    own = next(iter(memory_cgroups()), None)
    if own is None or os.geteuid() != 0:
        pytest.skip("making a memory cgroup needs root and a memory controller")
    folder = own.path / f"tidegate-test-{os.getpid()}"
    limit = "memory.limit_in_bytes" if own.version == 1 else "memory.max"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(LIMIT_BYTES))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield folder
    folder.rmdir()


@pytest.mark.processes
def test_in_512_mib_it_finishes_and_the_kernel_kills_nothing(start: Start, box: Path) -> None:
    enter = ("/bin/sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', str(box))
    code, out, err = finish(start("demo", "--posts", "40", prefix=enter))
    assert (code, err) == (0, "")
    assert "of 512 MiB (cgroup" in out
    assert "OOM kills: 0" in out
    assert "36 ok" in out
