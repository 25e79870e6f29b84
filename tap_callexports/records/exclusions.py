"""What of a row is not exported: by path, and by names that tell of a secret."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeAlias

import msgspec

from tap_callexports.records.repair import repaired
from tap_callexports.records.values import plain

#: Any number of steps of a path, none too.
_ANY_DEPTH = "**"
#: A key that names a secret ends so, in any case, or is `headers`.
_SECRET_ENDS = (
    "token", "secret", "password", "apikey", "accesskey", "secretkey", "credential", "credentials",
)  # fmt: skip

#: The steps of a path.
_Path: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What of the rows of a stream is not exported.

    Args:
        paths: Paths from the row, such as `access_token`, `monitor.controlUrl`, or, at any depth
            of `artifact`, `artifact.**.presigned*`. A list is no step of a path.
        secrets_inside: Fields in which every key that names a secret is removed, at any depth.
            The first step of a path, too, is a field's name or that of its column.
    """

    paths: Collection[str] = ()
    secrets_inside: Collection[str] = ()

    def excludes(self, field: str, column: str) -> bool:
        """Whether nothing of a field is exported."""
        return not {field, column}.isdisjoint(self.paths)

    def pruner(self, field: str, column: str) -> Callable[[Any], Any] | None:
        """What removes the excluded parts of a field's values.

        Returns:
            A function that takes a value, decoded or not, and gives it decoded; None where there
            is nothing to remove.
        """
        names = {field, column}
        split = (path.split(".") for path in self.paths)
        paths = [rest for first, *rest in split if first in names and rest]
        secrets = not names.isdisjoint(self.secrets_inside)
        return partial(_pruned, paths, secrets) if paths or secrets else None


def _pruned(paths: Sequence[_Path], secrets: bool, value: object) -> object:  # noqa: FBT001 - of a partial
    found = plain(value)
    if isinstance(found, str):
        # Perhaps an object written as text; one that is too deep to be read is left out.
        try:
            inner = plain(msgspec.Raw(repaired(found.encode())[0]))
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return found
        if not isinstance(inner, (dict, list)):
            return None if found.lstrip().startswith(("{", "[")) else found
        found = inner
    try:
        return _without(found, paths, secrets)
    except RecursionError:
        return None


def _without(value: Any, paths: Sequence[_Path], secrets: bool) -> Any:  # noqa: ANN401, FBT001 - any JSON value; of a partial
    if isinstance(value, list):
        return [_without(item, paths, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        left = [rest for path in paths for rest in _behind(key, path)]
        if [] not in left and not (secrets and _names_secret(key)):
            kept[key] = _without(inner, left, secrets)
    return kept


def _names_secret(key: str) -> bool:
    lowered = key.lower()
    return lowered == "headers" or lowered.endswith(_SECRET_ENDS)


def _behind(key: str, path: _Path) -> list[_Path]:
    """What is left of a path behind a key; nothing is left ([]) where the key is excluded."""
    if not path:
        return [path]
    if path[0] == _ANY_DEPTH:
        return [path, *_behind(key, path[1:])]
    return [path[1:]] if fnmatchcase(key, path[0]) else []
