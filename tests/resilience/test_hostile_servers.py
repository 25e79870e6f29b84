"""Answers no honest server gives: the right rows or one clear line, in bounded time and memory."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import count

import pytest
from forked import Ended, run
from one_answer import LISTS, answer, config, row
from raw_server import Answer, Asked, RawServer, endless, http

from tap_callexports.http import retry as policy

#: A run may hold this much more than it began with.
MOST_MEMORY = 400 << 20
_LOG_LINE = re.compile(r"[-\d]+ [:,\d]+ \| [A-Z]+ +\| \S+ +\| [^\r\n\x1b]*")
#: Requests that one stream may cost.
MOST_REQUESTS = 60


def assert_sound(ended: Ended) -> None:
    """Whatever came: JSON lines, log lines, no surprise, bounded memory."""
    assert all(line["type"] in {"SCHEMA", "RECORD", "STATE"} for line in ended.messages)
    assert [line for line in ended.err.splitlines() if not _LOG_LINE.fullmatch(line)] == []
    assert "unexpected" not in ended.err
    assert ended.grown < MOST_MEMORY
    assert ended.files == []


def assert_loud(ended: Ended, streams: Iterable[str], why: str = "") -> None:
    """Each of these streams failed with a line that says why; the others are complete."""
    wanted = set(streams)
    assert ended.code == (1 if wanted else 0)
    failed = {name for name in LISTS if any(f"({name})" in line for line in ended.errors)}
    assert failed == wanted
    for line in ended.errors[:-1]:
        assert re.search(why, line), line


def served(reply: Answer | bytes, streams: Iterable[str] = LISTS, **settings: object) -> Ended:
    """A run whose every request is answered like this."""
    answers: Answer = reply if callable(reply) else lambda _: [http(reply)]
    names = list(streams)
    changed = dict(settings.pop("changed", {}))  # type: ignore[call-overload] # constants
    with RawServer(answers) as server:
        ended = run(config(server.url, **settings), streams=names, changed=changed)  # type: ignore[arg-type] # any settings
        assert len(server.asked) <= MOST_REQUESTS * len(names)
    assert_sound(ended)
    return ended


RIGHT = {
    "an integer of 400 digits": row(b'"duration":%s,"x":%s' % (b"9" * 400, b"9" * 400)),
    "1e999": row(b'"duration":1e999,"x":1e999'),
    "a number that would take all memory": row(b'"duration":1e999999999,"x":1e999999999999'),
    "an exponent beyond reach": row(b'"duration":1e99999999999999999999,"x":1e9999999999999999999'),
    "NaN as text": row(b'"duration":"NaN","duration_ms":"Infinity"'),
    "NaN where a time belongs": row(
        b'"startTime":"NaN","startedAt":"NaN","started_at":"NaN","start_timestamp":"sNaN"'
    ),
    "the same key twice": row(b'"duration":1,"duration":2'),
    "lists in lists, 900 deep": row(b'"x":' + b"[" * 900 + b"]" * 900),
    "objects in objects, 200 deep": row(b'"x":' + b'{"a":' * 200 + b"1" + b"}" * 200),
    "10,000 unknown columns": row(b",".join(b'"c%d":1' % number for number in range(10_000))),
    "a name of 2 MB": row(b'"' + b"aB1_" * 500_000 + b'":1'),
    "a cell of 2 MB": row(b'"x":"' + b"a" * 2_000_000 + b'"'),
    "numbers of a million digits": row(b'"duration":"%s"' % (b"1" * 1_000_000)),
    "lists as text, 100,000 deep": row(b'"metadata":"%s"' % (b"[" * 100_000)),
}


@pytest.mark.covers(113, 132, 138, 178)
@pytest.mark.parametrize("name", RIGHT)
def test_absurd_values_are_carried_as_they_came(name: str) -> None:
    ended = served(answer(RIGHT[name]))
    assert_loud(ended, [])
    records = [record for records in ended.records.values() for record in records]
    assert len(records) == len(LISTS) - 1, "one from each list but that of calls without start"
    if "twice" in name:
        assert {record["duration"] for record in records if "duration" in record} == {2}
    if "unknown" in name:
        assert all(record["extra"]["c9999"] == 1 for record in records)


@pytest.mark.covers(178)
def test_a_row_of_a_million_columns_is_read() -> None:
    columns = b",".join(b'"c%d":1' % number for number in range(1_000_000))
    ended = served(answer(row(columns)), ["twin24_calls"])
    assert_loud(ended, [])
    [record] = ended.records["twin24_calls"]
    assert len(record["extra"]) >= 1_000_000


def _short(value: object) -> str:
    return repr(value)[:12]


NO_JSON = {
    "NaN": row(b'"duration":NaN'),
    "Infinity": row(b'"duration":-Infinity'),
    "an integer of 5,000 digits": row(b'"x":' + b"9" * 5000),
    "lists, 10,000 deep": row(b'"x":' + b"[" * 10_000 + b"]" * 10_000),
    "bytes that are no text": row(b'"x":"\xff\xfe"'),
}


@pytest.mark.covers(105, 107, 113)
@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_fails_in_one_line(name: str) -> None:
    assert_loud(served(answer(NO_JSON[name])), LISTS, "200 with broken JSON instead of JSON")


@pytest.mark.covers(113)
@pytest.mark.parametrize(
    ("nest", "depth"),
    [*((b"[]", depth) for depth in range(960, 990, 6)), (b"{}", 480), (b"{}", 960)],
)
def test_rows_near_the_deepest_readable_are_written_or_refused(nest: bytes, depth: int) -> None:
    down, up = (b'{"a":', b"}") if nest == b"{}" else (b"[", b"]")
    deep = row(b'"x":' + down * depth + b"1" + up * depth)
    ended = served(answer(deep), ["twin24_calls", "burki_call_list"])
    # A row that the tap can read but not write ends the run; no other error does.
    lines = [line for line in ended.errors if not line.startswith("not complete")]
    assert all(re.search("too deeply|broken JSON", line) for line in lines)
    assert ended.code == bool(ended.errors)


HEADS = {
    "a header line of 10 MB": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10_000_000 + b"\r\n\r\n{}",
    "200,000 headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200_000 + b"\r\n{}",
    "a status line of 10 MB": b"HTTP/1.1 200 " + b"a" * 10_000_000 + b"\r\n\r\n{}",
    "a status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n{}",
    "no HTTP at all": b"SSH-2.0-x\r\n\r\n",
    "two lengths": http(answer(), "Content-Length: 5, 6"),
    "a length of 400 digits": http(answer(), "Content-Length: " + "9" * 400),
    "an endless size of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1" * 1_000_000,
    "a chunk of no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
}


@pytest.mark.covers(103, 178)
@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_no_head_is_a_failed_connection(name: str) -> None:
    ended = served(lambda _: [HEADS[name]], ["videsk_calls", "burki_call_list"])
    streams = {"videsk_calls", "burki_call_list"}
    assert_loud(
        ended,
        streams,
        "the response is not HTTP|connection closed without|the connection failed|cut short",
    )


@pytest.mark.covers(127, 176)
@pytest.mark.parametrize(
    "header",
    [
        "Date: Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Date: Mon, 01 Jan 2024 00:00:00 +9999999999999",
        "Date: yesterday",
        "no colon +15555550187 \x1b[31mforged",
        "X: \x1b[31mforged\x00",
        "Set-Cookie: a=" + "b" * 60_000,
        "Content-Length: -5",
        "Content-Length: abc",
    ],
    ids=lambda header: header[:20].encode("unicode_escape").decode(),
)
def test_a_header_that_makes_no_sense_changes_nothing(header: str) -> None:
    ended = served(lambda _: [http(answer(), header)])
    assert_loud(ended, [])
    assert "forged" not in ended.err
    assert "15555550187" not in ended.err


@pytest.mark.covers(109)
@pytest.mark.parametrize(
    "where", ["http://[::1", "http://a:99999999/", "\xe9\xff\x80", "//", "x" * 60_000, "\x1b[31m"]
)
def test_a_redirect_to_nowhere_is_refused_like_any_other(where: str) -> None:
    ended = served(lambda _: [http(b"", f"Location: {where}", status="307 Go")])
    assert_loud(ended, LISTS, "redirects are never followed, check api_url")


@pytest.mark.covers(100, 101)
@pytest.mark.parametrize(
    ("wait", "why"),
    [
        ("31536000", r"asks to wait 31536000 s, more than max_retry_wait \(1 s\)"),
        ("9" * 400, "asks to wait .* more than max_retry_wait"),
        ("Mon, 01 Jan 2999 00:00:00 GMT", "asks to wait .* more than max_retry_wait"),
        ("-5", "429; gave up after 8 tries"),
        ("soon", "429; gave up after 8 tries"),
        ("1e9", "429; gave up after 8 tries"),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "429; gave up after 8 tries"),
    ],
)
def test_no_wait_is_longer_than_allowed_or_shorter_than_nothing(wait: str, why: str) -> None:
    slow = http(b"{}", f"Retry-After: {wait}", status="429 Slow down")
    assert_loud(served(lambda _: [slow], ["videsk_calls"]), ["videsk_calls"], why)


@pytest.mark.covers(6, 20, 33, 42)
@pytest.mark.parametrize("number", [-1, 10**300, "9" * 5000, "\u00b2", 1.5, True, []], ids=_short)
def test_absurd_caps_and_counts_lose_nothing_in_silence(number: object) -> None:
    ended = served(answer(row(), **{"$limit": number, "count": number, "total": number}))
    failed = {name for name in LISTS if any(f"({name})" in line for line in ended.errors)}
    # The one list without rows is that of calls without a start.
    assert set(ended.records) == {*LISTS} - failed - {"anunzi_unstarted_calls"}
    assert {"videsk_calls", "anunzi_calls"} <= set(ended.records)


@pytest.mark.covers(11)
def test_a_dialogue_that_never_ends_is_ended() -> None:
    numbers = count()

    def more(_: Asked) -> Iterator[bytes]:
        yield http(answer(has_more=True, pagination_key=f"{next(numbers)}" * 200_000))

    streams = ["anunzi_calls", "anunzi_unstarted_calls"]
    assert_loud(served(more, streams), streams, "the same page twice")


GZIP = "Content-Encoding: gzip"


def packed(*pieces: tuple[bytes, int]) -> bytes:
    """A gzip body of pieces, each so many times, made without ever holding it whole."""
    packer = zlib.compressobj(9, wbits=31)
    body = b""
    for piece, times in pieces:
        many = max(1, min(times, (1 << 20) // len(piece)))
        body += b"".join(packer.compress(piece * many) for _ in range(times // many))
    return body + packer.flush()


_MEBIBYTE = 1 << 20
BOMBS = {
    "spaces": (packed((b" ", 600 * _MEBIBYTE)), "200 OK"),
    "an error": (packed((b'{"message":"', 1), (b"a", 600 * _MEBIBYTE)), "400 Bad Request"),
    "a redirect": (packed((b" ", 600 * _MEBIBYTE)), "302 Found\r\nLocation: /x"),
    "rows of nothing": (packed((b"[{}", 1), (b",{}", 20 * _MEBIBYTE), (b"]", 1)), "200 OK"),
    "few rows of nothing": (packed((b"[{}", 1), (b",{}", 2 * _MEBIBYTE), (b"]", 1)), "200 OK"),
    "lists in a row": (
        packed((b'[{"id":7,"x":[1', 1), (b",[]", 20 * _MEBIBYTE), (b"]}]", 1)),
        "200 OK",
    ),
    "numbers in a row": (
        packed((b'[{"id":7,"x":[1', 1), (b",1.5", 15 * _MEBIBYTE), (b"]}]", 1)),
        "200 OK",
    ),
}


@pytest.mark.covers(112)
@pytest.mark.parametrize("name", BOMBS)
def test_a_gzip_bomb_is_given_up_before_memory_is(name: str) -> None:
    body, status = BOMBS[name]
    assert len(body) < _MEBIBYTE
    ended = served(lambda _: [http(body, GZIP, status=status)], ["burki_call_list"], seconds=True)
    assert_loud(ended, ["burki_call_list"], "a response of .*cannot be split further")


@pytest.mark.covers(112)
def test_one_value_as_large_as_an_answer_may_be_is_carried() -> None:
    head, tail = answer(row(b'"x":"#"')).split(b"#")[0], b'"}]}'
    body = packed((head, 1), (b"a", 60 * _MEBIBYTE), (tail, 1))
    ended = served(lambda _: [http(body, GZIP)], ["burki_call_list"])
    assert_loud(ended, [])


TABLES = {
    "a million columns": b"Call ID" + b",x" * 1_000_000 + b"\r\n1" + b",1" * 1_000_000 + b"\r\n",
    "a cell of 10 MB": b'Call ID,X\r\n1,"' + b"a" * 10_000_000 + b'"\r\n',
    "a header of 10 MB": b"Call ID," + b"a" * 10_000_000 + b"\r\n1,2\r\n",
    "20 million lines": packed((b"Call ID\r\n", 1), (b"1\r\n", 20 * _MEBIBYTE)),
}


@pytest.mark.covers(49, 112, 178)
@pytest.mark.parametrize("name", TABLES)
def test_an_absurd_table_is_refused_in_one_line(name: str) -> None:
    body = TABLES[name]
    headers = [GZIP] if body[:2] == b"\x1f\x8b" else []

    def table(asked: Asked) -> Iterator[bytes]:
        yield http(b'{"count":1}') if "count" in asked.path else http(body, *headers)

    ended = served(table, ["burki_calls"], burki={"format": "csv"}, seconds=True)
    assert_loud(
        ended, ["burki_calls"], "broken CSV|a file of over|a column twice|a response of over"
    )


def file_of(rows: int, form: str) -> Iterator[bytes]:
    """Burki's file with so many calls, in pieces."""
    table = form == "csv"
    call = b"%d,CA%032x,Support Bot,+12025550101,completed,30,2024-05-09T12:00:00,\r\n"
    if not table:
        call = (
            b',{"id":%d,"call_sid":"CA%032x","assistant_name":"Support Bot",'
            b'"customer_phone_number":"+12025550101","status":"completed","duration":30,'
            b'"started_at":"2024-05-09T12:00:00","ended_at":null}'
        )
    yield (
        b"Call ID,Call SID,Assistant Name,Customer Phone,Status,Duration (seconds),Started At,"
        b"Ended At\r\n"
        if table
        else b"[" + (call % (0, 0))[1:]
    )
    for start in range(not table, rows, 1000):
        numbers = range(start, min(rows, start + 1000))
        yield b"".join(call % (number, number) for number in numbers)
    yield b"" if table else b"]"


