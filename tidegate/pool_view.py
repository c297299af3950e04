"""`tidegate pool`: the pool of a program that runs, asked for at its dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.errors import UsageError
from tidegate.formats import plain
from tidegate.listening import Listen
from tidegate.settings import MIB, Settings

ASK_SECONDS: Final = 15.0


async def state_of(settings: Settings, listen: Listen) -> Mapping[str, Any]:
    """What the dashboard of a running program says. Raises `UsageError` where none answers, or asks for a token."""
    token = settings.dashboard_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    url = f"http://{listen}/state"
    try:
        async with httpx2.AsyncClient(timeout=ASK_SECONDS, trust_env=False) as asks:
            answer = await asks.get(url, headers=headers)
            answer.raise_for_status()
            state = answer.json()
    except httpx2.HTTPStatusError as error:
        said = "it wants a token: TIDEGATE_DASHBOARD_TOKEN" if error.response.status_code == 401 else str(error)
        raise UsageError(f"the dashboard at {listen} refuses: {said}") from None
    except (httpx2.HTTPError, ValueError):
        raise UsageError(
            f"no Tidegate answers at {listen}: start `tidegate serve`, or name its dashboard with --dashboard"
        ) from None
    if not isinstance(state, dict) or not isinstance(state.get("pool"), dict):
        raise UsageError(f"what answers at {listen} is no dashboard of Tidegate; name it with --dashboard")
    return state


def show_pool(state: Mapping[str, Any], console: Console) -> None:
    """The pool, for people."""
    pool = state["pool"]
    now = pool["statistics"]
    console.print(
        f"{now['leased']} at work, {now['free']} warm, {now['waiting']} waiting; {now['pages_opened']} pages by "
        f"{now['granted']} leases; {now['browser_launches']} browsers launched, {now['browsers_lost']} lost, "
        f"{now['recalled']} leases recalled",
        soft_wrap=True,
    )
    if pool["leases"]:
        rows = [
            (
                str(lease["number"]),
                plain(lease["site"]),
                lease["job"],
                f"{lease['age_seconds']:.0f}",
                f"{lease['remaining_seconds']:.0f}",
                f"{lease['reserved_bytes'] / MIB:.0f}",
                plain(lease["url"] or ""),
            )
            for lease in pool["leases"]
        ]
        console.print(_table(("lease", "site", "job", "age s", "left s", "reserved MiB", "page"), rows))
    if pool["waiters"]:
        rows_waiting = [
            (plain(one["site"]), one["job"], str(one["priority"]), f"{one['waited_seconds']:.0f}")
            for one in pool["waiters"]
        ]
        console.print(_table(("waits for", "job", "priority", "since s"), rows_waiting))
    for url in pool["quarantined"]:
        console.print(Text(f"left alone, as the browser died under it: {plain(url)}", "yellow"), soft_wrap=True)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        is_number = head.endswith((" s", "MiB", "lease", "priority"))
        table.add_column(head, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
