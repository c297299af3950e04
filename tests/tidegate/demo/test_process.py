"""The site is a process that is never left behind."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE

import psutil
import pytest

from tidegate.demo import DemoSite, DemoSiteError, PortInUse

OWNER = """
import asyncio
from tidegate.demo import DemoSite

async def own():
    async with DemoSite(posts=5) as site:
        print(site.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.mark.processes
async def test_the_process_is_gone_when_the_site_is_left() -> None:
    async with DemoSite(posts=5) as site:
        process = psutil.Process(site.pid)
        assert process.is_running()
    assert not psutil.pid_exists(process.pid)
    with pytest.raises(DemoSiteError, match="not running"):
        _ = site.url


@pytest.mark.processes
async def test_the_process_is_gone_when_what_used_it_failed() -> None:
    pids: list[int] = []

    async def fail() -> None:
        async with DemoSite(posts=5) as site:
            pids.append(site.pid)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not psutil.pid_exists(pids[0])


@pytest.mark.processes
async def test_the_process_is_gone_when_starting_it_was_cancelled() -> None:
    before = set(psutil.Process().children())
    starting = asyncio.create_task(DemoSite(posts=5).__aenter__())
    while not (started := set(await asyncio.to_thread(psutil.Process().children)) - before):
        pass
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not any(process.is_running() for process in started)


@pytest.mark.processes
async def test_a_site_that_does_not_heed_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.demo.process.STOP_SECONDS", 0.2)
    async with DemoSite(posts=5) as site:
        process = psutil.Process(site.pid)
        process.suspend()
    assert not psutil.pid_exists(process.pid)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
async def test_the_process_dies_with_an_owner_that_was_killed() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, stdout=PIPE)
    assert owner.stdout is not None
    site = psutil.Process(int(await owner.stdout.readline()))
    assert site.is_running()
    owner.kill()
    await owner.communicate()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [site], timeout=10)
    # An orphan is collected by whatever adopted it, in its own time.
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.processes
async def test_a_port_in_use_is_said_to_be() -> None:
    async with DemoSite(posts=5) as site:
        port = int(site.url.rsplit(":", 1)[1])
        other = DemoSite(posts=5, port=port)
        with pytest.raises(PortInUse, match=f"port {port} is in use; choose another with --port") as refused:
            await other.__aenter__()
        assert refused.value.port == port


@pytest.mark.processes
async def test_a_site_that_can_not_start_says_so() -> None:
    with pytest.raises(DemoSiteError, match="can't listen on port 99999"):
        await DemoSite(posts=5, port=99_999).__aenter__()


@pytest.mark.processes
async def test_a_site_that_died_does_not_pretend_to_answer() -> None:
    async with DemoSite(posts=5) as site:
        process = psutil.Process(site.pid)
        process.kill()
        while await asyncio.to_thread(process.is_running):
            pass
        with pytest.raises(DemoSiteError, match="does not answer"):
            await site.stats()


async def test_the_site_listens_on_loopback_only(site: DemoSite) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(site.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.skipif(sys.platform != "linux", reason="measured there")
async def test_the_site_stays_lean(site: DemoSite) -> None:
    assert psutil.Process(site.pid).memory_full_info().uss < 45 * 2**20


@pytest.mark.processes
async def test_a_site_that_runs_is_not_started_again() -> None:
    async with DemoSite(posts=5) as site:
        with pytest.raises(DemoSiteError, match="runs already"):
            await site.__aenter__()
        assert await site.stats()


@pytest.mark.processes
async def test_the_port_can_be_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with DemoSite(posts=5, port=port) as site:
        assert site.url == f"http://127.0.0.1:{port}"
