"""Settings: flags over `TIDEGATE_*` environment over files of secrets over `tidegate.toml` over defaults.

A value that is out of range is refused, not bent into shape.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from browser_pool import Endpoint
from jobs.schedule import Schedule
from jobs.scoring import ScoringPolicy, scoring_policy
from tidegate.errors import BadSetting
from tidegate.listening import Listen, listen_from
from tidegate.secret_files import USUAL, SecretFiles, secret_files

FILE = "tidegate.toml"
JOBS: Final = ("metrics_scraper", "reply_harvester", "learn", "plan", "reply", "maintenance")
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


def schedules_from(value: object) -> Mapping[str, Schedule | None]:
    """Schedules by job from "every 20m", "cron 0 7 * * * in Europe/Berlin" or "off". Raises `ValueError`."""
    if not isinstance(value, Mapping):
        raise ValueError('it is a table of schedules by job, such as {metrics_scraper = "every 10m"}')  # noqa: TRY004 pydantic's
    unknown = [str(name) for name in value if name not in JOBS]
    if unknown:
        raise ValueError(f"there is no job {unknown[0]}; there are {', '.join(JOBS)}")
    return {name: None if rule == "off" else Schedule.parse(str(rule)) for name, rule in value.items()}


def scoring_from(value: object) -> ScoringPolicy:
    """A policy from a table of its fields; times in hours, tiers as tables. Raises `ValueError`."""
    if isinstance(value, ScoringPolicy):
        return value
    if not isinstance(value, Mapping):
        raise ValueError('it is a table, such as {min_likes = 5, languages = ["de"]}')  # noqa: TRY004 as above
    return scoring_policy(value)


def with_password(values: Any) -> Any:
    """The settings as they were given, with `database_password` in `database_url`. Raises `BadSetting`.

    A password that stands in the address already goes before one in its query.
    """
    password = values.get("database_password") if isinstance(values, dict) else None
    if password is None:
        return values
    address = values.get("database_url")
    if not isinstance(address, str):
        raise BadSetting("database_password", None, "it is for a database_url, and there is none")
    text = password.get_secret_value() if isinstance(password, SecretStr) else str(password)
    return values | {"database_url": f"{address}{'&' if '?' in address else '?'}password={quote(text, safe='')}"}


class Settings(BaseSettings):
    """All that can be set. Sizes that depend on the machine are measured instead."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEGATE_",
        toml_file=FILE,
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )

    database_url: str | None = Field(default=None, repr=False)
    """A Postgres to use; the embedded one where this is not set."""
    database_password: SecretStr | None = None
    """The password for it, where the address has none."""
    secrets_dir: Path = USUAL
    """A folder of files that each hold one setting: `tidegate_database_url`, `tidegate_dashboard_token` and such."""
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
    posts_a_target: Annotated[int, Field(ge=1, le=10_000)] = 100
    """So many posts are taken from a target at a time; that there were more is told."""
    allow_private: bool = False
    """Open addresses in private networks and on this machine, too."""
    evidence_mb: Annotated[int, Field(ge=0, le=100_000)] = 100
    """So much is kept of what pages looked like that were not what was asked for, the oldest go first; 0: nothing."""
    heed_robots: bool = True
    """Heed robots.txt."""

    schedules: Annotated[Mapping[str, Schedule | None], BeforeValidator(schedules_from)] = Field(default_factory=dict)
    """When jobs run, by job, where that is not when they usually do; "off": never."""
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 25.0
    """How long a worker that is told to stop lets pages come to their end."""
    snapshots_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """How long snapshots are kept; for ever where this is not set. The last one of each post always is."""
    history_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """How long runs, their tasks, and outcomes of pages are kept."""

    dashboard: Annotated[Listen | None, NoDecode, BeforeValidator(listen_from)] = None
    """Where the dashboard, health and metrics listen: HOST:PORT, "off", or as the command usually does."""
    dashboard_token: SecretStr | None = None
    """What whoever asks has to know; needed wherever others than this machine can ask."""

    scoring: Annotated[ScoringPolicy, BeforeValidator(scoring_from)] = ScoringPolicy()
    """Which conversations are worth a reply."""
    topics: tuple[str, ...] = ()
    """What posts are planned about."""
    templates_file: Path | None = None
    """Templates of your own for drafts; the built-in ones where this is not set."""
    drafts_a_day: Annotated[int, Field(ge=0, le=10_000)] = 20
    """So many replies are drafted a day at most."""
    drafts_a_day_an_author: Annotated[int, Field(ge=0, le=10_000)] = 1
    """So many to the same author."""
    planned_a_day: Annotated[int, Field(ge=0, le=10_000)] = 4
    """So many posts are planned a day at most."""
    openai_url: str | None = None
    """The base address of an endpoint for chat completions; none is used where this is not set."""
    openai_model: str | None = None
    """The model to ask for there."""
    openai_key: SecretStr | None = None
    """The key for it."""
    openai_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 25.0
    """How long one answer may take."""
    openai_requests_a_day: Annotated[int, Field(ge=0)] = 200
    """So many requests a day at most, on all machines together."""
    openai_tokens_a_day: Annotated[int, Field(ge=0)] = 200_000
    """So many tokens a day at most, on all machines together."""

    _with_password = model_validator(mode="before")(with_password)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, files of secrets, file: in that order."""
        toml = TomlConfigSettingsSource(settings_cls)
        files = _files_of(toml() | env_settings() | init_settings())
        return (init_settings, env_settings, SecretFiles(settings_cls, files), toml)


def _files_of(given: Mapping[str, Any]) -> dict[str, Path]:
    return secret_files(Path(given.get("secrets_dir", USUAL)), Settings.model_fields)


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
        raise BadSetting(name, None if _is_secret(name, given) else first.get("input"), first["msg"]) from None
    except ValueError as error:
        raise BadSetting(FILE, "", str(error)) from None


def _is_secret(name: str, flags: Mapping[str, Any]) -> bool:
    """Whether a value that was refused comes from a file of secrets, and so is not to be shown."""
    environment = EnvSettingsSource(Settings)()
    files = _files_of(TomlConfigSettingsSource(Settings)() | environment | dict(flags))
    return name.partition(".")[0] in files.keys() - environment.keys() - flags.keys()
