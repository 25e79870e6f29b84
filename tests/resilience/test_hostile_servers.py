"""Responses no correct server sends: right rows or one clear line, in bounded time and memory."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from expected_streams import BY_NAME, LISTS, entry_of
from inprocess import START, Place, opened_for
from process import Outcome, command
from raw_server import Answer, Asked, RawServer, call_list, endless, http
from support import catalog_of

from sandbox.http import Reply, Request

STREAM = "burki_call_list"
CATALOG = catalog_of({}, [STREAM])
#: A run may hold this much more than it began with.
MOST_MEMORY = 400 << 20
MEBIBYTE = 1 << 20
MOST_REQUESTS = 60
_LOG_LINE = re.compile(r"[-\d]+ [:,\d]+ \| [A-Z]+ +\| \S+ +\| [^\r\n\x1b]*")
_MARK = '"mark"'

# Values, in a list of each kind.

VALUES = {
    "an integer of 400 digits": b"9" * 400,
    "1e999": b"1e999",
    "a number that would take all memory": b"1e999999999",
    "an exponent beyond reach": b"1e99999999999999999999",
    "lists in lists, 200 deep": b"[" * 200 + b"]" * 200,
    "objects in objects, 200 deep": b'{"a":' * 200 + b"1" + b"}" * 200,
    "a text of 2 MB": b'"' + b"a" * 2_000_000 + b'"',
    "lists as text, 100,000 deep": b'"' + b"[" * 100_000 + b'"',
    "10,000 more columns": b"1" + b"".join(b',"c%d":1' % number for number in range(10_000)),
    "a name of 2 MB": b'1,"' + b"aB1_" * 500_000 + b'":1',
}
NO_JSON = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "an integer of 5,000 digits": b"9" * 5000,
    "lists, 10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "bytes that are no text": b'"\xff\xfe"',
}


def put_into_rows(place: Place, value: bytes) -> None:
    """From now on the first row of each list has a field with this value."""

    def change(_: Request, reply: Reply) -> Reply:
        body = json.loads(place.unpacked(reply))
        for rows in [body, *(body.values() if isinstance(body, dict) else ())]:
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                rows[0]["unknownField"] = "mark"
        text = json.dumps(body).encode().replace(_MARK.encode(), value)
        return Reply(reply.status, text, reply.content_type)

    place.change_responses(change)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("stream", LISTS)
def test_absurd_values_are_kept_as_they_came(stream: str, name: str) -> None:
    with opened_for(stream) as place:
        place.api.of(stream).add_at(START, START + timedelta(days=1))
        put_into_rows(place, VALUES[name])
        ran = place.export(stream)
    assert ran.code == 0, ran.complaints
    assert ran.table(stream).keys() == place.api.truth(stream).keys()
    if entry_of(stream).unknown_fields:
        assert any("unknownField" in (record["extra"] or {}) for record in ran.records(stream))


@pytest.mark.parametrize("name", NO_JSON)
@pytest.mark.parametrize("stream", LISTS)
def test_what_is_no_json_fails_in_one_line(stream: str, name: str) -> None:
    with opened_for(stream) as place:
        place.api.of(stream).add_at(START, START + timedelta(days=1))
        put_into_rows(place, NO_JSON[name])
        ran = place.export(stream)
    [line] = ran.complaints
    assert "with broken JSON instead of JSON" in line
    assert len(line) < 300
    assert ran.lines[-1]["type"] != "RECORD"


@pytest.mark.parametrize("stream", BY_NAME)
def test_what_is_no_list_of_rows_is_not_an_empty_one(stream: str) -> None:
    for body in (b"null", b"0", b'""', b"{}", b"[[]]"):
        with opened_for(stream) as place:
            place.api.of(stream).add_at(START, START + timedelta(days=1))
            place.change_responses(lambda _, reply: Reply(200, body, reply.content_type))  # noqa: B023 - used in this turn
            ran = place.export(stream)
        assert (ran.code, ran.records(stream)) == (1, []), body


# Bytes on the wire, which all streams read with the same code: one stream.


def served(reply: Answer | bytes, changed: dict[str, object] | None = None) -> Outcome:
    """A run of a second of Burki's calls, every request of which has this response."""
    answers: Answer = reply if callable(reply) else lambda _: [reply]
    with RawServer(answers) as server:
        config = {
            "start_date": "2024-05-09T12:00:00Z",
            "end_date": "2024-05-09T12:00:01Z",
            "request_timeout": 5,
            "max_retry_wait": 1,
            "burki": {"api_url": server.url, "api_key": "canary-9d2b41"},
        }
        ended = command(config=config, catalog=CATALOG, changed=changed)
        assert len(server.asked) <= MOST_REQUESTS
    assert all(line["type"] in {"SCHEMA", "RECORD", "STATE"} for line in ended.lines)
    assert [line for line in ended.err.splitlines() if not _LOG_LINE.fullmatch(line)] == []
    assert "unexpected" not in ended.err
    assert ended.grown < MOST_MEMORY
    return ended


