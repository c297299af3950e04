"""`tidegate config`: see `tidegate.configuration`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.beginning import begin
from tidegate.options import Format, Verbose

app = typer.Typer(help="Settings: as they are, each with where it comes from; and a file to begin with.")


@app.command()
def show(
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,  # noqa: A002 the option's own name
    verbose: Verbose = False,
) -> None:
    """Show every setting, its value, and whether that is from a variable, from tidegate.toml, or the default.

    Passwords, keys and tokens are not shown.

    Example: tidegate config show
    """
    from dataclasses import asdict

    from tidegate.configuration import settings_shown
    from tidegate.listing import print_rows

    rows = [asdict(row) for row in settings_shown(begin(verbose=verbose))]
    names = ("name", "value", "origin") if format is Format.TABLE else ("name", "value", "origin", "what")
    print_rows(rows, format, names=names, roomy="value")


@app.command()
def init(
    force: Annotated[bool, typer.Option("--force", help="Write over one that is there.")] = False,
) -> None:
    """Write tidegate.toml into the current folder: every setting with what it is, all commented out.

    Example: tidegate config init
    """
    from tidegate.configuration import write_file
    from tidegate.settings import FILE

    write_file(Path(FILE), force=force)
    typer.echo(f"{FILE} is written: uncomment what you want to change; `tidegate config show` tells what holds")
