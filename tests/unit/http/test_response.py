"""Responses: JSON that is whole, rows with undecoded values, and the waits that headers name."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from exchange import response

from tap_callexports.errors import TransientFailure
from tap_callexports.records.values import plain

NOW = 1_800_000_000
WHOLE = b'[{"id": 1, "name": "Duraci\xc3\xb3n"}, {"id": 2}]'


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7), (" 7 ", 7), ("3.0", 3), ("1.5", 1.5), ("0", 0),
        (f"{NOW + 30}", 30), (f"{NOW + 30}.0", 30), (f"{(NOW + 30) * 1000}", 30),
        (f"{NOW - 30}", 0),
        (formatdate(NOW + 30, usegmt=True), 30), (formatdate(NOW - 30, usegmt=True), 0),
        ("-3", None), ("soon", None), ("", None), ("nan", None), ("1e3", None), ("0x10", None),
        ("5, 5", None), ("\u0663", None), (".", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_where_it_makes_sense(header: str, seconds: float | None) -> None:
    date = formatdate(NOW, usegmt=True)
    assert response(429, Retry_After=header, Date=date).retry_after == seconds


def test_an_instant_is_compared_to_this_clock_where_the_server_does_not_tell_its_own() -> None:
    in_30 = int(time.time()) + 30
    for moment in (str(in_30), formatdate(in_30, usegmt=True)):
        assert response(429, Retry_After=moment).retry_after == pytest.approx(29, abs=2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "1500", "Retry_After": "2"}, 1.5),
        ({"retry_after_ms": "soon", "Retry_After": "2"}, 2),
        ({"Retry_After": "soon", "RateLimit_Reset": "4"}, 4),
        ({"RateLimit_Reset": "4", "X_RateLimit_Reset": "9"}, 4),
        ({"RateLimit_Reset": f"{NOW + 40}"}, 40),
        ({"X_RateLimit_Reset": "4"}, 4),
        ({"X_RateLimit_Reset": f"{NOW + 40}"}, 40),
        ({"X_RateLimit_Reset": f"{(NOW + 40) * 1000}"}, 40),
    ],
)
def test_other_headers_that_ask_to_wait_count_too(headers: dict[str, str], seconds: float) -> None:
    date = formatdate(NOW, usegmt=True)
    assert response(429, b"", Date=date, **headers).retry_after == seconds
    if "X_RateLimit_Reset" in headers and len(headers) == 1:
        assert response(500, b"", **headers).retry_after is None, "no limit was exceeded"


@pytest.mark.parametrize("offset", range(5))
@pytest.mark.parametrize("text", ["ñ", "€", "😀"])
def test_a_long_body_is_utf8_to_its_end(text: str, offset: int) -> None:
    filler = "x" * (65536 - len('[{"a":"') - offset)
    body = f'[{{"a":"{filler}{text}"}}]'.encode()
    (row,) = response(200, body).rows()
    assert plain(row["a"]) == filler + text
    for wrong in (
        body.replace(text.encode(), text.encode()[:-1]),
        body[: -len('"}]')] + b"\xc3",
        body.replace(b"x" + text.encode(), b"\xff" + text.encode()),
    ):
        with pytest.raises(TransientFailure):
            response(200, wrong).rows()


def test_an_error_field_of_a_row_is_data() -> None:
    body = b'{"error": null, "rows": [{"id": 1, "error": "busy", "status": "error"}]}'
    (row,) = response(200, body).envelope("rows")["rows"]
    assert plain(row["error"]) == "busy"
    assert response(200, b'{"id": 1, "status": "error"}').row()["id"]
    assert response(200, b'{"count": 0}').object() == {"count": 0}
    assert response(200, b"[]").object() == {}
    for sent in (b'{"count": 0, "error": "x"}', b'{"status": "error"}'):
        with pytest.raises(TransientFailure, match="with an error"):
            response(200, sent).object()


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b'{"count": 3}', b'{"items": 5}', b'{"items": {}}', b'{"items": [1]}', b"[]",
        b'"text"', b"null", b'{"items": "", "count": 0}',
    ],
)  # fmt: skip
def test_a_response_without_its_list_is_requested_again(body: bytes) -> None:
    for or_null in (False, True):
        with pytest.raises(TransientFailure, match="200 with no list 'items' of rows"):
            response(200, body).list_of_rows("items", "count", or_null=or_null)


def test_a_list_without_rows_may_be_null_where_the_api_sends_that() -> None:
    sent = response(200, b'{"items": null, "count": 0}')
    rows, body = sent.list_of_rows("items", "count", or_null=True)
    assert (list(rows), body["count"]) == ([], 0)
    with pytest.raises(TransientFailure, match="200 with no list 'items' of rows"):
        sent.list_of_rows("items")
