"""Bodies: read whole, or refused."""

from __future__ import annotations

import gzip
import time
from codecs import BOM_UTF8
from types import SimpleNamespace
from typing import Any

import pytest

from tap_callexports.errors import TransientFailure
from tap_callexports.http.body import read_response

WHOLE = b'[{"id": 1, "name": "Duraci\xc3\xb3n"}, {"id": 2}]'
PACKED = gzip.compress(WHOLE)


def read(body: bytes, *, packed: bool = False) -> bytes:
    """A body as urllib3 gives it, in small pieces."""
    rest = memoryview(body)

    def read1(_: int, *, decode_content: bool) -> bytes:
        nonlocal rest
        assert not decode_content
        piece, rest = rest[:7], rest[7:]
        return bytes(piece)

    headers = {"Content-Encoding": "gzip"} if packed else {}
    response: Any = SimpleNamespace(
        status_code=200, headers=headers, raw=SimpleNamespace(read1=read1)
    )
    return read_response(response, time.monotonic() + 60).body


def test_a_gzip_body_is_read_whole_and_cut_at_any_byte_refused() -> None:
    assert read(PACKED, packed=True) == WHOLE
    for length in range(1, len(PACKED)):
        with pytest.raises(TransientFailure):
            read(PACKED[:length], packed=True)


@pytest.mark.parametrize(
    "padding", [b"\0", b"\0" * 100, b"\r\n", b"garbage", b"\x1fgarbage", b"\0\x1f\x8b"]
)
@pytest.mark.parametrize("members", [1, 2])
def test_bytes_behind_a_gzip_member_that_begin_no_other_are_ignored(
    members: int, padding: bytes
) -> None:
    assert read(PACKED * members + padding, packed=True) == WHOLE * members


def test_a_second_gzip_member_that_is_broken_is_refused() -> None:
    broken = bytearray(PACKED * 2)
    broken[-8] ^= 1
    with pytest.raises(TransientFailure, match="decompress"):
        read(bytes(broken), packed=True)


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_is_ignored(*, packed: bool) -> None:
    pack = gzip.compress if packed else bytes
    for body, wanted in ((BOM_UTF8 + WHOLE, WHOLE), (BOM_UTF8, b""), (BOM_UTF8[:2],) * 2):
        assert read(pack(body), packed=packed) == wanted
