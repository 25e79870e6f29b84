"""Large answers: in a file that has no name, bounded, and closed whatever happens."""

from __future__ import annotations

import gzip
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest
from seam import limits

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.response import Response
from tap_callexports.http.spool import NoRoom, SpooledResponse, decoded, read_spooled

BODY = bytes(range(256)) * 400
ENCODED = pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])


class Pieces:
    """A body as it comes, so many bytes at a time."""

    def __init__(self, body: bytes, at_once: int) -> None:
        self._pieces = [body[start : start + at_once] for start in range(0, len(body), at_once)]

    def read1(self, _: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        return self._pieces.pop(0) if self._pieces else b""


def read(
    body: bytes, *, zipped: bool = False, status: int = 200, at_once: int = 1000, seconds: int = 60
) -> Response:
    headers = {"Content-Encoding": "gzip"} if zipped else {}
    raw = Pieces(body, at_once)
    response = SimpleNamespace(status_code=status, headers=headers, raw=raw)
    return read_spooled(cast("Any", response), time.monotonic() + seconds)


def spooled(*args: Any, **kwargs: Any) -> SpooledResponse:
    reply = read(*args, **kwargs)
    assert isinstance(reply, SpooledResponse)
    return reply


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with limits(IN_MEMORY=10_000):
        yield


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[IO[bytes]]]:
    """Every temporary file, and in the end each is closed and nothing is left of it."""
    made: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def listed(*args: Any, **kwargs: Any) -> IO[bytes]:
        file: IO[bytes] = make(*args, **kwargs)
        made.append(file)
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", listed)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield made
    assert all(file.closed for file in made)
    assert list(tmp_path.iterdir()) == []


@ENCODED
def test_a_small_answer_makes_no_file(files: list[IO[bytes]], *, zipped: bool) -> None:
    body = BODY[:10_000]
    reply = read(gzip.compress(body) if zipped else body, zipped=zipped)
    assert (type(reply), reply.body) == (Response, body)
    assert files == []


@pytest.mark.covers(60)
@ENCODED
@pytest.mark.parametrize("at_once", [1, 1000, 1 << 20])
def test_a_large_answer_is_a_private_file_without_a_name(
    tmp_path: Path, at_once: int, *, zipped: bool
) -> None:
    reply = spooled(gzip.compress(BODY) if zipped else BODY, zipped=zipped, at_once=at_once)
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(reply.file.fileno()).st_mode & 0o077 == 0
    assert reply.file.read() == BODY
    assert BODY.startswith(reply.body)
    reply.file.close()


def test_an_error_is_read_as_any_other(files: list[IO[bytes]]) -> None:
    assert read(BODY, status=500).body == BODY
    assert files == []


@pytest.mark.covers(45, 112)
@limits(_INFLATED=7000)
def test_a_packed_answer_is_inflated_in_bounded_pieces() -> None:
    body = gzip.compress(BODY) + gzip.compress(b"a" * 1_000_000) + gzip.compress(BODY)
    for at_once in (1, 64, 1 << 20):
        reply = spooled(body, zipped=True, at_once=at_once)
        assert reply.file.read() == BODY + b"a" * 1_000_000 + BODY
        reply.file.close()


@pytest.mark.covers(45, 60)
def test_a_packed_answer_cut_anywhere_is_refused() -> None:
    whole = gzip.compress(os.urandom(20_000))
    for end in range(1, len(whole), 97):
        with pytest.raises(TransientFailure, match="cut short"):
            read(whole[:end], zipped=True)
    for more in (b"\x1f", b"\x1f\x8b", b"\x1f\x8bx"):
        with pytest.raises(TransientFailure):
            read(whole + more, zipped=True)


@pytest.mark.covers(60, 104)
def test_an_answer_that_drips_is_given_up() -> None:
    with pytest.raises(TransientFailure, match="too slowly"):
        read(BODY, seconds=-1)


@pytest.mark.covers(60, 112)
@ENCODED
@limits(MAX_FILE_BYTES=3 << 20)
def test_a_file_is_bounded(*, zipped: bool) -> None:
    for size, fits in ((3 << 20, True), ((3 << 20) + 1, False), (100 << 20, False)):
        body = b" " * size
        wire = gzip.compress(body, 1) if zipped else body
        if fits:
            spooled(wire, zipped=zipped, at_once=1 << 16).file.close()
            continue
        with pytest.raises(WindowTooLarge, match="over 3 MiB"):
            read(wire, zipped=zipped, at_once=1 << 16)


@pytest.mark.covers(60, 165)
def test_a_disk_that_is_full_is_said_in_one_line() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(NoRoom, match=r"\(File too large\); make room .* TMPDIR"):
            read(BODY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.covers(165)
def test_a_temporary_folder_that_is_not_there_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(NoRoom, match="No such file"):
        read(BODY)


@pytest.mark.covers(60)
def test_the_file_of_an_answer_that_is_refused_is_closed(files: list[IO[bytes]]) -> None:
    def refuse(_: Response) -> None:
        raise TransientFailure("broken")

    with pytest.raises(TransientFailure, match="broken"):
        decoded(read(BODY), refuse)
    assert len(files) == 1
    kept = decoded(read(BODY), lambda reply: reply)
    assert isinstance(kept, SpooledResponse)
    assert kept.file.read() == BODY
    kept.file.close()
