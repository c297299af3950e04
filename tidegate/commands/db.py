"""`tidegate db`: see `tidegate.database_tools`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.beginning import begin
from tidegate.options import Verbose
from tidegate.running import run_until_done

app = typer.Typer(help="The database: where it is, a shell to it, a copy of it.")


@app.command("url")
def url(
    show_password: Annotated[bool, typer.Option("--show-password", help="Show the password, too.")] = False,
    verbose: Verbose = False,
) -> None:
    """Print the address of the database, for a client of your own.

    Example: psql "$(tidegate db url --show-password)"
    """
    from tidegate.database_tools import address_of

    address = address_of(begin(verbose=verbose), show_password=show_password)
    typer.echo(address.dsn)
    if address.is_embedded:
        now = "which something does now" if address.is_served else "which nothing does now: `tidegate db shell` would"
        typer.echo(
            f"tidegate: this is the embedded database; it is there only while something of Tidegate runs, {now}",
            err=True,
        )


@app.command("shell")
def shell(verbose: Verbose = False) -> None:
    """Open psql. The embedded database runs as long as the shell does.

    Examples: tidegate db shell | echo 'select count(*) from posts' | tidegate db shell
    """
    from tidegate.database_tools import shell as open_shell

    code = run_until_done(open_shell(begin(verbose=verbose)))
    if code:
        raise typer.Exit(code)


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    verbose: Verbose = False,
) -> None:
    """Write the whole database to a file, as it is at one moment, while others work on.

    The file is there under its name only when it is whole. It comes back on any server and with any later version of
    Tidegate. It holds all that was read, and is readable for its owner only.

    Example: tidegate db backup tidegate-2026-01-02.zip
    """
    from tidegate.database_tools import backup_to

    done = run_until_done(backup_to(begin(verbose=verbose), file))
    size = file.stat().st_size
    typer.echo(
        f"{done.total:,} rows of {len(done.rows)} tables in {file} ({size / (1 << 20):.1f} MiB), "
        f"schema version {done.version}"
    )


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `tidegate db backup` has written.")],
    replace: Annotated[bool, typer.Option("--replace", help="Drop what is there for what is in the backup.")] = False,
    verbose: Verbose = False,
) -> None:
    """Bring a backup back and up to date, all of it or nothing. Nobody else may use the database meanwhile.

    Example: tidegate db restore tidegate-2026-01-02.zip
    """
    from tidegate.database_tools import restore_from

    done = run_until_done(restore_from(begin(verbose=verbose), file, replace=replace))
    typer.echo(f"{done.total:,} rows of {len(done.rows)} tables are back, from schema version {done.version}")


@app.command("migrate")
def migrate(verbose: Verbose = False) -> None:
    """Bring the tables up to date. Every command does so by itself; this does nothing else, and says so.

    Example: tidegate db migrate
    """
    from tidegate.database_tools import migrate_forward

    before, after = run_until_done(migrate_forward(begin(verbose=verbose)))
    if before == after:
        typer.echo(f"the schema is up to date, at version {after}")
    else:
        typer.echo(f"the schema went from version {before} to {after}")
