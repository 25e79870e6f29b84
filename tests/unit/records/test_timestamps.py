"""Instants: what is read, what is refused, and the one form that leaves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.records.timestamps import (
    EPOCH,
    FIRST_MS,
    LAST_MS,
    ceil_second,
    epoch_instant,
    epoch_instants,
    epoch_ms,
    epoch_ms_instant,
    epoch_ms_instants,
    epoch_seconds,
    floor_second,
    format_instant,
    iso_instant,
    parse_instant,
    utc_instants,
)

UTC = timezone.utc
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
AWARE = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=OFFSETS)


@given(AWARE, AWARE)
def test_text_order_is_time_order_and_the_width_is_fixed(one: datetime, two: datetime) -> None:
    first, second = format_instant(one), format_instant(two)
    assert len(first) == len(second) == len("2024-05-01T00:00:00.000000Z")
    assert (first < second) == (one < two)


@given(AWARE)
def test_every_iso_spelling_of_an_instant_gives_the_same_text(instant: datetime) -> None:
    wanted = format_instant(instant)
    assert iso_instant(instant.isoformat()) == wanted
    assert iso_instant(instant.isoformat(sep=" ")) == wanted
    utc = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    assert iso_instant(utc) == iso_instant(utc + "Z") == iso_instant(utc + "z") == wanted
    assert parse_instant(wanted) == instant


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-05-01T10:00", "2024-05-01T10:00:00.000000Z"),
        ("2024-05-01T10:00:00.5", "2024-05-01T10:00:00.500000Z"),
        ("2024-05-01T10:00:00.123456789Z", "2024-05-01T10:00:00.123456Z"),
        ("2024-05-01T10:00:00,25Z", "2024-05-01T10:00:00.250000Z"),
        ("2024-05-01T10:00:00+0530", "2024-05-01T04:30:00.000000Z"),
        ("2024-05-01T24:00:00Z", "2024-05-02T00:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
    ],
)
def test_odd_but_valid_times_are_read(text: str, wanted: str) -> None:
    assert iso_instant(text) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "2024-W03", "2024-05-01", "20240501T100000Z", "2024-13-01T00:00:00",
        "2024-02-30T00:00:00", "2024-05-01T25:00:00", "9999-12-31T23:00:00-05:00",
        "0001-01-01T00:00:00+05:00", "24:00", None, 1714557600, True, [],
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_never_guessed(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract, texts vary
        iso_instant(value)


@pytest.mark.parametrize(
    "value", [1703302407333, 1703302407333.0, "1703302407333", Decimal(1703302407333)]
)
def test_epoch_milliseconds_are_read_in_every_spelling(value: object) -> None:
    assert epoch_ms_instant(value) == "2023-12-23T03:33:27.333000Z"


@pytest.mark.parametrize("value", [1703302407, 0, -1, 10**15, "soon", "", None, True, "1e400", []])
def test_seconds_taken_for_milliseconds_are_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        epoch_ms_instant(value)


@pytest.mark.parametrize("value", [1703302407, "1703302407", " 1703302407 ", 1703302407.0])
def test_epoch_seconds_are_read_in_every_spelling(value: object) -> None:
    assert epoch_instant(value) == "2023-12-23T03:33:27.000000Z"
    assert epoch_instant("1703302407.25") == "2023-12-23T03:33:27.250000Z"


@pytest.mark.parametrize("value", [1703302407333, 0, -1, "soon", "", None, True, "1e400", []])
def test_milliseconds_taken_for_seconds_are_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        epoch_instant(value)


def test_a_column_of_seconds_is_read_at_once() -> None:
    read = ["2023-12-23T03:33:27.000000Z", None]
    assert epoch_instants([1703302407, None]) == read
    assert epoch_instants([1703302407, "1703302407"]) is None
    assert epoch_instants([1703302407, 1703302407333]) is None


@given(st.integers(-(10**9), 4 * 10**9), st.integers(0, 999_999))
def test_epoch_seconds_are_rounded_down(number: int, micros: int) -> None:
    assert epoch_seconds(EPOCH + timedelta(seconds=number, microseconds=micros)) == number


@given(st.integers(-(10**12), 4 * 10**12))
def test_epoch_ms_loses_nothing_and_floor_and_ceiling_embrace_an_instant(number: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
    assert epoch_ms(instant) == epoch_ms(instant + timedelta(microseconds=999)) == number
    low, high = floor_second(instant), ceil_second(instant)
    assert low <= instant <= high
    assert high - low == timedelta(seconds=number % 1000 != 0)


FORMS = st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))
ODD = st.sampled_from(
    [None, "", "2024-02-30T00:00:00", "2024-05-01T24:00:00", "2024-05-01", "x", 5,
     "2024-05-01T10:00:00+02:00", "2024-05-01T10:00:00.5Z", "2024-05-01T10:00:00\n"]
)  # fmt: skip


@given(st.lists(MOMENTS, max_size=8), FORMS, st.sampled_from(["", "Z"]), st.integers(0, 5), ODD)
def test_a_column_at_once_is_read_as_one_by_one_or_not_at_all(
    moments: list[datetime], form: str, mark: str, cut: int, odd: Any
) -> None:
    end = -cut if cut and "%f" in form else None
    values = [odd, *(moment.strftime(form)[:end] + mark for moment in moments)]
    together = utc_instants(values)
    if together is None:
        assert odd or not moments
    else:
        assert together == [iso_instant(value) if value else None for value in values]


@given(st.lists(st.integers(FIRST_MS, LAST_MS - 1) | st.none(), max_size=8))
def test_a_column_of_milliseconds_at_once_is_read_as_one_by_one(values: list[int | None]) -> None:
    values = [FIRST_MS, *values, LAST_MS - 1]
    read = [None if value is None else epoch_ms_instant(value) for value in values]
    assert epoch_ms_instants(values) == read


@pytest.mark.parametrize(
    "values",
    [
        [], [None], [1703302407333, 1703302407], [1703302407333, 0], [1703302407333, 10**15],
        [1703302407333, FIRST_MS - 1], [LAST_MS, 1703302407333], [1703302407333, True],
        [1703302407333, "1703302407333"], [1703302407333, 1703302407333.5],
    ],
)  # fmt: skip
def test_a_column_of_other_things_than_milliseconds_is_read_one_by_one(values: list[Any]) -> None:
    assert epoch_ms_instants(values) is None
