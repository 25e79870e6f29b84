"""Local times become the instants they stand for, also where clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tap_callexports.records.time_zones import to_utc, zone_named

UTC = timezone.utc
SANTIAGO = zone_named("America/Santiago")


def test_utc_needs_no_zone_library() -> None:
    assert zone_named("UTC") is UTC
    assert zone_named("Etc/UTC") is UTC


@pytest.mark.parametrize("name", ["Santiago", "UTC+3", "America/Santiag", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone_named(name)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(ValueError, match="America/Santiago"):
        zone_named("America/Santiag")


def test_a_time_the_clock_skipped_is_moved_on_by_the_gap() -> None:
    # Santiago has no 00:30 on 2024-09-08: midnight became one o'clock.
    assert to_utc(datetime(2024, 9, 8, 0, 30), SANTIAGO) == datetime(2024, 9, 8, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("pass_", [0, 1])
def test_a_repeated_time_is_told_apart_by_what_happened_near(pass_: int) -> None:
    # 23:30 of 2024-04-06 came twice in Santiago.
    first = datetime(2024, 4, 7, 2, 30, tzinfo=UTC)
    meant = first + timedelta(hours=pass_)
    local = datetime(2024, 4, 6, 23, 30)
    assert to_utc(local, SANTIAGO, meant - timedelta(minutes=5)) == meant
    assert to_utc(local, SANTIAGO) == first
