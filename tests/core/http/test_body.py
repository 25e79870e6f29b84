"""Bodies: read whole, or refused."""

from __future__ import annotations

import gzip
import time
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from tap_callexports.core.errors import TransientFailure
from tap_callexports.core.http.body import read_reply

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


@pytest.mark.covers(45)
def test_a_gzip_body_is_read_whole_and_cut_at_any_byte_refused() -> None:
    packed = gzip.compress(WHOLE)
    far = time.monotonic() + 60
    assert read_reply(response(packed, Content_Encoding="gzip"), far).body == WHOLE
    for length in range(1, len(packed)):
        with pytest.raises(TransientFailure):
            read_reply(response(packed[:length], Content_Encoding="gzip"), far)


@pytest.mark.covers(104)
def test_a_body_that_drips_is_given_up() -> None:
    with pytest.raises(TransientFailure, match="too slowly"):
        read_reply(response(WHOLE), time.monotonic() - 1)


@pytest.mark.covers(44)
def test_a_body_cut_by_the_network_is_a_transient_failure() -> None:
    broken = response(b"")

    def read1(*_: object, **__: object) -> bytes:
        raise urllib3.exceptions.ProtocolError("cut")

    broken.raw.read1 = read1
    with pytest.raises(TransientFailure, match="cut short"):
        read_reply(broken, time.monotonic() + 60)
