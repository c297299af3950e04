"""Settings from files, one setting each: how Docker, Kubernetes and systemd hand secrets to a program."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings, EnvSettingsSource

from tidegate.errors import BadSetting

USUAL: Final = Path("/run/secrets")
"""Looked into unless another folder is named; it need not be there."""
PREFIX: Final = "tidegate_"


class SecretFiles(EnvSettingsSource):
    """What stands in `files`, by setting, read as if it were a variable; white space around it is none of it."""

    def __init__(self, settings_cls: type[BaseSettings], files: Mapping[str, Path]) -> None:
        self._files = files
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {PREFIX + name: _text(name, path) for name, path in self._files.items()}


def secret_files(folder: Path, names: Collection[str]) -> dict[str, Path]:
    """The files of `folder` that are settings, by setting: `tidegate_database_url` and such.

    Raises `BadSetting` for one that is none of `names`: a secret that nobody reads was mistyped.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.name.startswith(PREFIX) and not path.is_dir())
    except OSError as error:
        if folder == USUAL:
            return {}
        raise BadSetting("secrets_dir", str(folder), f"it can't be read: {error.strerror}") from None
    files = {path.name.removeprefix(PREFIX): path for path in found}
    unknown = next((name for name in files if name not in names), None)
    if unknown is not None:
        raise BadSetting("secrets_dir", str(files[unknown]), f"there is no setting {unknown}")
    return files


def _text(name: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSetting(name, None, f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(name, None, f"{path} is no text") from None
    if not text:
        raise BadSetting(name, None, f"{path} is empty")
    return text
