"""Bodies: read whole, or refused."""

from __future__ import annotations

import gzip
import time
from codecs import BOM_UTF8
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from tap_callexports.errors import TransientFailure
from tap_callexports.http.body import read_response

WHOLE = b'[{"id": 1, "name": "Duraci\xc3\xb3n"}, {"id": 2}]'


class _Raw:
    """A body as urllib3 gives it, in small pieces."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    def read1(self, _: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        piece, self._body = self._body[:7], self._body[7:]
        return bytes(piece)


def response(body: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(status_code=200, headers=named, raw=_Raw(body))


def read(body: bytes, **headers: str) -> bytes:
    return read_response(response(body, **headers), time.monotonic() + 60).body


@pytest.mark.covers(45)
def test_a_gzip_body_is_read_whole_and_cut_at_any_byte_refused() -> None:
    packed = gzip.compress(WHOLE)
    far = time.monotonic() + 60
    assert read_response(response(packed, Content_Encoding="gzip"), far).body == WHOLE
    for length in range(1, len(packed)):
        with pytest.raises(TransientFailure):
            read_response(response(packed[:length], Content_Encoding="gzip"), far)


@pytest.mark.parametrize(
    "padding", [b"\0", b"\0" * 100, b"\r\n", b"garbage", b"\x1fgarbage", b"\0\x1f\x8b"]
)
@pytest.mark.parametrize("members", [1, 2])
def test_bytes_behind_a_gzip_member_that_begin_no_other_are_ignored(
    members: int, padding: bytes
) -> None:
    packed = gzip.compress(WHOLE) * members + padding
    assert read(packed, Content_Encoding="gzip") == WHOLE * members


def test_a_second_gzip_member_that_is_broken_is_refused() -> None:
    packed = bytearray(gzip.compress(WHOLE) * 2)
    packed[-8] ^= 1
    with pytest.raises(TransientFailure, match="decompress"):
        read(bytes(packed), Content_Encoding="gzip")


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}])
def test_a_byte_order_mark_is_ignored(headers: dict[str, str]) -> None:
    pack = gzip.compress if headers else bytes
    assert read(pack(BOM_UTF8 + WHOLE), **headers) == WHOLE
    assert read(pack(BOM_UTF8), **headers) == b""
    assert read(pack(b"\xef\xbb"), **headers) == b"\xef\xbb"
    assert read(pack(b""), **headers) == b""


@pytest.mark.covers(104)
def test_a_body_that_drips_is_given_up() -> None:
    with pytest.raises(TransientFailure, match="too slowly"):
        read_response(response(WHOLE), time.monotonic() - 1)


@pytest.mark.covers(44)
def test_a_body_cut_by_the_network_is_a_transient_failure() -> None:
    broken = response(b"")

    def read1(*_: object, **__: object) -> bytes:
        raise urllib3.exceptions.ProtocolError("cut")

    broken.raw.read1 = read1
    with pytest.raises(TransientFailure, match="cut short"):
        read_response(broken, time.monotonic() + 60)
