"""Settings: flags over `TIDEGATE_*` environment over `tidegate.toml` over defaults.

A value that is out of range is refused, not bent into shape.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from browser_pool import Endpoint
from tidegate.errors import BadSetting

FILE = "tidegate.toml"
MIB = 1 << 20


def default_data_dir() -> Path:
    """Where the database is kept: the user's data folder, for root /var/lib/tidegate."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return Path("/var/lib/tidegate")
    return Path(platformdirs.user_data_path("tidegate", appauthor=False))


def endpoints_from(value: object) -> tuple[Endpoint, ...]:
    """Places for browsers from "local,http://chromium:9222", or from a list of such. Raises `ValueError`.

    What it raises shows no password.
    """
    places = value.split(",") if isinstance(value, str) else value
    if not isinstance(places, list | tuple) or not all(isinstance(place, str | Endpoint) for place in places):
        raise ValueError('it is a list of places, such as "local,http://chromium:9222"')
    if not places or any(isinstance(place, str) and not place.strip() for place in places):
        raise ValueError('a place is empty; say "local" for a browser on this machine')
    named = [Endpoint.parse(place) if isinstance(place, str) else place for place in places]
    twice = next((one for one in named if named.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice.name} is named twice")
    return tuple(named)


class Settings(BaseSettings):
    """All that can be set. Sizes that depend on the machine are measured instead."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", toml_file=FILE, extra="forbid", frozen=True)

    database_url: str | None = None
    """A Postgres to use; the embedded one where this is not set."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where the embedded Postgres keeps its data."""
    chromium: Path | None = None
    """The Chromium to use; found by itself where this is not set."""
    browsers: Annotated[tuple[Endpoint, ...], NoDecode, BeforeValidator(endpoints_from)] = (Endpoint(),)
    """Where browsers come from: "local", and addresses of others, with commas between them."""
    sites_dir: Path | None = None
    """A folder of site definitions of your own; they go before the built-in ones of the same name."""
    memory_limit_mb: Annotated[int, Field(ge=128)] | None = None
    """A limit below that of the machine or the container."""
    max_contexts: Annotated[int, Field(ge=1, le=256)] | None = None
    """At most so many browser contexts at once; two a core where this is not set."""
    page_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    """How long one page may take."""
    feed_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """How long one feed may take."""
    allow_private: bool = False
    """Open addresses in private networks and on this machine, too."""
    evidence_mb: Annotated[int, Field(ge=0, le=100_000)] = 100
    """So much is kept of what pages looked like that were not what was asked for, the oldest go first; 0: nothing."""
    heed_robots: bool = True
    """Heed robots.txt."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file: in that order."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))


def load_settings(**flags: Any) -> Settings:
    """The settings, with the flags that were given. Raises `BadSetting`: which value, and what is allowed."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "value_error":
            # Words of our own: they show what of the value may be shown.
            raise BadSetting(name, None, str(first["ctx"]["error"]).rstrip(".")) from None
        raise BadSetting(name, first.get("input"), first["msg"]) from None
    except ValueError as error:
        raise BadSetting(FILE, "", str(error)) from None
