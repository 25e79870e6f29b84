"""Configs changed by a dotted path, for tests that hold many of them in a table."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support import JSON

#: In a table of changes: the setting is taken away.
GONE = object()


def changed(config: JSON, changes: Mapping[str, object]) -> JSON:
    """A copy of a config with values set at paths such as `videsk.timezone`."""
    result = copy.deepcopy(config)
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is GONE:
            place.pop(name, None)
        else:
            place[name] = value
    return result
