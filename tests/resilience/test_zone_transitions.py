"""Local times around every change of every clock from 2000 to 2037 become the right instants."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from expected_streams import BY_NAME, UNTOLD
from inprocess import opened
from support import JSON, assert_table_is
from zone_changes import (
    HOUR,
    SECOND,
    UTC,
    aliases,
    changes,
    distinct_changes,
    local,
    meant,
    zone_names,
)

from sandbox.instants import parse, text
from tap_callexports.providers.videsk.times import videsk_instant, with_offsets
from tap_callexports.records.time_zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import Run

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
#: What an id and its row's time may differ by.
NEAR = MINUTE
#: Changes that whole runs are made around: back and forward at midnight, and by half an hour.
CHANGES = [
    ("America/Santiago", datetime(2024, 4, 7, 3, tzinfo=UTC)),
    ("America/Santiago", datetime(2024, 9, 8, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC)),
]
#: Exports whose ids tell the second of their time.
TOLD = [name for name in BY_NAME if name.startswith("videsk_") and name not in UNTOLD]


def shown(wall: datetime) -> Iterator[str]:
    """A local time in each of the spellings the provider has."""
    yield wall.strftime("%Y-%m-%d %H:%M:%S")
    yield wall.strftime("%d/%m/%Y, %H:%M:%S")
    if wall.hour == 0:
        # As some JavaScript formatters write the hour after midnight.
        yield wall.strftime("%d/%m/%Y, 24:%M:%S")


@pytest.mark.covers(62, 64)
def test_every_zone_there_is_is_known_and_changes_its_clocks_when_it_should() -> None:
    counted = 0
    of_zone: dict[str, list[tuple[datetime, timedelta, timedelta]]] = {}
    for change in changes():
        of_zone.setdefault(change.zone, []).append((change.at, change.before, change.after))
    for names in aliases():
        for name in names:
            place = zone_named(name)
            for at, before, after in of_zone.get(names[0], []):
                assert (at - SECOND).astimezone(place).utcoffset() == before, (name, at)
                assert at.astimezone(place).utcoffset() == after, (name, at)
                counted += 1
    sys.stdout.write(f"{len(zone_names())} zones, {counted} changes of their clocks\n")
    assert len(zone_names()) > 550
    assert counted > 12_000
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone_named("America/Santiago2")


@pytest.mark.covers(62)
def test_where_the_id_tells_the_second_no_time_around_a_change_is_wrong() -> None:
    wrong, read = [], 0
    for change in changes():
        place = zone_named(change.zone)
        for at in change.instants():
            ids = (at - NEAR, at + NEAR, at)
            for told, made in zip(shown(local(at, change.zone)), ids, strict=False):
                read += 1
                if videsk_instant(told, place, near=made) != text(at):
                    wrong.append((change.zone, told, made))
    sys.stdout.write(f"{len(changes())} changes, {read} texts\n")
    assert wrong == []
    assert len(changes()) > 9_000
    assert read > 150_000


@pytest.mark.covers(62)
def test_what_follows_a_row_s_own_time_is_on_the_right_pass_too() -> None:
    wrong, read = [], 0
    for change in (change for change in distinct_changes() if change.back):
        place = zone_named(change.zone)
        for at in change.instants():
            begun = next(shown(local(at, change.zone)))
            for length in {
                0 * SECOND,
                min(HOUR / 2, change.length - SECOND),
                change.length - SECOND,
            }:
                ended = next(shown(local(at + length, change.zone)))
                placed = with_offsets(
                    {"startTime": begun, "endTime": ended}, ["startTime", "endTime"], place, at
                )
                read += 2
                if placed != {"startTime": text(at), "endTime": text(at + length)}:
                    wrong.append((change.zone, begun, ended, placed))
    assert wrong == []
    assert read > 20_000


@pytest.mark.covers(61, 62)
def test_where_nothing_tells_the_first_pass_is_taken_and_a_gap_is_jumped() -> None:
    wrong, read, jumped = [], 0, 0
    for change in distinct_changes():
        place = zone_named(change.zone)
        walls = [local(at, change.zone) for at in change.instants()]
        skipped = change.skipped()
        for wall in {*walls, *skipped}:
            wanted = text(meant(wall, change.zone))
            for told in shown(wall):
                read += 1
                if videsk_instant(told, place) != wanted:
                    wrong.append((change.zone, told, wanted))
        for wall in skipped:
            # Jumped by the gap: as far behind the change as the text is behind the clock's jump.
            behind = wall - (change.at + change.before).replace(tzinfo=None)
            assert meant(wall, change.zone) == change.at + behind
            jumped += 1
    sys.stdout.write(f"{read} texts, {jumped} of times that never were\n")
    assert wrong == []
    assert read > 30_000
    assert jumped > 4_000


@pytest.mark.covers(61, 62)
def test_where_utc_is_asked_for_no_change_of_a_clock_matters() -> None:
    zone = zone_named("UTC")
    moments = {at for change in distinct_changes() for at in change.instants()}
    wrong = [
        (told, at)
        for at in moments
        for told in shown(at.replace(tzinfo=None))
        if videsk_instant(told, zone) != text(at)
    ]
    assert wrong == []
    assert len(moments) > 10_000


def run_around(zone: str, change: datetime, stream: str, **options: object) -> tuple[Run, JSON]:
    """A run over two days with rows around a change of a zone's clocks, and what they are."""
    with opened("videsk", change + 3 * DAY, seed=1, rows=0, start=change - 3 * DAY) as place:
        for name, value in {"cap": 25, **options}.items():
            setattr(place.api.options, name, value)  # type: ignore[attr-defined] # Videsk's
        handle = place.api.of(stream)
        handle.add_at(*(change + step * 7 * MINUTE + step * SECOND for step in range(-25, 26)))
        config = {
            "videsk": {**place.api.config(), "timezone": zone},
            "start_date": (change - DAY).isoformat(),
            "end_date": (change + DAY).isoformat(),
        }
        run = place.run(config, streams=(stream,))
        assert run.code == 0, run.complaints
        return run, {"truth": handle.truth()}


@pytest.mark.covers(61, 62)
@pytest.mark.parametrize("dates", ["iso", "day_first"])
@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("stream", TOLD)
def test_a_run_over_a_change_is_the_truth_where_ids_tell(
    stream: str, zone: str, change: datetime, dates: str
) -> None:
    run, known = run_around(zone, change, stream, dates=dates)
    own, truth = str(BY_NAME[stream].time), known["truth"]
    table = run.table(stream)
    assert set(table) == set(truth)
    assert {key: row[own] for key, row in table.items()} == {
        key: row[own] for key, row in truth.items()
    }


@pytest.mark.covers(61, 62)
@pytest.mark.parametrize("order", ["honest", "shuffled"])
@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("stream", UNTOLD)
def test_a_run_over_a_change_loses_nothing_where_ids_do_not_tell(
    stream: str, zone: str, change: datetime, order: str
) -> None:
    run, known = run_around(zone, change, stream, order=order)
    columns = next(line for line in run.lines if line["type"] == "SCHEMA")["schema"]["properties"]
    times = [name for name, column in columns.items() if column.get("format") == "date-time"]
    truth = {
        key: {
            name: text(meant(local(parse(value), zone), zone)) if name in times and value else value
            for name, value in row.items()
        }
        for key, row in known["truth"].items()
    }
    assert len(truth) == 51
    assert_table_is(run.table(stream), truth)
