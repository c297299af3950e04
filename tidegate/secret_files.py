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
MOST_BYTES: Final = 1 << 20
"""What is longer is no setting; it might be a disk."""


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
        found = sorted(path for path in folder.iterdir() if path.name.lower().startswith(PREFIX))
    except OSError as error:
        if folder == USUAL:
            return {}
        raise BadSetting("secrets_dir", str(folder), f"it can't be read: {error.strerror}") from None
    files = {path.name[len(PREFIX) :]: path for path in found}
    for name, path in list(files.items()):
        if name not in names and path.is_dir():
            del files[name]
        elif name not in names:
            raise BadSetting("secrets_dir", str(path), f"there is no setting {name}")
        elif path.name != PREFIX + name:
            raise BadSetting("secrets_dir", str(path), f"its name is {PREFIX}{name}, in small letters")
    return files


def _text(name: str, path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            # Docker makes a folder where the file that it was to show is missing.
            raise BadSetting(name, None, f"{path} is no file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadSetting(name, None, f"{path} can't be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise BadSetting(name, None, f"{path} is larger than {MOST_BYTES} bytes")
    try:
        # Some editors begin a file with a mark.
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadSetting(name, None, f"{path} is no text") from None
    if not text:
        raise BadSetting(name, None, f"{path} is empty")
    if "\0" in text:
        raise BadSetting(name, None, f"{path} has a zero byte in it")
    return text
