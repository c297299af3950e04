"""The settings as they are, each with where it comes from; and a file to begin with."""

from __future__ import annotations

import json
import os
import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from browser_pool import Endpoint
from jobs.scoring import ScoringPolicy
from scraper.store.database import without_password
from tidegate.errors import UsageError
from tidegate.listening import Listen
from tidegate.secret_files import secret_files
from tidegate.settings import FILE, Settings

PREFIX: Final = "TIDEGATE_"
DEFAULT: Final = "default"
HIDDEN: Final = "***"
WIDTH: Final = 100

HEAD: Final = """\
# Settings of Tidegate, each commented out, with its default or, where there is none, an example.
# Flags go before TIDEGATE_ variables, those before files of secrets, and those before this file:
# `tidegate config show` tells what holds.
"""

_EXAMPLES: Final[Mapping[str, str]] = {
    "database_url": '"postgresql://tidegate@localhost/tidegate"',
    "database_password": '"a-secret"',
    "chromium": '"/usr/bin/chromium-headless-shell"',
    "sites_dir": '"sites"',
    "memory_limit_mb": "512",
    "max_contexts": "4",
    "snapshots_days": "365",
    "schedules": '{ metrics_scraper = "every 10m", plan = "off" }',
    "scoring": '{ min_likes = 5, languages = ["de", "en"] }',
    "topics": '["tides"]',
    "templates_file": '"templates.toml"',
    "openai_url": '"http://127.0.0.1:11434/v1"',
    "openai_model": '"a-model"',
    "openai_key": '"a-secret"',
    "dashboard": '"127.0.0.1:8710"',
    "dashboard_token": '"a-long-secret"',
}
"""For settings whose default is nothing that could be written down."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `value` is as it may be shown: secrets are not. `origin` is a variable, a file, or "default"."""

    name: str
    value: str
    origin: str
    what: str


def settings_shown(settings: Settings, *, environment: Mapping[str, str] = os.environ) -> list[Setting]:
    """All settings, in their order. Raises as `load_settings` does for a file that can't be read."""
    file = _keys_of(Path(FILE))
    secrets = secret_files(settings.secrets_dir, Settings.model_fields)
    given = {name.upper() for name in environment}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        if variable in given:
            origin = variable
        elif name in secrets:
            origin = f"file {secrets[name]}"
        else:
            origin = FILE if name in file else DEFAULT
        rows.append(Setting(name, as_shown(getattr(settings, name)), origin, _what(field.description)))
    return rows


def as_shown(value: Any) -> str:
    """A value for people, without what others must not see."""
    match value:
        case None:
            shown = ""
        case SecretStr():
            shown = HIDDEN
        case bool():
            shown = "yes" if value else "no"
        case ScoringPolicy():
            default = ScoringPolicy()
            changed = [name for name in ScoringPolicy.__slots__ if getattr(value, name) != getattr(default, name)]
            shown = ", ".join(changed)
        case Mapping():
            shown = ", ".join(f"{name}: {rule or 'off'}" for name, rule in value.items())
        case tuple():
            shown = ", ".join(map(as_shown, value))
        case Endpoint():
            shown = value.name
        case _:
            shown = without_password(str(value)) if "://" in str(value) else str(value)
    return shown


def write_file(path: Path, *, force: bool) -> None:
    """Write a settings file with every setting in it, as a comment. Raises `UsageError` if there is one already."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(first_file())
    except FileExistsError:
        raise UsageError(f"{path} is there already; --force writes over it") from None
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None


def first_file() -> str:
    """The text of that file: every setting with what it is and its default, all of them commented out."""
    parts = [HEAD]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = _EXAMPLES.get(name) or _as_toml(default)
        comment = textwrap.fill(_what(field.description), WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{comment}\n# {name} = {value}\n")
    return "\n".join(parts)


def _as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps([as_shown(one) for one in value])
    if isinstance(value, Path | Listen):
        value = str(value)
    # Numbers and strings are written in TOML as in JSON.
    return json.dumps(value, ensure_ascii=False)


def _what(description: str | None) -> str:
    return re.sub(r"\s+", " ", description or "").strip()


def _keys_of(path: Path) -> frozenset[str]:
    try:
        return frozenset(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return frozenset()
