"""Rows become records: nothing dropped, nothing invented, keys never null."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.core.errors import StreamFailed
from tap_callexports.core.rows.doubles import Doubles
from tap_callexports.core.rows.naming import snake_case
from tap_callexports.core.rows.normalise import Normaliser
from tap_callexports.core.time.instants import TimeReader, iso_instant

SCHEMA: dict[str, Any] = {
    "properties": {
        "call_id": {"type": "string", "minLength": 1},
        "started_at": {"type": ["string", "null"], "format": "date-time"},
        "duration": {"type": ["integer", "null"]},
        "notes": {"type": ["string", "null"]},
        "extra": {"type": ["object", "null"]},
    }
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def normaliser(**options: Any) -> Normaliser:
    return Normaliser(SCHEMA, primary_keys=("call_id",), times=TimeReader(iso_instant), **options)


def one(row: dict[str, Any], **options: Any) -> dict[str, Any]:
    record: dict[str, Any] = normaliser(**options).batch([row]).records[0]
    return record


@pytest.mark.covers(131)
def test_every_column_is_there_in_schema_order() -> None:
    record = one({"callId": "c1"})
    assert list(record) == list(SCHEMA["properties"])
    assert record == {
        "call_id": "c1", "started_at": None, "duration": None, "notes": None, "extra": None,
    }  # fmt: skip


def test_an_empty_text_is_no_time_and_no_misfit() -> None:
    batch = normaliser().batch([{"callId": "c1", "startedAt": ""}])
    assert (batch.records[0]["started_at"], batch.misfits) == (None, {})


def test_unknown_fields_go_into_extra_as_received() -> None:
    assert one({"callId": "c1", "newThing": {"a": [1]}})["extra"] == {"newThing": {"a": [1]}}


def test_a_misfit_is_null_in_its_column_kept_in_extra_and_counted() -> None:
    batch = normaliser().batch([{"callId": "c1", "duration": "long", "notes": "n"}])
    assert batch.records[0]["duration"] is None
    assert batch.records[0]["extra"] == {"duration": "long"}
    assert batch.misfits == {0: ["duration"]}


def test_two_fields_of_one_column_lose_neither() -> None:
    record = one({"callId": "c1", "call_id": "c2", "notes": "n"})
    assert record["call_id"] == "c1"
    assert record["extra"] == {"call_id": "c2"}


def test_a_secret_field_is_left_out_altogether() -> None:
    record = one({"callId": "c1", "access_token": "canary"}, left_out=frozenset({"access_token"}))
    assert "canary" not in str(record)


@pytest.mark.parametrize("row", [{}, {"callId": None}, {"callId": ""}, {"callId": {"a": 1}}])
def test_a_row_without_its_key_fails_the_answer(row: dict[str, Any]) -> None:
    with pytest.raises(StreamFailed, match="1 of 2 rows have no call_id"):
        normaliser().batch([{"callId": "c1"}, row])


def test_a_partition_adds_its_columns() -> None:
    assert normaliser().batch([{"callId": "c1"}], {"notes": "f1"}).records[0]["notes"] == "f1"


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_no_value_of_a_row_is_lost(row: dict[str, Any]) -> None:
    record = one({**row, "callId": "c1"})
    extra = record["extra"] or {}
    for name, value in row.items():
        column = snake_case(name)
        if name == "callId" or value is None:
            continue
        assert name in extra or (column in record and column != "extra"), name


def test_a_row_that_comes_again_unchanged_is_a_double_and_a_changed_one_is_news() -> None:
    doubles, ongoing, ended = Doubles(), hash("ongoing"), hash("ended")
    assert not doubles.among([1], [ongoing])
    assert doubles.among([1], [ongoing])
    assert not doubles.among([1], [ended])
    doubles.next_window()
    assert doubles.among([1], [ended])


def test_only_the_window_before_is_remembered() -> None:
    doubles = Doubles()
    doubles.among([1], [0])
    doubles.next_window()
    doubles.next_window()
    assert not doubles.among([1], [0])


@pytest.mark.parametrize("row", range(20))
def test_a_bounded_memory_reaches_so_many_rows_back_and_not_much_farther(row: int) -> None:
    for back, told in ((1, True), (3, True), (9, False)):
        doubles = Doubles(within=3)
        for key in range(row + 1):
            doubles.among([key], [0])
        assert bool(doubles.among([row - back], [0])) == (told and row >= back)


class OneByOne:
    """Rows in the order they are handed over, each held against those before it."""

    def __init__(self, within: int | None) -> None:
        self.within = within
        self.now: dict[int, int] = {}
        self.before: dict[int, int] = {}

    def is_double(self, key: int, content: int) -> bool:
        seen = self.now.get(key, self.before.get(key))
        self.now[key] = content
        if self.within is not None and len(self.now) > self.within:
            self.next_window()
        return seen == content

    def next_window(self) -> None:
        self.before, self.now = self.now, {}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2))) | st.none(), max_size=9),
    st.none() | st.integers(1, 12),
)
def test_many_rows_at_once_are_told_as_one_by_one(
    answers: list[list[tuple[int, int]] | None], within: int | None
) -> None:
    together, single = Doubles(within), OneByOne(within)
    for rows in answers:
        if rows is None:
            together.next_window()
            single.next_window()
            continue
        wanted = [number for number, row in enumerate(rows) if single.is_double(*row)]
        assert together.among([key for key, _ in rows], [content for _, content in rows]) == wanted


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("callId", "call_id"), ("aiCallLlmTotalCost", "ai_call_llm_total_cost"),
        ("call_id", "call_id"), ("Effective Duration", "effective_duration"),
        ("Rescheduled Appointment ID", "rescheduled_appointment_id"), ("IP", "ip"),
        ("GPS accuracy", "gps_accuracy"), ("e2e_latency", "e2e_latency"), ("id", "id"),
    ],
)  # fmt: skip
def test_names_become_snake_case(name: str, column: str) -> None:
    assert snake_case(name) == column
