"""Whole runs against servers whose answers end too early: nothing is missing afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from seam import limits
from support import JSON, Run, assert_table_is, run_tap
from wire import chunked, packed

from sandbox import Fault, Sandbox
from sandbox.http import Reply
from sandbox.instants import UTC
from tap_callexports.compat import override

if TYPE_CHECKING:
    from sandbox import Api
    from sandbox.http import Request

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
CALLS = "burki_calls"
ROWS = 9
#: Answers without a row, as each endpoint gives them: taken as they are, all would be lost.
EMPTY = {
    "videsk_calls": b'{"$limit": 100000, "columns": [], "data": []}',
    "anunzi_calls": b'{"items": [], "has_more": false, "pagination_key": null}',
    "twin24_calls": b'{"count": 0, "items": []}',
    "burki_call_list": b'{"items": [], "total": 0}',
    "burki_calls": b"[]",
}


@dataclass(frozen=True)
class Sent(Fault):
    """An answer 200 with these bytes behind its head."""

    wire: bytes = b""

    @override
    def replacement(self, error: Callable[[int], Reply]) -> Reply | None:
        return Reply(200, self.wire, headers={"Connection": "close", **self.headers})


def framed(body: bytes, how: str) -> Sent:
    """An answer that is cut behind a body which is whole, by what frames it."""
    if how == "chunked":
        headers, wire = (
            {"Transfer-Encoding": "chunked"},
            chunked(body)[1].removesuffix(b"0\r\n\r\n"),
        )
    elif how == "gzip":
        headers, wire = {"Content-Encoding": "gzip"}, packed(body)[:-1]
    else:
        headers, wire = {"Content-Length": str(len(body) + 1)}, body
    # Every second answer, so that no window is spared.
    return Sent("status", times=10**9, every=2, headers=headers, wire=wire)


def run(api: Api, stream: str, **settings: object) -> Run:
    """One run of a stream over May 2024; each answer that is cut costs another request."""
    config: JSON = {api.name: {**api.config(), **settings}}
    config |= {"start_date": "2024-05-01", "end_date": "2024-06-01"}
    return run_tap(config, streams=[stream])


def assert_complete(done: Run, api: Api, stream: str) -> None:
    assert done.code == 0, done.error or (done.tap and done.tap.failures)
    assert api.truth(stream)
    assert_table_is(done.table(stream), api.truth(stream))


@pytest.mark.covers(44, 45, 54)
@pytest.mark.parametrize("how", ["chunked", "gzip", "length"])
@pytest.mark.parametrize("stream", EMPTY)
def test_an_empty_answer_whose_end_is_missing_is_no_answer(
    box: Sandbox, stream: str, how: str
) -> None:
    (api,) = (api for api in box.apis.values() if stream in api.streams)
    api.faults.add(framed(EMPTY[stream], how), when=lambda request: "login" not in request.path)
    done = run(api, stream)
    assert_complete(done, api, stream)
    spoilt = 10**9 - api.faults.pending
    assert spoilt >= 2


@pytest.mark.covers(44)
@pytest.mark.parametrize("length", ["0", "1", "30"])
@pytest.mark.parametrize("stream", EMPTY)
def test_a_length_that_is_too_short_spoils_neither_its_answer_nor_the_next(
    box: Sandbox, stream: str, length: str
) -> None:
    """What is left of an answer on the connection is not the next one's head."""
    (api,) = (api for api in box.apis.values() if stream in api.streams)
    short = Fault("slow", times=10**9, every=3, headers={"Content-Length": length})
    long_enough = ("/login", "/count")
    api.faults.add(short, when=lambda request: not request.path.endswith(long_enough))
    assert_complete(run(api, stream), api, stream)


@contextmanager
def cut_file(rows: int, readings: int) -> Iterator[Sandbox]:
    """Calls of one day, the last `rows` of which are missing in the first `readings` of a file."""
    with Sandbox(rows=0) as box:
        api, read = box.burki, 0
        api.add_at(*[NOON + timedelta(minutes=n) for n in range(ROWS)])
        api.options.cut_rows = rows

        def listen(request: Request) -> bool:
            nonlocal read
            read += request.path.endswith("/export") and "2024-05-09" in str(request.params)
            api.options.cut_rows = rows if read <= readings else 0
            return False

        api.faults.add(Fault("slow"), when=listen)
        yield box


@pytest.mark.covers(46)
@pytest.mark.parametrize("count", ["right", "missing"])
@pytest.mark.parametrize("rows", range(1, ROWS + 1))
def test_a_table_cut_at_any_row_s_end_is_told_by_its_count_or_a_second_reading(
    rows: int, count: Literal["right", "missing"]
) -> None:
    with cut_file(rows, readings=1) as box:
        box.burki.options.count = count
        done = run_tap(
            {
                "burki": {**box.burki.config(), "format": "csv"},
                "start_date": "2024-05-09",
                "end_date": "2024-05-10",
            },
            streams=[CALLS],
        )
    assert_complete(done, box.burki, CALLS)


@pytest.mark.covers(46, 41)
@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("rows", [1, 4, ROWS])
def test_a_file_that_is_always_short_of_its_count_is_never_taken(rows: int, form: str) -> None:
    with cut_file(rows, readings=10**9) as box:
        done = run(box.burki, CALLS, format=form)
    assert done.code == 1
    assert (done.bookmark(CALLS) or "") <= "2024-05-09T12:08"
    before = done.bookmark(CALLS) or ""
    missing = {
        key for key, row in box.burki.truth(CALLS).items() if row["started_at"] < before
    } - done.table(CALLS).keys()
    assert not missing


@pytest.mark.covers(58, 112)
@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("stream", ["videsk_calls", "burki_calls", "burki_call_list"])
def test_an_answer_that_is_too_large_is_asked_for_in_halves(
    box: Sandbox, stream: str, *, gzip: bool
) -> None:
    box.burki.options.gzip = gzip
    (api,) = (api for api in box.apis.values() if stream in api.streams)
    with limits(MAX_BODY_BYTES=20_000):
        assert_complete(run(api, stream), api, stream)
    in_halves = len(api.requests)
    assert_complete(run(api, stream), api, stream)
    assert in_halves > len(api.requests) - in_halves


@pytest.mark.covers(112)
@pytest.mark.parametrize("limit", [0, 20_000])
@pytest.mark.parametrize("stream", ["videsk_calls", "anunzi_calls", "burki_calls"])
def test_responses_that_are_too_large_to_be_read_ahead_are_read_in_turn(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, stream: str, limit: int
) -> None:
    monkeypatch.setattr("tap_callexports.concurrency.MAX_BYTES_AHEAD", limit)
    (api,) = (api for api in box.apis.values() if stream in api.streams)
    assert_complete(run(api, stream, max_concurrency=4), api, stream)
