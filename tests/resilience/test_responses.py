"""A response that is cut, or has anything else in it than it should, is never taken for rows."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from expected_streams import BY_NAME
from inprocess import START
from seam import responses_seen
from support import run_tap

from sandbox import Sandbox
from tap_callexports.errors import TransientFailure
from tap_callexports.http.body import read_response
from tap_callexports.http.response import Response


class _Raw:
    """A body as urllib3 gives it: everything that came, and no word of how much it should be."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read1(self, _: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        body, self._body = self._body, b""
        return body


@dataclass(frozen=True)
class Seen:
    """A response that a run read: its body, without gzip, and what parses it."""

    body: bytes
    parse: Callable[[Response], Any]

    def takes(self, body: bytes, encoding: str = "") -> bool:
        """Whether the tap would take these bytes for a response."""
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        response = SimpleNamespace(status_code=200, headers=headers, raw=_Raw(body))
        try:
            self.parse(read_response(cast("Any", response), time.monotonic() + 60))
        except TransientFailure:
            return False
        return True


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """The longest response of each kind, by its stream and the last word of its path."""
    found: dict[str, Seen] = {}

    def see(stream: str, url: str, response: Response, parse: Callable[[Response], Any]) -> None:
        words = [word for word in url.split("?", maxsplit=1)[0].split("/") if word.isalpha()]
        name = f"{stream} {words[-1]}"
        if name not in found or len(response.body) > len(found[name].body):
            found[name] = Seen(response.body, parse)

    with Sandbox(rows=0) as box:
        for api in box.apis.values():
            for stream in api.streams:
                for name, value in BY_NAME[stream].options.items():
                    if name != "cap":
                        setattr(api.options, name, value)  # type: ignore[attr-defined] # its own
                api.of(stream).add_at(START, START + timedelta(hours=1))
        config = {**box.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}
        with responses_seen(see):
            run = run_tap(config, streams=BY_NAME)
    assert run.code == 0, run.complaints
    assert {name.split()[0] for name in found} >= set(BY_NAME)
    return found


def test_a_response_cut_at_any_byte_is_refused(seen: dict[str, Seen]) -> None:
    for name, response in seen.items():
        body = response.body
        assert response.takes(body), name
        assert [end for end in range(len(body)) if response.takes(body[:end])] == [], name


def test_a_packed_response_cut_at_any_byte_is_refused(seen: dict[str, Seen]) -> None:
    for name, response in seen.items():
        body = gzip.compress(response.body)
        assert response.takes(body, "gzip"), name
        taken = [end for end in range(len(body)) if response.takes(body[:end], "gzip")]
        assert taken == [], name


def test_anything_behind_a_response_is_refused(seen: dict[str, Seen]) -> None:
    for name, response in seen.items():
        for more in (b"x", b"}", b"]", b",", b"0", b"\0", b"null", b"<html>", b"[]", response.body):
            assert not response.takes(response.body + more), (name, more)
            assert not response.takes(response.body + b"\n" + more), (name, more)
        assert response.takes(b" \r\n" + response.body + b"\r\n\t "), name


def test_what_is_no_list_and_no_object_is_refused(seen: dict[str, Seen]) -> None:
    for name, response in seen.items():
        for body in (b"", b" ", b"\r\n", b"null", b"0", b'""', b"true", b"{}", b"<html></html>"):
            assert not response.takes(body), (name, body)
            assert not response.takes(gzip.compress(body), "gzip"), (name, body)


def test_a_response_that_is_not_packed_as_its_head_says_is_refused(seen: dict[str, Seen]) -> None:
    for name, response in seen.items():
        packed = gzip.compress(response.body)
        assert not response.takes(response.body, "gzip"), name
        assert not response.takes(packed), name
        assert not response.takes(gzip.compress(packed), "gzip"), name


def test_a_packed_response_with_any_bit_wrong_is_refused_or_the_same(seen: dict[str, Seen]) -> None:
    response = min(seen.values(), key=lambda one: len(one.body))
    whole, refused = gzip.compress(response.body), 0
    for bit in range(len(whole) * 8):
        wrong = bytearray(whole)
        wrong[bit // 8] ^= 1 << bit % 8
        refused += not response.takes(bytes(wrong), "gzip")
    # Ten bytes in front say when and where it was packed, which changes nothing.
    assert refused >= (len(whole) - 10) * 8
