from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bench import environments
from bench.roster import ROSTER, Entrant
from bench.task import Record, Task
from bench.workloads import WORKLOADS, Workload, by_name
from tests.bench.truth import COUNTS, record_of
from tidegate.demo import DemoSite

pytestmark = [pytest.mark.processes, pytest.mark.slow]

OWN = [entrant for entrant in ROSTER if entrant.environment_of is None]
PEERS = [entrant for entrant in ROSTER if entrant.environment_of is not None]
RUN_SECONDS = 120.0


async def told(entrant: Entrant, task: Task, folder: Path) -> dict[int, list[Record] | None]:
    """What an entrant tells, by index; each page once."""
    file = folder / "task.json"
    task.write(file)
    process = await asyncio.create_subprocess_exec(
        *entrant.command(file), stdout=asyncio.subprocess.PIPE, env=entrant.environment(folder)
    )
    async with asyncio.timeout(RUN_SECONDS):
        said, _ = await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert len({line["index"] for line in lines}) == len(lines)
    return {line["index"]: line["posts"] for line in lines}


@pytest.mark.parametrize("entrant", OWN, ids=lambda entrant: entrant.name)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
async def test_every_entrant_of_ours_reads_every_kind_of_page_in_full(
    entrant: Entrant, workload: Workload, bench_site: DemoSite, tmp_path: Path
) -> None:
    task = workload.task(bench_site, 2)
    found = await told(entrant, task, tmp_path)
    assert sorted(found) == [0, 1]
    for address in task.addresses:
        assert workload.is_right(bench_site, address, found[address.index] or [])


@pytest.mark.parametrize("entrant", PEERS, ids=lambda entrant: entrant.name)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
async def test_every_peer_reads_every_kind_of_page_in_full(
    entrant: Entrant, workload: Workload, bench_site: DemoSite, tmp_path: Path
) -> None:
    name = entrant.environment_of or ""
    if not environments.is_made(
        environments.FOLDER / name, environments.stamp_of(environments.requirements_of(name))
    ):
        pytest.skip(f"`make bench` has not made the environment of {name}")
    task = workload.task(bench_site, 2)
    found = await told(entrant, task, tmp_path)
    for address in task.addresses:
        assert workload.is_right(bench_site, address, found[address.index] or [])


async def test_a_value_that_is_not_true_is_not_right(bench_site: DemoSite, tmp_path: Path) -> None:
    workload = by_name("light")
    task = workload.task(bench_site, 1)
    (posts,) = (await told(OWN[0], task, tmp_path)).values()
    assert posts is not None
    address = task.addresses[0]
    assert workload.is_right(bench_site, address, posts)
    post = posts[0]
    wrong: dict[str, Any] = {
        **{name: post[name] + 1 for name in COUNTS},
        "author": "somebody",
        "text": f"{post['text']}!",
        "time": "2020-01-01T00:00:00Z",
        "id": bench_site.world.posts[1].id,
    }
    for name, value in wrong.items():
        assert not workload.is_right(bench_site, address, [{**post, name: value}]), name
        assert not workload.is_right(bench_site, address, [{**post, name: None}]), name
    assert not workload.is_right(bench_site, address, [])
    assert not workload.is_right(bench_site, address, [post, post])


def test_a_feed_has_to_be_whole_and_each_post_in_it_once(bench_site: DemoSite) -> None:
    workload = by_name("feed")
    address = workload.task(bench_site, 1).addresses[0]
    posts = [record_of(bench_site, place) for place in range(workload.limit or 0)]
    assert workload.is_right(bench_site, address, posts)
    assert not workload.is_right(bench_site, address, posts[:-1])
    assert not workload.is_right(bench_site, address, [*posts[:-1], posts[0]])
    assert not workload.is_right(bench_site, address, [*posts[:-1], {**posts[-1], "likes": -1}])


def test_a_task_is_the_same_after_it_was_written_and_loaded(bench_site: DemoSite, tmp_path: Path) -> None:
    task = by_name("feed").task(bench_site, 3)
    task.write(tmp_path / "task.json")
    assert Task.load(tmp_path / "task.json") == task
