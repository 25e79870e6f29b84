"""The rows of a JSON list that is too long for memory, a chunk at a time.

A chunk is whole rows, cut out of the file as they stand and decoded like an answer of their own:
what is read from a file is what would have been read from memory. Knows no field of a row.
"""

from __future__ import annotations

import re
from collections.abc import Sized
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.body import MAX_BODY_BYTES
from tap_callexports.http.spool import MAX_FILE_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TRows = TypeVar("TRows", bound=Sized)

#: Bytes that are decoded at once; more only where a row is longer.
CHUNK = 1 << 17
#: The list begins within so many bytes.
HEAD = 1 << 16
_SPACE = b" \t\r\n"
#: How deep the list is: by itself, and as a field of an object.
_ALONE, _IN_AN_OBJECT = 1, 2
_TOKEN = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)


class RowChunks(Generic[TRows]):
    """A list in a file, each of its rows seen to be whole; iterating gives them chunk by chunk.

    Args:
        file: JSON text: the list, or an object that holds it.
        decode: Rows of a JSON text of either kind; raises TransientFailure for anything else.
        field: Name of the list where it is in an object.

    Attributes:
        rows: How many there are in all.

    Raises:
        TransientFailure: The file is not whole, or not such a list.
        WindowTooLarge: It holds too many rows, or one that is too long.
    """

    def __init__(self, file: BinaryIO, decode: Callable[[bytes], TRows], field: str) -> None:
        self.rows = 0
        self._file = file
        self._decode = decode
        self._places: list[tuple[int, int]] = []
        file.seek(0)
        self._find(_ReadAhead(file), field)

    def __iter__(self) -> Iterator[TRows]:
        return self._read(self._places)

    def __reversed__(self) -> Iterator[TRows]:
        """The last chunk first; the rows of each stay in their order."""
        return self._read(reversed(self._places))

    def _read(self, places: Iterable[tuple[int, int]]) -> Iterator[TRows]:
        for place, length in places:
            self._file.seek(place)
            yield self._decode(b"[%b]" % self._file.read(length))

    def _find(self, text: _ReadAhead, field: str) -> None:
        """Read the file once: where its chunks are, and that nothing is wrong around them."""
        before = text.take(_start_of_list(text.at_least(HEAD), field))
        if text.first() != b"]":
            self._find_chunk(text)
            while text.first() == b",":
                text.take(1)
                self._find_chunk(text)
        while text.more():
            if len(text.read) > MAX_BODY_BYTES:
                raise WindowTooLarge(f"over {MAX_BODY_BYTES >> 20} MiB behind the rows")
        row = b"{}" if self.rows else b""
        if len(self._decode(before + row + text.read)) != bool(row):
            raise TransientFailure("another list than the one that was read")

    def _find_chunk(self, text: _ReadAhead) -> None:
        """Find the next chunk, and use it up."""
        if text.first() != b"{":
            raise TransientFailure("broken JSON instead of a list of objects")
        text.at_least(CHUNK)
        while not (length := self._whole_rows(text.read)):
            if len(text.read) > MAX_BODY_BYTES:
                raise WindowTooLarge(f"a row of over {MAX_BODY_BYTES >> 20} MiB")
            if not text.more():
                raise TransientFailure("a JSON list that breaks off")
        self._places.append((text.place, length))
        text.take(length)

    def _whole_rows(self, text: bytes) -> int:
        """Count the whole rows at the start of a text; their length, 0 where there are none."""
        # The last brace ends a row where no row holds an object: a guess, which only decodes if
        # it is right, and mostly is.
        end = text.rfind(b"}") + 1
        with suppress(TransientFailure):
            self._count(text[:end])
            return end
        end = _end_of_rows(text)
        self._count(text[:end])
        return end

    def _count(self, rows: bytes) -> None:
        self.rows += len(self._decode(b"[%b]" % rows))
        if self.rows > MAX_FILE_ROWS:
            raise WindowTooLarge(f"a file of over {MAX_FILE_ROWS} rows")


class _ReadAhead:
    """What is read of a file and not used yet.

    Attributes:
        read: That text.
        place: Where in the file it starts.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.read = b""
        self.place = 0
        self._file = file

    def more(self) -> bool:
        """Read on, the more the longer nothing was used; False at the end of the file."""
        piece = self._file.read(max(CHUNK, len(self.read)))
        self.read += piece
        return bool(piece)

    def at_least(self, length: int) -> bytes:
        """The text, of this length where the file is that long."""
        while len(self.read) < length and self.more():
            pass
        return self.read

    def take(self, length: int) -> bytes:
        """Use up so many bytes."""
        taken, self.read = self.read[:length], self.read[length:]
        self.place += length
        return taken

    def first(self) -> bytes:
        """The next byte that is no space, which is not used up; nothing at the end."""
        while True:
            self.take(len(self.read) - len(self.read.lstrip(_SPACE)))
            if self.read or not self.more():
                return self.read[:1]


def _start_of_list(text: bytes, field: str) -> int:
    """Length of what is in front of the first row."""
    named = re.compile(rb'"%b"[ \t\r\n]*:[ \t\r\n]*\[\Z' % field.encode())
    for place, depth in _brackets(text):
        opens = text[place - 1 : place] == b"["
        if opens and (depth == _ALONE or (depth == _IN_AN_OBJECT and named.search(text[:place]))):
            return place
    raise TransientFailure("something else than a JSON list")


def _end_of_rows(text: bytes) -> int:
    """Length of the whole rows at the start of a text."""
    end = 0
    for place, depth in _brackets(text):
        if depth < 0:
            break
        if depth == 0:
            end = place
    return end


def _brackets(text: bytes) -> Iterator[tuple[int, int]]:
    """The place behind each bracket that is not in a string, and how many are open there."""
    depth, quoted = 0, False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == b'"':
            quoted = not quoted
        elif not quoted and mark in b"[]{}":
            depth += 1 if mark in b"[{" else -1
            yield token.end(), depth
