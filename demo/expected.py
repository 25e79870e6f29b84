"""The one table of all calls, worked out from the platforms' own records and without any SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.box import providers
from sandbox.calls import COLUMNS, Sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["COLUMNS", "STREAMS", "Key", "Row", "expected"]

Row = dict[str, Any]
#: A provider, and the id of a call there.
Key = tuple[str, str]
_APIS = tuple(providers().values())
#: The streams that calls are made of.
STREAMS = tuple(stream for api in _APIS for stream in api.call_streams)


def expected(held: Mapping[str, Iterable[Row]]) -> dict[Key, Row]:
    """Every call that records of these streams tell of; a stream may be missing.

    Instants are texts as the tap writes them; amounts are exact decimals.
    """
    rows = {stream: [Sparse(row) for row in held.get(stream, ())] for stream in STREAMS}
    calls = [call for api in _APIS for call in api.calls(rows)]
    return {(call["provider"], call["call_id"]): call for call in calls}
