"""The options that groups of commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _a_name(value: str | None) -> str | None:
    """What is no text, such as bytes of another encoding, can't be asked for."""
    if value is not None and not value.isprintable():
        raise typer.BadParameter("it holds what is in no name")
    return value


Site = Annotated[str | None, typer.Option(help="The site definition to read by.", show_default="by address")]
OfSite = Annotated[str | None, typer.Option(help="Only what is of this site.", callback=_a_name)]
TheirSite = Annotated[str, typer.Option("--site", help="The site whose authors they are.", callback=_a_name)]
AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Private addresses, too.")]
