"""Batches: what is known of a record goes where the record goes."""

from __future__ import annotations

import pytest
from support import batch_of

from tap_callexports.records.batch import Batch

INVALID = {1: ["notes"], 3: ["notes", "duration"]}


def batch() -> Batch:
    made = batch_of([{"id": number, "notes": None} for number in range(4)])
    made.invalid_values = dict(INVALID)
    made.outside = 5
    return made


def rows_of(batch: Batch) -> list[int]:
    """What records there are, after seeing that all that is known of each is where it is."""
    rows = [record["id"] for record in batch.records]
    assert batch["id"] == rows
    assert batch.invalid_values == {
        place: INVALID[row] for place, row in enumerate(rows) if row in INVALID
    }
    return rows


@pytest.mark.parametrize("rows", [[], [0, 2], [1], [3, 1], [2, 3], [3, 2, 1, 0]])
def test_invalid_values_stay_with_the_rows_that_are_selected(rows: list[int]) -> None:
    selected = batch().select(rows)
    assert rows_of(selected) == rows
    assert selected.outside == 5


def test_invalid_values_stay_with_the_rows_that_are_joined() -> None:
    pages = [batch().select(rows) for rows in ([0, 3], [1], [], [2, 1])]
    joined = Batch.joined(pages)
    assert rows_of(joined) == [0, 3, 1, 2, 1]
    assert joined.outside == 4 * 5
    assert rows_of(Batch.joined([])) == []