def assert_fails(ended: Outcome, why: str) -> None:
    """The stream failed with one line that says why."""
    assert ended.code == 1
    line, last = ended.errors
    assert f"({STREAM})" in line
    assert re.search(why, line), line
    assert last.startswith("failed: ")


def assert_complete(ended: Outcome) -> None:
    """The one call is there."""
    assert (ended.code, ended.errors) == (0, [])
    assert [record["id"] for record in ended.run.records(STREAM)] == [7]


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_HTTP = "response is not HTTP|closed without|connection failed|cut short"
REDIRECT = "redirects are never followed, check api_url"
#: Responses, and why they fail; "" where they do not.
RESPONSES = {
    "a header line of 10 MB": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 10_000_000, NO_HTTP),
    "200,000 headers": (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200_000 + b"\r\n{}", NO_HTTP),
    "a status line of 10 MB": (b"HTTP/1.1 200 " + b"a" * 10_000_000 + b"\r\n\r\n{}", NO_HTTP),
    "a status of five digits": (b"HTTP/1.1 20000 OK\r\n\r\n{}", NO_HTTP),
    "no HTTP at all": (b"SSH-2.0-x\r\n\r\n", NO_HTTP),
    "two lengths": (http(call_list(), "Content-Length: 5, 6"), NO_HTTP),
    "a length of 400 digits": (http(call_list(), "Content-Length: " + "9" * 400), NO_HTTP),
    "a length that is too long": (http(call_list(), "Content-Length: 4000"), NO_HTTP),
    "an endless size of a chunk": (_CHUNKED + b"1" * 1_000_000, NO_HTTP),
    "a chunk of no number": (_CHUNKED + b"zz\r\n{}\r\n", NO_HTTP),
    "no last chunk": (_CHUNKED + b"%x\r\n%s\r\n" % (len(call_list()), call_list()), NO_HTTP),
    **{
        f"the header {header[:30]}": (http(call_list(), header), "")
        for header in (
            "Date: Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
            "Date: Mon, 01 Jan 2024 00:00:00 +9999999999999",
            "Date: yesterday",
            "no colon +15555550187 \x1b[31mforged",
            "X: \x1b[31mforged\x00",
            "Set-Cookie: a=" + "b" * 60_000,
            "Content-Length: -5",
            "Content-Length: abc",
        )
    },
    **{
        f"a redirect to {where}": (http(b"", f"Location: {where}", status="307 Go"), REDIRECT)
        for where in ("http://[::1", "http://a:99999999/", "\xe9\xff", "//", "\x1b[31m")
    },
}


@pytest.mark.parametrize("name", RESPONSES, ids=lambda name: name.encode("unicode_escape").decode())
def test_an_absurd_head_is_refused_in_one_line_or_changes_nothing(name: str) -> None:
    response, why = RESPONSES[name]
    ended = served(response)
    assert_fails(ended, why) if why else assert_complete(ended)
    assert "forged" not in ended.err
    assert "15555550187" not in ended.err


# Too much.

GZIP = "Content-Encoding: gzip"


def packed(*pieces: tuple[bytes, int]) -> bytes:
    """A gzip body of pieces, each so many times, made without ever holding it whole."""
    packer = zlib.compressobj(9, wbits=31)
    body = b""
    for piece, times in pieces:
        many = max(1, min(times, MEBIBYTE // len(piece)))
        body += b"".join(packer.compress(piece * many) for _ in range(times // many))
    return body + packer.flush()


BOMBS = {
    "rows of nothing": ((b"[{}", 1), (b",{}", 20 * MEBIBYTE), (b"]", 1)),
    "numbers in a row": ((b'[{"id":7,"x":[1', 1), (b",1.5", 15 * MEBIBYTE), (b"]}]", 1)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_gzip_bomb_is_given_up_before_memory_is(name: str) -> None:
    body = packed(*BOMBS[name])
    assert len(body) < MEBIBYTE
    assert_fails(served(http(body, GZIP)), "a response of .*cannot be split further")


@pytest.mark.parametrize("packing", [[], [GZIP]], ids=["plain", "gzip"])
def test_a_stream_of_chunks_without_end_is_left(packing: list[str]) -> None:
    piece = b" " * 65536 if not packing else packed((b" ", 65536))
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)

    def flood(_: Asked) -> Iterator[bytes]:
        yield http(b"", "Transfer-Encoding: chunked", *packing)
        yield from endless(chunk * 16)

    ended = served(flood, changed={"MAX_BODY_BYTES": 8 * MEBIBYTE})
    assert_fails(ended, "a response of over 8 MiB")
