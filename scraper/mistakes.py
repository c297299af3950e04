"""What is said of a mistake in a definition, to somebody who writes TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_PLAIN = {
    "missing": "it is missing",
    "string_type": 'a string: "…"',
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "too_short": "at least one",
}


def expected(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    """What was expected in place of `mistake`, found in a table of `model`. Pure."""
    kind, path = mistake["type"], mistake["loc"]
    if kind == "extra_forbidden":
        return _no_such("key", str(path[-1]), tuple(_table_at(model, path[:-1]).model_fields))
    if kind in {"literal_error", "enum"}:
        allowed = re.findall(r"'([^']*)'", str(mistake["ctx"]["expected"]))
        named = ", ".join(allowed)
        return _no_such("field", str(mistake["input"]), allowed) if path[-1] == "[key]" else f"one of: {named}"
    if kind == "tuple_type":
        return _array(path, mistake["input"], of_tables=_is_table(_inner(_at(model, path))))
    if kind in {"model_type", "dict_type", "mapping_type"}:
        is_source = "fields" in path and kind == "model_type"
        return "a table: { css = … }" if is_source else f"one table: write [{_header(path)}], with single brackets"
    return _PLAIN.get(kind) or mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def _array(path: Sequence[str | int], given: Any, *, of_tables: bool) -> str:
    if of_tables and "fields" in path:
        example = f'{{ css = "{given}" }}' if isinstance(given, str) else "{ css = … }"
        return f"an array: [{example}]"
    if of_tables:
        return f"an array of tables: write [[{_header(path)}]], with two brackets, above each"
    return f'an array: ["{given}"]' if isinstance(given, str) else 'an array: ["…"]'


def _header(path: Sequence[str | int]) -> str:
    """How the header of a table is written."""
    return ".".join(part for part in path if isinstance(part, str))


def worst(mistakes: Sequence[ErrorDetails]) -> ErrorDetails:
    """The one to tell of: a key that is not known before one that is missing, which is often the same one."""
    unknown = next((one for one in mistakes if one["type"] == "extra_forbidden"), None)
    return unknown if unknown and mistakes[0]["type"] == "missing" else mistakes[0]


def _no_such(what: str, given: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(given, allowed, n=1, cutoff=0.6)
    return f"no such {what}; " + (f"did you mean {near[0]}?" if near else f"known here: {', '.join(allowed)}")


def _table_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    found = _at(model, path)
    return found if _is_table(found) else model


def _at(model: Any, path: Sequence[str | int]) -> Any:
    """The type of what stands at `path` in a table of `model`."""
    for part in path:
        fields = model.model_fields if _is_table(model) else {}
        model = _plain(fields[part].annotation) if part in fields else _inner(model)
    return model


def _inner(kind: Any) -> Any:
    """The type of what a tuple or a mapping holds."""
    inner = get_args(kind)
    if not inner:
        return kind
    return _plain(inner[1] if issubclass(get_origin(kind), Mapping) else inner[0])


def _plain(kind: Any) -> Any:
    """A type without what is said of it, and without None."""
    while get_origin(kind) in {Annotated, Union, UnionType}:
        kind = next(one for one in get_args(kind) if one is not type(None))
    return kind


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