@pytest.mark.covers(58, 112)
@pytest.mark.parametrize(("form", "zipped"), [("json", False), ("csv", True)])
def test_a_file_of_as_many_calls_as_a_window_may_hold_takes_little_memory(
    form: str, *, zipped: bool
) -> None:
    rows = 50_000

    def answers(asked: Asked) -> Iterator[bytes]:
        if "count" in asked.path:
            yield http(b'{"count":%d}' % rows)
            return
        body = b"".join(file_of(rows, form))
        yield http(zlib.compress(body, 1, wbits=31), GZIP) if zipped else http(body)

    ended = served(answers, ["burki_calls"], burki={"format": form})
    assert_loud(ended, [])
    assert len({record["id"] for record in ended.records["burki_calls"]}) == rows
    # The file has 7 to 11 MB.
    assert ended.grown < 90 * _MEBIBYTE


@pytest.mark.covers(104, 112)
@pytest.mark.parametrize("packing", [[], [GZIP]], ids=["plain", "gzip"])
def test_a_stream_of_chunks_without_end_is_left(packing: list[str]) -> None:
    piece = b" " * 65536 if not packing else packed((b" ", 65536))
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)

    def flood(_: Asked) -> Iterator[bytes]:
        yield http(b"", "Transfer-Encoding: chunked", *packing)
        yield from endless(chunk * 16)

    limit = {"MAX_BODY_BYTES": 8 * _MEBIBYTE}
    ended = served(flood, ["burki_call_list"], seconds=True, changed=limit)
    assert_loud(ended, ["burki_call_list"], "a response of over 8 MiB")


