"""`tidegate pool`: see `tidegate.pool_view`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.beginning import begin
from tidegate.options import Json, Verbose, print_json
from tidegate.running import run_until_done


def pool(
    dashboard: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the dashboard of the program to ask is.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show the browser pool of a `tidegate serve` that runs: each lease with its site, age and deadline; who waits.

    Example: tidegate pool
    """
    from tidegate.formats import console_for_results
    from tidegate.pool_view import show_pool, state_of
    from tidegate.serving import USUAL

    settings = begin(verbose=verbose, dashboard=dashboard)
    listen = settings.dashboard if settings.dashboard is not None and not settings.dashboard.is_off else USUAL
    state = run_until_done(state_of(settings, listen))
    if as_json:
        print_json(state["pool"])
    else:
        show_pool(state, console_for_results())
