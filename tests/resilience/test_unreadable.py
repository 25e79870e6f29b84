"""A call that a server cannot send: the others are read, and the message names it."""

from __future__ import annotations

import re

import pytest
from expected_streams import BY_NAME, DETAILS, LISTS, entry_of
from inprocess import END, START, Place, Ran, opened_for
from support import JSON

from sandbox import Fault, Row
from sandbox.http import Reply, Request
from sandbox.instants import SECOND, text
from tap_callexports.http.request import MAX_TRIES
from tap_callexports.http.retry import PART_TRIES

#: The lists whose rows can be told apart by a field of our own.
MARKED = tuple(name for name in LISTS if BY_NAME[name].unknown_fields)
#: Halvings from the longest first window, a year, to the shortest granule, a millisecond.
LEVELS = 35
FOR_EVER = 10**6
SKIP: JSON = {"on_unreadable": "skip"}
HTML = b"<!DOCTYPE html><html>Just a moment</html>"


def spread(place: Place, stream: str, rows: int = 40) -> list[Row]:
    """Rows of a month, none within some seconds of another."""
    step = (END - START) / rows
    return place.api.of(stream).add_at(*(START + n * step + SECOND / 2 for n in range(rows)))


def poison(place: Place, row: Row, body: bytes = b"") -> None:
    """From now on every response that would hold this row is an error, or this body."""
    row.extra_wire = {"marker": "poison"}

    def change(_: Request, reply: Reply) -> Reply:
        honest = place.unpacked(reply)
        if b"poison" not in honest:
            return reply
        if not body:
            return place.api.error(500)
        return Reply(200, honest[: len(honest) // 2] if body == b"half" else body)

    place.change_responses(change)


def call_of(stream: str, record: JSON) -> str:
    """The call that a record of a detail stream is of."""
    return str(record.get("call_id") or record[BY_NAME[stream].keys[0]])


def calls_of(place: Place, stream: str) -> list[str]:
    """The calls of a detail stream, in the order of their time."""
    time = str(BY_NAME[stream].time)
    records = sorted(place.api.truth(stream).values(), key=lambda record: str(record[time]))
    return list(dict.fromkeys(call_of(stream, record) for record in records))


def fail_call(place: Place, stream: str, call: str, status: int = 500) -> None:
    """From now on one call is answered with an error."""
    of_call, path = re.compile(f"/{re.escape(call)}(/|$)"), re.compile(entry_of(stream).path)
    place.faults.add(
        Fault("status", status=status, times=FOR_EVER),
        when=lambda sent: bool(path.search(sent.path) and of_call.search(sent.path)),
    )


def fail_stream(place: Place, stream: str, fault: Fault, skip: int = 0) -> None:
    """From now on, after some, requests for a stream fail; a login is none of them."""
    entry = entry_of(stream)
    path = re.compile(f"{entry.path}|{entry.listed_at}" if entry.listed_at else entry.path)
    place.faults.add(fault, skip=skip, when=lambda sent: bool(path.search(sent.path)))


def skipped_in(ran: Ran) -> list[str]:
    """The warnings about what was skipped."""
    return [line for line in ran.log if "skipped (on_unreadable: skip)" in line]


# Windows.


@pytest.mark.parametrize("stream", MARKED)
def test_the_message_names_the_second_that_cannot_be_read(stream: str) -> None:
    with opened_for(stream) as place:
        rows = spread(place, stream)
        poison(place, rows[20])
        ran = place.export(stream, max_concurrency=1)
        keys = [place.key(stream, row) for row in rows]
    assert ran.code == 1
    (line,) = ran.complaints
    assert "500" in line
    assert "cannot be split further" in line
    first, last = re.findall(r"2024-\S+Z", line)[-2:]
    # Servers are sent a second more at each end, where it is unknown whether a range has it.
    at = rows[20].at
    assert text(at - 3 * SECOND) <= first <= text(at) <= last <= text(at + 3 * SECOND)
    # All before it is exported, and the next run begins there.
    assert ran.bookmark(stream) == first
    assert set(keys[:20]) <= set(ran.table(stream))
    first_tries, *rest = ran.wire.failed.values()
    assert first_tries == MAX_TRIES
    assert set(rest) == {PART_TRIES}
    assert len(rest) <= LEVELS


@pytest.mark.parametrize(("body", "workers"), [(b"", 1), (HTML, 4), (b"half", 1)])
@pytest.mark.parametrize("stream", MARKED)
def test_only_the_second_that_cannot_be_read_is_skipped(
    stream: str, body: bytes, workers: int
) -> None:
    with opened_for(stream) as place:
        rows = spread(place, stream)
        poison(place, rows[20], body)
        ran = place.export(stream, top=SKIP, max_concurrency=workers)
        missing = place.api.truth(stream).keys() - ran.table(stream).keys()
        assert missing == {place.key(stream, rows[20])}
    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    instants = re.findall(r"2024-\S+Z", line)
    assert instants[0] <= text(rows[20].at) < instants[-1]
    assert ran.bookmark(stream) == text(END)


# Calls.


@pytest.mark.parametrize(("status", "top"), [(500, {}), (400, {}), (400, SKIP)])
@pytest.mark.parametrize("stream", DETAILS)
def test_the_message_names_the_call_that_cannot_be_read(
    stream: str, status: int, top: JSON
) -> None:
    """A 400 says that the request is wrong: that call is never skipped."""
    with opened_for(stream, rows=12) as place:
        call = calls_of(place, stream)[3]
        fail_call(place, stream, call, status)
        ran = place.export(stream, top=top)
    assert ran.code == 1
    (line,) = ran.complaints
    assert str(status) in line
    assert line.endswith(f"; call {call}")
    assert list(ran.wire.failed.values()) == [MAX_TRIES if status == 500 else 1]


@pytest.mark.parametrize(("bad", "workers"), [(0, 1), (3, 1), (3, 4)])
@pytest.mark.parametrize("stream", DETAILS)
def test_only_the_call_that_cannot_be_read_is_skipped(stream: str, bad: int, workers: int) -> None:
    with opened_for(stream, rows=12) as place:
        calls = calls_of(place, stream)
        fail_call(place, stream, calls[bad])
        ran = place.export(stream, top=SKIP, max_concurrency=workers)
    assert ran.code == 0, ran.complaints
    (line,) = skipped_in(ran)
    assert line.endswith(f"call {calls[bad]}")
    found = {call_of(stream, record) for record in ran.records(stream)}
    assert found == set(calls) - {calls[bad]}
    assert ran.bookmark(stream) == text(END)


@pytest.mark.parametrize("stream", DETAILS)
def test_calls_of_which_none_can_be_read_are_not_skipped(stream: str) -> None:
    with opened_for(stream, rows=12) as place:
        for call in calls_of(place, stream):
            fail_call(place, stream, call)
        ran = place.export(stream, top=SKIP)
    assert ran.code == 1
    assert skipped_in(ran) == []
    assert ran.complaints[-1].endswith(", and no other call can be read")


# Servers that are down.


@pytest.mark.parametrize(("workers", "after"), [(1, 0), (1, 3), (4, 12)])
@pytest.mark.parametrize("stream", [*LISTS, *DETAILS])
def test_nothing_is_skipped_while_the_server_is_down(stream: str, workers: int, after: int) -> None:
    """It goes down after some requests, and stays down."""
    with opened_for(stream, rows=60) as place:
        rows = spread(place, stream)
        fail_stream(place, stream, Fault("status", status=500, times=FOR_EVER), skip=after)
        ran = place.export(stream, top=SKIP, max_concurrency=workers)
        truth = place.api.truth(stream)
    assert rows
    assert skipped_in(ran) == []
    time, bookmark = str(BY_NAME[stream].time), ran.bookmark(stream) or ""
    before = {key for key, record in truth.items() if str(record[time] or "") < bookmark}
    assert before <= set(ran.table(stream))
    if ran.code == 0:
        assert set(ran.table(stream)) == set(truth)
        return
    (line,) = ran.complaints
    assert "500" in line
    assert len(ran.wire.sent) <= after + 4 * (MAX_TRIES + PART_TRIES * (LEVELS + 10))
