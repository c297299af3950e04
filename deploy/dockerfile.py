"""Reads a Dockerfile: the few instructions that ours has. Whatever else is in one is refused, never passed over."""  # noqa: INP001 programs, no package

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STEPS = frozenset(
    {"WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class NotUnderstood(Exception):
    """Something in a Dockerfile that is not read here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its flags (`--from=build`), and the rest as it stands."""

    name: str
    flags: Mapping[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as words: a JSON list, or as the shell would split it."""
        if self.rest.startswith("["):
            words = json.loads(self.rest)
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise NotUnderstood(f"{self.name} {self.rest}: no list of words")
            return words
        return shlex.split(self.rest)

    @property
    def command(self) -> list[str]:
        """The rest as a command: a JSON list, or a line for the shell."""
        return self.words if self.rest.startswith("[") else ["/bin/sh", "-c", self.rest]


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM, and what follows. `base` is the name of an image, or of an earlier stage."""

    name: str | None
    base: str
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Health:
    """How an image is asked whether it is well."""

    command: Sequence[str]
    interval_seconds: float = 30.0
    timeout_seconds: float = 30.0
    start_period_seconds: float = 0.0
    retries: int = 3


@dataclass(slots=True)
class Config:
    """What an image says about how it is run; filled step by step."""

    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    user: str = "0:0"
    folder: str = "/"
    volumes: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    health: Health | None = None
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """What `step` changes in it. COPY and RUN change files only."""
        match step.name:
            case "ENV":
                self.environment |= dict(_pair(word, step) for word in step.words)
            case "USER":
                self.user = step.rest
            case "WORKDIR":
                self.folder = step.rest
            case "VOLUME":
                self.volumes += step.words
            case "STOPSIGNAL":
                self.stop_signal = step.rest
            case "HEALTHCHECK":
                self.health = _health(step)
            case "ENTRYPOINT":
                self.entrypoint = step.command
            case "CMD":
                self.command = step.command


def stages_of(text: str, arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """All stages of a Dockerfile, with `arguments` for its ARGs. Raises `NotUnderstood`."""
    values: dict[str, str] = {}
    stages: list[tuple[str | None, str, list[Step]]] = []
    for line in _lines(text):
        step = _step(line)
        if step.name == "ARG":
            if stages:
                raise NotUnderstood(f"{line}: ARG is read before the first FROM only")
            name, _, default = step.rest.partition("=")
            values[name] = (arguments or {}).get(name, default)
        elif step.name == "FROM":
            words = step.rest.split()
            if step.flags or len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
                raise NotUnderstood(line)
            stages.append((words[2] if len(words) == 3 else None, _filled(words[0], values), []))
        elif step.name not in STEPS or not stages:
            raise NotUnderstood(line)
        elif set(step.flags) - _flags_of(step.name):
            raise NotUnderstood(f"{line}: {', '.join(step.flags)}")
        else:
            stages[-1][2].append(step)
    return [Stage(name, base, steps) for name, base, steps in stages]


def config_of(stage: Stage) -> Config:
    """How an image that ends with `stage` is run."""
    config = Config()
    for step in stage.steps:
        config.take(step)
    return config


def is_ignored(path: str, rules: str) -> bool:
    """Whether a `.dockerignore` of these `rules` keeps `path` out: by the last rule for it or a folder above."""
    ignored = False
    for line in rules.splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#"):
            pattern = _pattern(rule.removeprefix("!").strip("/"))
            if re.fullmatch(f"{pattern}(/.*)?", path):
                ignored = not rule.startswith("!")
    return ignored


def _pattern(rule: str) -> str:
    pieces = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(pieces.get(piece) or re.escape(piece) for piece in re.findall(r"\*\*/|\*\*|[*?]|[^*?]+", rule))


def _lines(text: str) -> list[str]:
    """Instructions, without comments, and on one line each."""
    kept = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [re.sub(r"\s+", " ", line).strip() for line in "\n".join(kept).replace("\\\n", " ").splitlines()]


def _step(line: str) -> Step:
    name, _, rest = line.partition(" ")
    flags: dict[str, str] = {}
    while found := re.match(r"--([a-z-]+)(?:=(\S+))?\s+", rest):
        flags[found[1]] = found[2] or ""
        rest = rest[found.end() :]
    return Step(name.upper(), flags, rest)


def _flags_of(name: str) -> set[str]:
    return {"COPY": {"from"}, "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"}}.get(name, set())


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise NotUnderstood(f"{found[0]} is no ARG")
        return values[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _pair(word: str, step: Step) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or "$" in value:
        raise NotUnderstood(f"{step.name} {word}: write NAME=VALUE, and no variables")
    return name, value


def _health(step: Step) -> Health:
    what = _step(step.rest)
    if what.name != "CMD":
        raise NotUnderstood(f"HEALTHCHECK {step.rest}")
    flags = step.flags
    return Health(
        what.command,
        _seconds(flags.get("interval", "30s")),
        _seconds(flags.get("timeout", "30s")),
        _seconds(flags.get("start-period", "0s")),
        int(flags.get("retries", "3")),
    )


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    if found is None:
        raise NotUnderstood(f"{text}: no time such as 30s")
    return int(found[1]) * UNITS[found[2]]