@pytest.mark.covers(104)
def test_an_answer_that_drips_is_given_up_in_the_end() -> None:
    def drip(_: Asked) -> Iterator[bytes]:
        yield http(b"", "Content-Length: 100000")
        for byte in endless(b" "):
            time.sleep(0.02)
            yield byte

    # In the tap, a quarter of an hour.
    ended = served(drip, ["burki_call_list"], seconds=True, changed={"MAX_SECONDS": 1})
    assert_loud(ended, ["burki_call_list"], "too slowly")


@pytest.mark.covers(61)
def test_times_at_the_ends_of_the_calendar_fit_no_column_and_break_nothing() -> None:
    ends = b'"startTime":"%s","startedAt":"%s","createdAt":"%s"'
    for moment in (b"0001-01-01T00:00:00", b"9999-12-31T23:59:59", b"9999-12-31T23:59:59-23:00"):
        zones = {"videsk": {"timezone": "America/Santiago"}, "twin24": {"timezone": "Asia/Tokyo"}}
        streams = ["videsk_calls", "twin24_incoming_calls", "twin24_calls"]
        ended = served(answer(row(ends % (moment, moment, moment))), streams, **zones)
        assert_loud(ended, [])


def test_the_longest_wait_of_the_tap_is_what_these_tests_cut_short() -> None:
    assert timedelta(seconds=policy.MAX_SECONDS) == timedelta(minutes=15)
