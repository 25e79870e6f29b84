"""Times nobody should write, and hosts whose clock or zone data is wrong."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from one_stream import NOON, empty, run
from support import run_tap

from sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
#: A stream of each provider, a second time of its rows, and what the provider calls it.
SECOND_TIMES = {
    "videsk_calls": ("end_time", "endTime"),
    "twin24_calls": ("updated_at", "updatedAt"),
    "burki_calls": ("ended_at", "ended_at"),
}
READ = {
    "2024-05-09T14:00:00+02:00": "2024-05-09T12:00:00.000000Z",
    "2024-05-09T12:00:00z": "2024-05-09T12:00:00.000000Z",
    "2024-05-09 12:00:00.123456789": "2024-05-09T12:00:00.123456Z",
    "2024-05-09T24:00:00Z": "2024-05-10T00:00:00.000000Z",
    "2024-05-09T23:59:60Z": "2024-05-10T00:00:00.000000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
}
KEPT = [
    "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "2024-02-30T00:00:00Z",
    "0000-00-00 00:00:00", "2024-05-09T25:00:00Z", "tomorrow", 1715256000, True, [1], {"a": None},
]  # fmt: skip
MILLISECONDS = [1703302407333, "1703302407333", 1.703302407333e12]
NO_MILLISECONDS = [1703302407, "1703302407", 0, -1, 10**15, 10**400, "", "soon", True, "1e400"]


@pytest.mark.covers(67, 69)
@pytest.mark.parametrize("stream", SECOND_TIMES)
def test_odd_times_of_rows_are_read_or_kept_and_end_no_run(stream: str) -> None:
    column, field = SECOND_TIMES[stream]
    with empty(stream) as place:
        values = [*READ, *KEPT]
        rows = place.api.of(stream).add_at(*[NOON] * len(values))
        for row, value in zip(rows, values, strict=True):
            row.extra_wire = {field: value}
        ran = run(place, stream)
        assert ran.code == 0, ran.complaints
        key = place.api.keys[stream][0]
        table = {record[key]: record for record in ran.records(stream)}
        told = [table[row.canonical[key]] for row in rows]
        assert [record[column] for record in told[: len(READ)]] == list(READ.values())
        assert [record["extra"] for record in told[: len(READ)]] == [None] * len(READ)
        for record, value in zip(told[len(READ) :], KEPT, strict=True):
            assert record[column] is None
            assert record["extra"] == {field: value}
        warned = [line for line in ran.log if "kept in extra" in line]
        assert warned == [f"{stream}: {len(KEPT)} invalid values in column {column}, kept in extra"]
        # None of them moves the bookmark: it is the end of the last window.
        assert ran.bookmark(stream) == "2024-05-30T23:55:00.000000Z"


@pytest.mark.covers(68)
def test_only_milliseconds_are_taken_for_milliseconds() -> None:
    stream = "anunzi_calls"
    with empty(stream) as place:
        values = [*MILLISECONDS, *NO_MILLISECONDS]
        rows = place.api.add_at(*[NOON] * len(values))
        for row, value in zip(rows, values, strict=True):
            row.extra_wire = {"end_timestamp": value}
        ran = run(place, stream)
        assert ran.code == 0, ran.complaints
        table = {record["call_id"]: record for record in ran.records(stream)}
        told = [table[row.key]["end_timestamp"] for row in rows]
        assert told[: len(MILLISECONDS)] == ["2023-12-23T03:33:27.333000Z"] * len(MILLISECONDS)
        assert told[len(MILLISECONDS) :] == [None] * len(NO_MILLISECONDS)
        kept = [table[row.key]["extra"] for row in rows]
        for value, extra in zip(values, kept, strict=True):
            wrong = value in NO_MILLISECONDS and value != ""
            assert (extra is not None) == wrong, value


@pytest.mark.covers(70)
@pytest.mark.parametrize(("seconds", "said"), [(600, True), (-600, True), (90, True), (20, False)])
@pytest.mark.parametrize("stream", ["videsk_calls", "burki_calls"])
def test_a_clock_that_is_wrong_is_said_once(
    caplog: pytest.LogCaptureFixture, stream: str, seconds: int, *, said: bool
) -> None:
    with Sandbox(rows=20) as box:
        (api,) = (api for api in box.apis.values() if stream in api.streams)
        api.clock_offset_seconds = seconds
        config = {api.name: api.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}
        ran = run_tap(config, streams=[stream])
        assert ran.code == 0
        assert set(ran.table(stream)) == set(api.truth(stream))
    warned = [line for line in caplog.messages if "this machine's clock is" in line]
    assert len(warned) == said
    if said:
        assert f"s {'behind' if seconds > 0 else 'ahead of'} the server's" in warned[0]


@pytest.mark.covers(75)
def test_zones_are_known_on_a_host_without_zone_data() -> None:
    assert any(line.split(";")[0].strip() == "tzdata" for line in requires("tap-callexports") or [])
    code = """
import zoneinfo
from tap_callexports.records.time_zones import zone_named
from tap_callexports.providers.videsk.times import videsk_instant
assert zoneinfo.TZPATH == ()
print(videsk_instant("08/09/2024, 00:30:00", zone_named("America/Santiago")))
"""
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONTZPATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "2024-09-08T04:30:00.000000Z"
