"""An answer that is cut, or has anything else in it than it should, is never taken for rows."""

from __future__ import annotations

import time
from codecs import BOM_UTF8
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bodies import DIALECTS, Answer, answers, row_ends
from support import assert_listed
from wire import FRAMINGS, Framing, packed, read, until_closed, with_length

from tap_callexports.errors import TransientFailure
from tap_callexports.http.body import read_response
from tap_callexports.http.response import Response

#: Every endpoint, by the stream that asks it.
ENDPOINTS = (
    "login auth/login",
    "anunzi_calls v3/list-calls",
    "anunzi_unstarted_calls v3/list-calls",
    "anunzi_call_details v3/list-calls",
    "anunzi_call_details get-call/one",
    "burki_calls calls/count",
    "burki_calls calls/export",
    "burki_calls calls/export in items",
    "burki_call_list calls/",
    "burki_call_list calls/ bare",
    "burki_call_transcripts calls/",
    "burki_call_transcripts calls/one/transcripts",
    "twin24_calls search/cis/calls",
    "twin24_incoming_calls statistics/cis/sessions/incoming",
    "videsk_ai_sentiments reports/exports/ai/sentiments",
    "videsk_ai_topics reports/exports/ai/topics",
    "videsk_appointments reports/exports/appointments",
    "videsk_calls reports/exports/calls",
    "videsk_comments reports/exports/comments",
    "videsk_extra_data reports/exports/extra-data",
    "videsk_forms reports/exports/forms",
    "videsk_queues reports/exports/queues",
    "videsk_recordings reports/exports/recordings",
    "videsk_surveys reports/exports/surveys",
    "videsk_tags reports/exports/tags",
)
EVERY = [*ENDPOINTS, *DIALECTS]
#: Small ones of each kind, to be cut with all that HTTP puts around them.
SMALL = (
    "burki_calls calls/count",
    "videsk_comments reports/exports/comments",
    DIALECTS[0],
)


@pytest.fixture(scope="module")
def real() -> dict[str, Answer]:
    """What the endpoints answer, rows included."""
    return answers()


def test_every_endpoint_that_a_run_asks_is_cut(real: dict[str, Answer]) -> None:
    asked = real.keys() - set(DIALECTS)
    assert_listed(asked, ENDPOINTS, "ENDPOINTS in tests/resilience/test_cut_anywhere.py")
    assert real.keys() >= set(DIALECTS)


