"""Settings: flags over `TIDEGATE_*` environment over `tidegate.toml` over defaults.

A value that is out of range is refused, not bent into shape.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tidegate.errors import BadSetting

FILE = "tidegate.toml"
MIB = 1 << 20


def default_data_dir() -> Path:
    """Where the database is kept: the user's data folder, for root /var/lib/tidegate."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return Path("/var/lib/tidegate")
    return Path(platformdirs.user_data_path("tidegate", appauthor=False))


class Settings(BaseSettings):
    """All that can be set. Sizes that depend on the machine are measured instead."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", toml_file=FILE, extra="forbid", frozen=True)

    database_url: str | None = None
    """A Postgres to use; the embedded one where this is not set."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where the embedded Postgres keeps its data."""
    chromium: Path | None = None
    """The Chromium to use; found by itself where this is not set."""
    sites_dir: Path | None = None
    """A folder of site definitions of your own; they go before the built-in ones of the same name."""
    memory_limit_mb: Annotated[int, Field(ge=128)] | None = None
    """A limit below that of the machine or the container."""
    max_contexts: Annotated[int, Field(ge=1, le=256)] | None = None
    """At most so many browser contexts at once; two a core where this is not set."""
    page_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    """How long one page may take."""
    allow_private: bool = False
    """Open addresses in private networks and on this machine, too."""
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
        raise BadSetting(name, first.get("input"), first["msg"]) from None
    except ValueError as error:
        raise BadSetting(FILE, "", str(error)) from None
