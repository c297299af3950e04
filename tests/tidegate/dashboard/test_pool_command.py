"""`tidegate pool` asks a program that runs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from tests.tidegate.dashboard.conftest import HERE, Shown
from tidegate.dashboard import Dashboard
from tidegate.demo import DemoSite
from tidegate.errors import UsageError
from tidegate.listening import Listen
from tidegate.options import print_json
from tidegate.pool_view import show_pool, state_of
from tidegate.settings import load_settings


def where(dashboard: Dashboard) -> Listen:
    return Listen("127.0.0.1", int(dashboard.url.rsplit(":", 1)[1].rstrip("/")))


@pytest.mark.database
@pytest.mark.browser
async def test_it_shows_the_leases_of_the_program_that_runs(
    shown: Shown, demo_site: DemoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shown.pool.lease(site="demo", job="reading", deadline=60, needs_page=False) as lease:
        await lease.open(f"{demo_site.url}/", timeout_seconds=10)
        state = await state_of(load_settings(), where(shown.dashboard))
    said = io.StringIO()
    show_pool(state, Console(file=said, width=160))
    assert "1 at work, 0 warm, 0 waiting; 1 pages by 1 leases" in said.getvalue()
    assert f"{demo_site.url}/" in said.getvalue()
    capsys.readouterr()
    print_json(state["pool"])
    assert [one["job"] for one in json.loads(capsys.readouterr().out)["leases"]] == ["reading"]


@pytest.mark.database
@pytest.mark.browser
async def test_the_token_that_is_set_is_brought(shown: Shown) -> None:
    guarded = Dashboard(
        HERE,
        guard=shown.guard,
        pool=shown.pool,
        database=shown.database,
        manager=shown.worker.manager,
        token="tide and time",
    )
    async with guarded.serving():
        with pytest.raises(UsageError, match="TIDEGATE_DASHBOARD_TOKEN"):
            await state_of(load_settings(), where(guarded))
        state = await state_of(load_settings(dashboard_token="tide and time"), where(guarded))
        assert state["pool"]["leases"] == []


def test_where_nothing_runs_it_is_said_in_one_line(say: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = say("pool", "--dashboard", "127.0.0.1:1")
    assert (code, out) == (2, "")
    assert err.startswith("tidegate: no Tidegate answers at 127.0.0.1:1: start `tidegate serve`")
