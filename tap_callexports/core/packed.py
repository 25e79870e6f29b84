"""Records on their way from the thread that read them to the one that hands them over."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tap_callexports.core.normalise import Batch, Record

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Packed:
    """Records of one answer, in its order, with what tells doubles.

    Args:
        records: As objects, or as JSON: then the answer they are from is no longer in memory.
        keys: The primary key of each.
        contents: A hash of all of each.
        misfits: Columns whose value did not fit, by position.
        outside: Rows left out because the filter field places them outside the window.
    """

    records: list[Record] | list[bytes]
    keys: list[Hashable]
    contents: list[int]
    misfits: dict[int, list[str]]
    outside: int


def pack(
    batch: Batch, primary_keys: Sequence[str], *, verbatim: bool, deselected: Sequence[str] = ()
) -> Packed:
    """Pack a batch.

    Args:
        batch: Its records are not to be used any more.
        primary_keys: Columns that tell records apart.
        verbatim: Whether its records go out as they are, so that they can be packed as JSON.
        deselected: Columns to leave out of that.
    """
    records = batch.records
    keys = list(map(itemgetter(*primary_keys), records))
    misfits = {
        number: batch.misfits[id(record)]
        for number, record in enumerate(records if batch.misfits else ())
        if id(record) in batch.misfits
    }
    if verbatim:
        for column in deselected:
            for record in records:
                del record[column]
    encoded = list(map(_encode, records))
    contents = list(map(hash, encoded))
    if not verbatim:
        return Packed(records, keys, contents, misfits, batch.outside)
    # Whoever made them may still hold the batch while this waits.
    records.clear()
    return Packed(encoded, keys, contents, misfits, batch.outside)
