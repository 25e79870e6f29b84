"""A call that a server cannot answer for: the others are read, and the message names it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from inprocess import Place, Ran, opened
from seam import retry_waits

from sandbox import Fault
from sandbox.http import Reply, Request
from sandbox.instants import text
from tap_callexports.http.request import MAX_TRIES
from tap_callexports.http.retry import PART_TRIES

if TYPE_CHECKING:
    from sandbox import Row

START = datetime(2024, 5, 1, tzinfo=timezone.utc)
NOW = START + timedelta(days=30)
#: A windowed stream of each provider, and the detail streams with the path of one call.
WINDOWED = ("anunzi_calls", "burki_calls", "burki_call_list", "twin24_calls", "videsk_calls")
DETAILS = {
    "anunzi_call_details": "/get-call/{}",
    "burki_call_transcripts": "/calls/{}/transcripts",
}
#: Halvings from the longest first window, a year, to a second.
LEVELS = 25


@pytest.fixture(autouse=True)
def usual_waits() -> Iterator[None]:
    """Waits are as long as for users; the clock of these runs does not really wait."""
    with retry_waits(first=1, longest=60):
        yield


def provider_of(stream: str) -> str:
    return stream.split("_", 1)[0]


def run(place: Place, stream: str, **settings: object) -> Ran:
    """One run of a stream over all there is."""
    api = place.api
    config = {
        "start_date": START.isoformat(),
        **{name: settings.pop(name) for name in ("on_unreadable",) if name in settings},
        api.name: {**api.config(), "max_concurrency": 1, "settle_minutes": 0, **settings},
    }
    return place.run(config, streams=(stream,))


def poison(place: Place, row: Row, status: int = 500, spoilt: bytes | None = None) -> None:
    """From now on every answer that would hold this row is an error, or this body."""
    api = place.api
    honest = api._answer
    names = ("call_sid", "call_id", "id")
    marker = next(str(row.canonical[name]) for name in names if name in row.canonical).encode()

    def answer(request: Request) -> Reply:
        reply = honest(request)
        zipped = reply.headers.get("Content-Encoding") == "gzip"
        body = gzip.decompress(reply.body) if zipped else reply.body
        if marker not in body:
            return reply
        return api.error(status) if spoilt is None else Reply(200, spoilt or body[: len(body) // 2])

    api._answer = answer  # type: ignore[method-assign] # a server with a fault


def tries(ran: Ran) -> list[int]:
    """How often each failing request was sent, the first request in front."""
    assert ran.wire is not None
    return list(ran.wire.failed.values())


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("stream", WINDOWED)
def test_the_message_names_the_second_that_cannot_be_read(stream: str, status: int) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        row = sorted(place.api.of(stream).rows, key=lambda row: row.sort_at)[30]
        poison(place, row, status)
        ran = run(place, stream)
        truth = place.api.truth(stream)

    assert ran.code == 1
    (line,) = ran.complaints
    first, last = re.findall(r"2024-\S+Z", line)[-2:]
    assert f"{status}" in line
    assert "cannot be split further" in line
    # Servers are asked for a second more at each end, where it is unknown whether a range has it.
    at = text(row.sort_at)
    assert text(row.sort_at - timedelta(seconds=3)) <= first <= at
    assert first < last <= text(row.sort_at + timedelta(seconds=3))
    # All before it is exported, and the next run begins there.
    assert ran.bookmark(stream) == first
    before = {key for key, record in truth.items() if time_of(record) < first}
    assert before <= set(ran.table(stream))


def time_of(record: dict[str, object]) -> str:
    names = ("start_timestamp", "call_started_at", "started_at", "start_time", "created_at")
    return str(next(record[name] for name in names if record.get(name)))


@pytest.mark.parametrize("stream", WINDOWED)
def test_the_window_gets_eight_tries_and_its_parts_two(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        row = sorted(place.api.of(stream).rows, key=lambda row: row.sort_at)[30]
        poison(place, row)
        first, *rest = tries(run(place, stream))

    assert first == MAX_TRIES
    assert 1 <= len(rest) <= LEVELS
    assert set(rest) == {PART_TRIES}


@pytest.mark.parametrize("stream", WINDOWED)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=429, times=10**6),
        Fault("status", status=408, times=10**6),
        Fault("status", status=425, times=10**6),
        Fault("status", status=503, times=10**6, headers={"Retry-After": "30"}),
        Fault("reset", times=10**6),
    ],
    ids=["429", "408", "425", "announced outage", "no connection"],
)
def test_a_smaller_window_is_not_tried_where_it_cannot_help(stream: str, fault: Fault) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        place.api.faults.add(fault, path_of(stream), skip=1)
        ran = run(place, stream)

    assert ran.code == 1
    assert tries(ran) == [MAX_TRIES]


def path_of(stream: str) -> str:
    """A part of the paths of a stream's requests; a login is none of them."""
    return "/search/" if stream == "twin24_calls" else "call"


