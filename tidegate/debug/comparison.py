"""A replay beside what was read then. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

NOT_COMPARED: Final = frozenset({"sources", "warnings"})
"""Where a value was read may change with the definition; what it is should not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A post that only one of both has (`field` is None), or a field that says something else."""

    post: str
    field: str | None
    then: Any
    now: Any

    def __str__(self) -> str:
        if self.field is None:
            return f"{self.post}: {'is new' if self.then is None else 'is not read any more'}"
        return f"{self.post}: {self.field} was {_shown(self.then)}, is {_shown(self.now)}"


def differences(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """What is not the same, in the order of the posts then."""
    before, after = ({str(post["id"]): post for post in posts} for posts in (then, now))
    found = []
    for post_id in dict.fromkeys([*before, *after]):
        old, new = before.get(post_id), after.get(post_id)
        if old is None or new is None:
            found.append(Difference(post_id, None, old, new))
            continue
        names = [name for name in dict.fromkeys([*old, *new]) if name not in NOT_COMPARED]
        found += [
            Difference(post_id, name, old.get(name), new.get(name))
            for name in names
            if old.get(name) != new.get(name)
        ]
    return found


def _shown(value: Any) -> str:
    text = " ".join(str(value).split()) if value is not None else "unknown"
    return text if len(text) <= 60 else text[:59] + "…"
