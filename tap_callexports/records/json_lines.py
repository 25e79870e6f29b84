"""JSON objects made of columns, without making the objects. Knows no schema and no stream."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec

from tap_callexports.records.raw_rows import Undecoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: JSON text without white space; decimals keep every digit they came with.
encode = msgspec.json.Encoder(decimal_format="number").encode


def json_of(columns: Mapping[str, Sequence[Any]]) -> list[bytes]:
    """A JSON object of each row, on one line where its `msgspec.Raw` values are.

    Args:
        columns: The values of each column, one for each row; an object has its names in this order.
    """
    rows = len(next(iter(columns.values()), ()))
    parts: list[Iterable[Any]] = []
    #: What comes next in every row.
    constant = b"{"
    for name, values in columns.items():
        constant += encode(name) + b":"
        if not isinstance(values, Undecoded) and values.count(None) == rows:
            constant += b"null,"
        else:
            parts += repeat(constant), _texts(values)
            constant = b","
    end = constant.rstrip(b",") + b"}"
    return list(map(b"".join, zip(*parts, repeat(end, rows), strict=False)))


def _texts(values: Sequence[Any]) -> Iterable[Any]:
    """The JSON text of each value; a `Raw` is one."""
    if isinstance(values, Undecoded):
        return values
    if msgspec.Raw in set(map(type, values)):
        return [v if type(v) is msgspec.Raw else encode(v) for v in values]
    # Encoded together and cut at the commas, unless there are others than those between values.
    texts = encode(values)[1:-1].split(b",")
    return texts if len(texts) == len(values) else map(encode, values)