@pytest.mark.parametrize("stream", WINDOWED)
def test_a_server_that_is_down_ends_the_stream_after_few_requests(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        place.api.faults.add(Fault("status", status=503, times=10**6), path_of(stream))
        ran = run(place, stream)

    assert ran.code == 1
    assert ran.wire is not None
    assert len(ran.wire.sent) <= 2 * MAX_TRIES + PART_TRIES * LEVELS
    assert ran.waited <= 300


@pytest.mark.parametrize("stream", DETAILS)
def test_the_message_names_the_call_that_cannot_be_read(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=12, start=START) as place:
        call = refused_call(place, stream)
        ran = run(place, stream)

    assert ran.code == 1
    (line,) = ran.complaints
    assert "500" in line
    assert line.endswith(f" s; call {call}")
    assert tries(ran) == [MAX_TRIES]


@pytest.mark.parametrize("on_unreadable", ["fail", "skip"])
@pytest.mark.parametrize("stream", DETAILS)
def test_a_call_that_is_refused_is_named_and_never_skipped(stream: str, on_unreadable: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=12, start=START) as place:
        call = refused_call(place, stream, status=400)
        ran = run(place, stream, on_unreadable=on_unreadable)

    assert ran.code == 1
    (line,) = ran.complaints
    assert "400" in line
    assert line.endswith(f"; call {call}")


def refused_call(place: Place, stream: str, status: int = 500) -> str:
    """From now on one call that is over is answered with an error."""
    calls = sorted(place.api.truth(stream).values(), key=time_of)
    call = str(calls[len(calls) // 2]["call_id"])
    path = DETAILS[stream].format(call)
    place.api.faults.add(Fault("status", status=status, times=10**9), path)
    return call


# With on_unreadable set to skip.


def skipped_in(ran: Ran) -> list[str]:
    """The warnings about what was skipped."""
    return [line for line in ran.log if "skipped as on_unreadable says" in line]


def lonely_row(place: Place, stream: str) -> Row:
    """A row in the middle, with no other row within some seconds."""
    rows = sorted(place.api.of(stream).rows, key=lambda row: row.sort_at)
    for before, row, after in zip(rows[20:], rows[21:], rows[22:], strict=False):
        if min(row.sort_at - before.sort_at, after.sort_at - row.sort_at) > timedelta(minutes=1):
            return row
    raise AssertionError("no such row")


def assert_skipped_alone(ran: Ran, place: Place, stream: str, row: Row) -> None:
    """All but this row is there, and the one warning names the second it is in."""
    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    instants = re.findall(r"2024-\S+Z", line)
    assert 2 <= len(instants) <= 6
    assert instants[0] <= text(row.sort_at) < instants[-1]
    missing = place.api.truth(stream).keys() - ran.table(stream).keys()
    assert missing == {tuple(row.canonical[name] for name in place.api.keys[stream])}
    assert ran.bookmark(stream) == text(NOW)


KINDS = {
    "500": None,
    "HTML": b"<!DOCTYPE html><html>Just a moment</html>",
    "half of the body": b"",
}


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", WINDOWED)
def test_only_the_second_that_cannot_be_read_is_skipped(
    stream: str, kind: str, workers: int
) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        row = lonely_row(place, stream)
        poison(place, row, spoilt=KINDS[kind])
        ran = run(place, stream, on_unreadable="skip", max_concurrency=workers)
        assert_skipped_alone(ran, place, stream, row)


@pytest.mark.parametrize("stream", ["anunzi_calls", "burki_call_list", "videsk_calls"])
def test_a_row_without_its_key_is_skipped(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        row = lonely_row(place, stream)
        key = "call_id" if stream == "anunzi_calls" else "id"
        row.extra_wire = {key: None}
        assert_skipped_alone(run(place, stream, on_unreadable="skip"), place, stream, row)


@pytest.mark.parametrize("stream", ["anunzi_calls", "burki_call_list", "videsk_calls"])
def test_rows_that_all_lack_their_key_are_not_skipped(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        for row in place.api.of(stream).rows:
            row.extra_wire = {"call_id" if stream == "anunzi_calls" else "id": None}
        ran = run(place, stream, on_unreadable="skip")

    assert ran.code == 1
    assert not skipped_in(ran)
    (line,) = ran.complaints
    assert "rows have no" in line


def test_a_second_that_holds_too_much_is_skipped() -> None:
    with opened("twin24", NOW, seed=5, rows=60, start=START) as place:
        calls = place.api.of("twin24_calls")
        full = START + timedelta(days=9, seconds=7)
        calls.add_at(*[full] * 40)
        ran = run(place, "twin24_calls", on_unreadable="skip", max_records=40)

    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    assert text(full) in line
    assert not [key for key, row in ran.table("twin24_calls").items() if time_of(row) == text(full)]
    assert len(ran.table("twin24_calls")) == 60


@pytest.mark.parametrize("stream", DETAILS)
@pytest.mark.parametrize("workers", [1, 4])
def test_only_the_call_that_cannot_be_read_is_skipped(stream: str, workers: int) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=12, start=START) as place:
        call = refused_call(place, stream)
        ran = run(place, stream, on_unreadable="skip", max_concurrency=workers)
        truth = place.api.truth(stream)

    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    assert "1 window or call could not be read" in line
    assert line.endswith(f"call {call}")
    others = {key for key, record in truth.items() if str(record["call_id"]) != call}
    assert set(ran.table(stream)) == others
    assert ran.bookmark(stream) == text(NOW)


@pytest.mark.parametrize("stream", DETAILS)
def test_the_first_call_is_skipped_once_a_later_one_can_be_read(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=12, start=START) as place:
        records = sorted(place.api.truth(stream).values(), key=time_of)
        first, second, *others = dict.fromkeys(str(record["call_id"]) for record in records)
        for call, status in ((first, 500), (second, 404)):
            fault = Fault("status", status=status, times=10**9)
            place.api.faults.add(fault, DETAILS[stream].format(call))
        ran = run(place, stream, on_unreadable="skip")

    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    assert line.endswith(f"call {first}")
    assert {str(record["call_id"]) for record in ran.records(stream)} == set(others)


@pytest.mark.parametrize("stream", DETAILS)
def test_calls_of_which_none_can_be_read_are_not_skipped(stream: str) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=12, start=START) as place:
        for record in place.api.truth(stream).values():
            path = DETAILS[stream].format(record["call_id"])
            place.api.faults.add(Fault("status", status=500, times=10**9), path)
        ran = run(place, stream, on_unreadable="skip")

    assert ran.code == 1
    assert not skipped_in(ran)
    assert ran.complaints[-1].endswith(", and no other call can be read")


@pytest.mark.parametrize("after", [3, 12, 40])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", [*WINDOWED, *DETAILS])
def test_nothing_is_skipped_while_the_server_is_down(stream: str, workers: int, after: int) -> None:
    """It goes down after some requests, and stays down."""
    with opened(provider_of(stream), NOW, seed=5, rows=300, start=START) as place:
        place.api.faults.add(Fault("status", status=500, times=10**6), path_of(stream), skip=after)
        ran = run(place, stream, on_unreadable="skip", max_concurrency=workers)
        truth = place.api.truth(stream)

    assert not skipped_in(ran)
    bookmark = ran.bookmark(stream) or ""
    before = {key for key, record in truth.items() if time_of(record) < bookmark}
    assert before <= set(ran.table(stream))
    if ran.code == 1:
        (line,) = ran.complaints
        assert "500" in line
        assert ran.wire is not None
        assert len(ran.wire.sent) <= after + 4 * (MAX_TRIES + PART_TRIES * (LEVELS + 10))
    else:
        assert set(ran.table(stream)) == set(truth)


@pytest.mark.parametrize("failing", range(40, 62, 3))
def test_nothing_is_skipped_when_the_server_comes_back(failing: int) -> None:
    """An outage that ends about when the smallest window has been tried."""
    with opened("burki", NOW, seed=5, rows=60, start=START) as place:
        place.api.faults.add(Fault("status", status=500, times=failing), "calls", skip=4)
        ran = run(place, "burki_call_list", on_unreadable="skip")
        truth = place.api.truth("burki_call_list")

    assert not skipped_in(ran)
    assert ran.code == 1 or set(ran.table("burki_call_list")) == set(truth)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=401, times=10**6),
        Fault("status", status=404, times=10**6),
        Fault("status", status=429, times=10**6),
        Fault("reset", times=10**6),
    ],
    ids=["credential", "address", "too many requests", "no connection"],
)
@pytest.mark.parametrize("stream", [*WINDOWED, *DETAILS])
def test_what_is_no_fault_of_a_window_is_never_skipped(stream: str, fault: Fault) -> None:
    with opened(provider_of(stream), NOW, seed=5, rows=60, start=START) as place:
        place.api.faults.add(fault, path_of(stream), skip=1)
        ran = run(place, stream, on_unreadable="skip")

    assert not skipped_in(ran)
    if (stream, fault.status) not in {(name, 404) for name in DETAILS}:  # there it means: gone
        assert ran.code == 1