class _Bytes:
    """A body as urllib3 gives it: everything that came, and no word of how much it should be."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read1(self, _: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        body, self._body = self._body, b""
        return body


def received(body: bytes, answer: Answer, *, zipped: bool = False) -> Response:
    """What the tap makes of these bytes, where nothing but they tell whether they are all."""
    headers = {"Content-Type": answer.media_type}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    response = SimpleNamespace(status_code=200, headers=headers, raw=_Bytes(body))
    return read_response(cast("Any", response), time.monotonic() + 60)


def taken(body: bytes, answer: Answer, *, zipped: bool = False) -> bool:
    """Whether rows would be made of these bytes."""
    try:
        reply = received(body, answer, zipped=zipped)
    except TransientFailure:
        return False
    return answer.accepts(reply)


@pytest.mark.covers(47)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_json_cut_at_any_byte_is_refused(real: dict[str, Answer], name: str) -> None:
    answer = real[name]
    assert taken(answer.body, answer)
    accepted = [end for end in range(len(answer.body)) if taken(answer.body[:end], answer)]
    assert accepted == []


@pytest.mark.covers(46, 48, 49)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_table_is_taken_where_a_row_ends_and_nowhere_else(
    real: dict[str, Answer], dialect: str
) -> None:
    """There its content cannot tell: the runs below show what decides."""
    table = real[dialect]
    rows, ends = list(table.decode(received(table.body, table))), row_ends(table)
    accepted = {end for end in range(len(table.body)) if taken(table.body[:end], table)}
    assert accepted == ends
    for end in ends:
        fewer = list(table.decode(received(table.body[:end], table)))
        assert fewer == rows[: len(fewer)]
    assert len(rows) >= 8


@pytest.mark.covers(45)
@pytest.mark.parametrize("name", EVERY)
def test_a_packed_answer_cut_at_any_byte_is_refused(real: dict[str, Answer], name: str) -> None:
    answer = real[name]
    whole = packed(answer.body)
    assert taken(whole, answer, zipped=True)
    accepted = [end for end in range(len(whole)) if taken(whole[:end], answer, zipped=True)]
    assert accepted == []


@pytest.mark.covers(45)
@pytest.mark.parametrize("name", SMALL)
def test_a_packed_answer_with_any_bit_wrong_is_refused_or_holds_the_same(
    real: dict[str, Answer], name: str
) -> None:
    answer = real[name]
    whole, refused = packed(answer.body), 0
    for bit in range(len(whole) * 8):
        wrong = bytearray(whole)
        wrong[bit // 8] ^= 1 << bit % 8
        try:
            assert received(bytes(wrong), answer, zipped=True).body == answer.body
        except TransientFailure:
            refused += 1
    # Ten bytes in front say when and where it was packed, which changes nothing.
    assert refused >= (len(whole) - 10) * 8


@pytest.mark.covers(44, 45, 103)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", SMALL)
def test_the_body_of_an_answer_cut_at_any_byte_is_refused(
    real: dict[str, Answer], name: str, framing: Framing, *, zipped: bool
) -> None:
    answer = real[name]
    header, wire = framing(packed(answer.body) if zipped else answer.body)
    silent = answer.is_table and framing is until_closed and not zipped
    accepted = set()
    for end in range(len(wire) + 1):
        try:
            reply = read(header, wire[:end], zipped=zipped, media_type=answer.media_type)
        except TransientFailure:
            continue
        # Whole where only what stands behind the last piece is missing.
        if reply.body != answer.body and answer.accepts(reply):
            accepted.add(end)
    assert accepted == (row_ends(answer) if silent else set())
    whole = read(header, wire, zipped=zipped, media_type=answer.media_type)
    assert whole.body == answer.body


@pytest.mark.covers(44)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", EVERY)
def test_a_length_that_is_not_the_bodys_own_is_noticed(
    real: dict[str, Answer], name: str, *, zipped: bool
) -> None:
    answer = real[name]
    body = packed(answer.body) if zipped else answer.body

    def accepts(told: int) -> bool:
        header, _ = with_length(bytes(told))
        try:
            reply = read(header, body, zipped=zipped, media_type=answer.media_type)
        except TransientFailure:
            return False
        return answer.accepts(reply)

    assert accepts(len(body))
    assert not accepts(len(body) + 1)
    assert not accepts(len(body) * 2)
    ends = row_ends(answer) if answer.is_table and not zipped else set()
    for less in (1, 2, len(body) // 2, len(body)):
        assert accepts(len(body) - less) == (len(body) - less in ends)


@pytest.mark.covers(47, 106)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_anything_behind_json_is_refused(real: dict[str, Answer], name: str) -> None:
    answer = real[name]
    for more in (b"x", b"}", b"]", b",", b"0", b"\0", b"null", b"<html>", b"[]", b"{}"):
        assert not taken(answer.body + more, answer), more
        assert not taken(answer.body + b"\n" + more, answer), more
    assert not taken(answer.body * 2, answer)
    assert not taken(answer.body + b"\n" + answer.body, answer)
    assert taken(b" \r\n" + answer.body + b"\r\n\t ", answer)


@pytest.mark.covers(49)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_anything_behind_a_table_is_refused(real: dict[str, Answer], dialect: str) -> None:
    table = real[dialect]
    for more in (b"x", b"\0", b"x\r\n", b'"', b"Internal Server Error\n", b"<html></html>\n"):
        assert not taken(table.body + more, table), more
    assert taken(table.body + b"\r\n", table)


@pytest.mark.covers(45)
@pytest.mark.parametrize("name", EVERY)
def test_a_packed_answer_is_read_to_its_end_in_as_many_members_as_it_has(
    real: dict[str, Answer], name: str
) -> None:
    """A second member that is left unread is rows that nobody misses."""
    answer = real[name]
    middle = min(row_ends(answer)) if answer.is_table else len(answer.body) // 2
    first, second = packed(answer.body[:middle]), packed(answer.body[middle:])
    whole = received(first + second, answer, zipped=True)
    assert whole.body == answer.body.removeprefix(BOM_UTF8)
    for end in range(len(first) + 1, len(first + second)):
        assert not taken((first + second)[:end], answer, zipped=True)
    for more in (b"\x1f", b"\x1f\x8b"):
        assert not taken(first + second + more, answer, zipped=True)
    for padding in (b"\0" * 8, b"\r\n"):
        assert received(first + second + padding, answer, zipped=True).body == whole.body


#: What the answers of an endpoint can be mistaken for only where an address is mixed up.
STRANGERS = {
    "anunzi_calls v3/list-calls": ("anunzi_call_details get-call/one",),
    "anunzi_call_details get-call/one": ("anunzi_calls v3/list-calls",),
    "burki_calls calls/count": ("calls/export", "calls/export in items", "calls/ bare", "csv"),
    "burki_calls calls/export": ("calls/count", "csv"),
    "burki_call_list calls/": ("calls/count", "csv"),
    "burki_call_transcripts calls/one/transcripts": ("burki_calls", "burki_call_list"),
    "twin24_calls search/cis/calls": ("login", "videsk_calls"),
    "videsk_calls reports/exports/calls": ("login", "twin24_calls", "burki_calls"),
    "login auth/login": ("twin24_calls", "twin24_incoming_calls"),
    **dict.fromkeys(DIALECTS, ("calls/export", "calls/count", "login", "calls/one")),
}


@pytest.mark.covers(54, 106)
@pytest.mark.parametrize("name", STRANGERS)
def test_what_another_endpoint_answers_is_refused(real: dict[str, Answer], name: str) -> None:
    others = [
        other
        for other in real
        if any(part in other for part in STRANGERS[name])
        and not (name in DIALECTS and "csv" in other)
    ]
    assert others
    for other in others:
        reply = received(real[other].body, real[other])
        assert not real[name].accepts(reply), other


@pytest.mark.covers(54)
@pytest.mark.parametrize("name", EVERY)
def test_what_is_nothing_is_refused(real: dict[str, Answer], name: str) -> None:
    for nothing in (b"", b" ", b"\r\n", b"null", b"0", b'""', b"true", b"{}", b"<html></html>"):
        assert not taken(nothing, real[name]), nothing
        assert not taken(packed(nothing), real[name], zipped=True), nothing


@pytest.mark.covers(45)
@pytest.mark.parametrize("name", EVERY)
def test_an_answer_that_is_not_packed_as_its_head_says_is_refused(
    real: dict[str, Answer], name: str
) -> None:
    answer = real[name]
    assert not taken(answer.body, answer, zipped=True)
    assert not taken(packed(answer.body), answer)
    assert not taken(packed(packed(answer.body)), answer, zipped=True)


@pytest.mark.covers(48)
def test_what_stands_in_the_cells_of_a_table_does_not_decide_its_delimiter(
    real: dict[str, Answer],
) -> None:
    for dialect in (name for name in DIALECTS if "comma" in name):
        table = real[dialect]
        rows = list(table.decode(received(table.body, table)))
        names = b";" * 10 * table.body.count(b",")
        more = table.body.replace("Recepción".encode(), names)
        assert more != table.body
        assert [row["id"] for row in table.decode(received(more, table))] == [
            row["id"] for row in rows
        ]
