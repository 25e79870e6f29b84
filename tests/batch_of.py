"""Builds batches of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_callexports.records.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence


def batch_of(records: Sequence[dict[str, Any]]) -> Batch:
    """A batch of records that all have the same columns, each of which it knows."""
    names = records[0] if records else ()
    return Batch(list(records), {name: [record[name] for record in records] for name in names})
