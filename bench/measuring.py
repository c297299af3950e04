"""One run of one entrant: started, listened to, ended, and what it took.

The harness and the site are outside the cgroup; the entrant and all that it starts are inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from bench.cgroup import Cgroup, NoCgroup, memory_cgroup
from bench.roster import Entrant
from bench.task import Record
from bench.workloads import Workload
from tidegate.demo import DemoSite

MIB: Final = 1 << 20
SAMPLE_SECONDS: Final = 0.1
END_SECONDS: Final = 15.0
"""How long an entrant may take to end after it has told its last page."""
SILENT_SECONDS: Final = 75.0
"""So long an entrant may tell nothing before it is taken to hang: more than opening and reading a page may take."""
LEFT_LOOKS: Final = 30
"""So many samples long what an entrant has started may outlive it: Chromium's helpers take a moment to end."""
MOST_LINE_BYTES: Final = 1 << 20
LAST_LINES: Final = 2
MOST_LINE_CHARACTERS: Final = 300
_ROOT: Final = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Plan:
    """Which run this is. `limit_mib` is the cgroup's limit; None where there is none. `round` counts from 0."""

    entrant: str
    workload: str
    limit_mib: int | None
    round: int
    pages: int
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. Seconds and bytes; None is not known here.

    Of `plan.pages` pages, `completed` were read in full and right, `wrong` were told and are not true, `lost` were
    given up or never told though the entrant had ended, and `unfinished` were still to come when its time was over.
    `seconds` is from its start to its end; `first_page_seconds` from its start to the first right page.
    `pages_per_second` counts from the first right pages on, one by each worker, up to the last that was told, or to
    the end of the process where pages are missing: what starting costs is in `first_page_seconds`. `left_processes`
    had to be ended though the entrant had ended, or was done and did not end. `ended` says how: `exit 0`, `exit 1`,
    `signal 9`, `stopped`. `last_words` is the end of what it wrote to standard error, where it did not complete
    everything; see `last_words`.
    """

    plan: Plan
    completed: int
    wrong: int
    lost: int
    unfinished: int
    seconds: float
    first_page_seconds: float | None
    pages_per_second: float
    cpu_seconds: float | None
    peak_bytes: int | None
    used_peak_bytes: int | None
    limit_hits: int | None
    oom_kills: int | None
    left_processes: int | None
    ended: str
    last_words: str = ""


@dataclass(slots=True)
class Course:
    """What has been told so far, and when. A page that is told twice counts once."""

    started: float = field(default_factory=time.perf_counter)
    right: dict[int, float] = field(default_factory=dict)
    wrong: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    last: float = 0.0

    def note(self, index: int, posts: Sequence[Record] | None, *, is_right: bool) -> None:
        """One page more was told."""
        now = time.perf_counter() - self.started
        if index in self.right or index in self.wrong or index in self.given_up:
            return
        self.last = now
        if posts is None:
            self.given_up.add(index)
        elif is_right:
            self.right[index] = now
        else:
            self.wrong.add(index)

    @property
    def told(self) -> int:
        """How many pages were told, rightly or not."""
        return len(self.right) + len(self.wrong) + len(self.given_up)

    def pages_per_second(self, *, tried: int, workers: int, seconds: float) -> float:
        """Right pages after the first of each worker, over the time from then to the end of the work; see `Run`."""
        if len(self.right) <= workers:
            return len(self.right) / seconds
        end = self.last if self.told == tried else seconds
        return (len(self.right) - workers) / (end - sorted(self.right.values())[workers - 1])


async def measure(
    plan: Plan, entrant: Entrant, workload: Workload, site: DemoSite, hear: Callable[[dict[str, Any]], None] = print
) -> Run:
    """Run `entrant` once; `hear` gets what it says besides pages.

    Raises `NoCgroup` where there is a limit and none can be set, `NoEnvironment` where its packages can't be had.
    """
    task = workload.task(site, plan.pages)

    def is_right(index: int, posts: Sequence[Record]) -> bool:
        return workload.is_right(site, task.addresses[index], posts)

    with (
        tempfile.TemporaryDirectory(prefix="tidegate-bench-", ignore_cleanup_errors=True) as folder,
        _group(plan) as group,
    ):
        task_file = Path(folder) / "task.json"
        task.write(task_file)
        command = entrant.command(task_file)
        course, sampler = Course(), _Sampler(group)
        with (Path(folder) / "stderr").open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(group.within(command) if group else command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=_ROOT,
                env=entrant.environment(Path(folder)),
                limit=MOST_LINE_BYTES,
                start_new_session=True,
            )
            try:
                async with sampler.running():
                    is_stopped = not await _listen(process, course, is_right, hear, plan.most_seconds)
                    left = await _end(process, group, is_stopped=is_stopped)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                if group is None:
                    _end_those_of(folder)
        seconds = time.perf_counter() - course.started
        completed = len(course.right)
        untold = plan.pages - course.told
        words = last_words((Path(folder) / "stderr").read_text(errors="replace"))
        return Run(
            plan=plan,
            completed=completed,
            wrong=len(course.wrong),
            lost=len(course.given_up) + (0 if is_stopped else untold),
            unfinished=untold if is_stopped else 0,
            seconds=seconds,
            first_page_seconds=min(course.right.values(), default=None),
            pages_per_second=course.pages_per_second(tried=plan.pages, workers=task.workers, seconds=seconds),
            cpu_seconds=group.cpu_seconds if group else None,
            peak_bytes=group.peak_bytes if group else None,
            used_peak_bytes=sampler.used_peak_bytes,
            limit_hits=group.limit_hits if group else None,
            oom_kills=group.oom_kills if group else None,
            left_processes=left,
            ended=_how(process.returncode, is_stopped=is_stopped),
            last_words=words if completed < plan.pages else "",
        )


@contextlib.contextmanager
def _group(plan: Plan) -> Iterator[Cgroup | None]:
    """The group to run in. Without a limit a run goes on where no group can be had, and less is known of it."""
    with contextlib.ExitStack() as stack:
        try:
            limit_bytes = None if plan.limit_mib is None else plan.limit_mib * MIB
            group = stack.enter_context(memory_cgroup(limit_bytes))
        except NoCgroup:
            if plan.limit_mib is not None:
                raise
            group = None
        yield group


async def _listen(
    process: asyncio.subprocess.Process,
    course: Course,
    is_right: Callable[[int, Sequence[Record]], bool],
    hear: Callable[[dict[str, Any]], None],
    most_seconds: float,
) -> bool:
    """Note what is told, until the process says nothing more. False when its time was over first, or it hung."""
    assert process.stdout is not None  # noqa: S101, asked for with PIPE
    try:
        async with asyncio.timeout(most_seconds):
            while line := await asyncio.wait_for(process.stdout.readline(), SILENT_SECONDS):
                try:
                    said = json.loads(line)
                except ValueError:  # it was killed in the middle of a line
                    continue
                if "index" not in said:
                    hear(said)
                    continue
                index, posts = said["index"], said["posts"]
                course.note(index, posts, is_right=posts is not None and is_right(index, posts))
    except TimeoutError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process, group: Cgroup | None, *, is_stopped: bool) -> int | None:
    """See that everything has ended; how many had to be made to, where the entrant had not been stopped.

    None without a group: whose parent has ended can't be told from others then.
    """
    if not is_stopped:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
    if group is None:
        return None
    for _ in range(0 if is_stopped else LEFT_LOOKS):
        if group.pids:
            await asyncio.sleep(SAMPLE_SECONDS)
    left = len(group.pids)
    group.kill()
    await process.wait()
    return 0 if is_stopped else left


def last_words(text: str) -> str:
    """The last lines of what was said, without the frames of tracebacks: where a file lies says nothing of a run."""
    lines = [
        line for line in text.replace(f"{_ROOT}/", "").splitlines() if line.strip("^ ") and not line[0].isspace()
    ]
    return "\n".join(line[:MOST_LINE_CHARACTERS] for line in lines[-LAST_LINES:])


def _end_those_of(folder: str) -> None:
    """End what was started with this scratch folder, whoever its parent is by now."""
    ended = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("TMPDIR") == folder:
                one.kill()
                ended.append(one)
    psutil.wait_procs(ended, timeout=1)


class _Sampler:
    """Looks what the group uses, a few times a second."""

    def __init__(self, group: Cgroup | None) -> None:
        self._group = group
        self.used_peak_bytes = group.used_bytes if group else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look as long as this is open."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        while self._group is not None:
            self.used_peak_bytes = max(self.used_peak_bytes or 0, self._group.used_bytes)
            await asyncio.sleep(SAMPLE_SECONDS)


def _how(code: int | None, *, is_stopped: bool) -> str:
    if is_stopped:
        return "stopped"
    return f"signal {-code}" if code is not None and code < 0 else f"exit {code}"
