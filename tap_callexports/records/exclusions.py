"""Removes what is not exported from rows: by path, and by names of secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeAlias

import msgspec

from tap_callexports.records.repair import repaired
from tap_callexports.records.values import encode, plain

#: Any number of steps of a path, including none.
_ANY_DEPTH = "**"
#: Ends of keys that name a secret, in any case and with `_` or `-` between words; `headers` is one.
_SECRET_ENDS = (
    "token", "secret", "password", "apikey", "accesskey", "secretkey", "credential", "credentials",
)  # fmt: skip
_Path: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The parts of a stream's rows that are not exported.

    Args:
        paths: Paths from the row, such as `access_token`, `monitor.controlUrl`, or, at any depth
            of `artifact`, `artifact.**.presigned*`. Lists are no steps of a path. The first step is
            the name of a field or of its column.
        secrets_inside: Paths, such as `assistant` or `customer.assistantOverrides`, below which
            keys that name a secret are removed at any depth.
    """

    paths: Collection[str] = ()
    secrets_inside: Collection[str] = ()

    def excludes(self, field: str, column: str) -> bool:
        """Whether a field is excluded as a whole."""
        return not {field, column}.isdisjoint(self.paths)

    def pruner(self, field: str, column: str) -> Callable[[Any], Any] | None:
        """A function that removes the excluded parts of a field's values, None if there are none.

        It takes a value, decoded or not. One that was not decoded is not decoded afterwards, so
        that large values are in memory as objects one by one.
        """
        names = {field, column}
        paths, secrets = (
            [rest for first, *rest in (path.split(".") for path in given) if first in names]
            for given in (self.paths, self.secrets_inside)
        )
        paths = [path for path in paths if path]
        return partial(_pruned, paths, secrets) if paths or secrets else None


def _pruned(paths: Sequence[_Path], secrets: Sequence[_Path], value: object) -> object:
    found = plain(value)
    if isinstance(found, str):
        # Perhaps an object written as text; one that is nested too deeply is dropped.
        try:
            inner = plain(msgspec.Raw(repaired(found.encode())[0]))
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return found
        if not isinstance(inner, (dict, list)):
            return None if found.lstrip().startswith(("{", "[")) else found
        found = inner
    try:
        kept = _without(found, paths, secrets)
    except RecursionError:
        return None
    return msgspec.Raw(encode(kept)) if isinstance(value, msgspec.Raw) else kept


def _without(value: Any, paths: Sequence[_Path], secrets: Sequence[_Path]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_without(item, paths, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        left, secrets_left = (
            [rest for path in each for rest in _behind(key, path)] for each in (paths, secrets)
        )
        if [] not in left and not ([] in secrets and _names_secret(key)):
            kept[key] = _without(inner, left, secrets_left)
    return kept


def _names_secret(key: str) -> bool:
    lowered = key.lower().replace("_", "").replace("-", "")
    return lowered == "headers" or lowered.endswith(_SECRET_ENDS)


def _behind(key: str, path: _Path) -> list[_Path]:
    """The rest of a path after a key; empty ([]) if the key is excluded."""
    if not path:
        return [path]
    if path[0] == _ANY_DEPTH:
        return [path, *_behind(key, path[1:])]
    return [path[1:]] if fnmatchcase(key, path[0]) else []
