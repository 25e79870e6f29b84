"""A long JSON list: what is read from a file in slices is what would have been read at once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seam import limits

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http import json_chunks
from tap_callexports.http.json_chunks import RowChunks
from tap_callexports.http.response import Response

PROPERTY = settings(deadline=None, derandomize=True, max_examples=200)


@pytest.fixture(autouse=True, scope="module", params=[1, 40])
def slice_size(request: pytest.FixtureRequest) -> Iterator[int]:
    """A few bytes, so that slices begin and end anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_chunks, "CHUNK", request.param)
        yield request.param


def decode(text: bytes) -> list[Any]:
    """Rows of a bare list or of the one in `items`, all at once."""
    body = Response(200, {}, text).json()
    rows = body.get("items") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientFailure("no list of objects")
    return rows


def at_once(text: bytes) -> list[Any] | None:
    try:
        return decode(text)
    except TransientFailure:
        return None


def in_chunks(text: bytes) -> list[Any] | None:
    """The same from a file, twice; None where it is refused."""
    try:
        found = RowChunks(io.BytesIO(text), decode, "items")
    except TransientFailure:
        return None
    rows = [row for rows in found for row in rows]
    assert [row for rows in found for row in rows] == rows
    assert len(rows) == found.rows
    return rows


TEXTS = st.text(max_size=6) | st.text(st.sampled_from('"\\{}[],: \n'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=6)
MORE = st.dictionaries(TEXTS, VALUES, max_size=2)


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """A list of objects as text: bare, or among other things in an object."""
    rows, around = draw(ROWS), draw(st.none() | st.tuples(MORE, MORE))
    body: Any = rows
    if around:
        body = {**around[0], "items": rows, **around[1]}
    text = json.dumps(
        body,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 2])),
        separators=draw(st.sampled_from([(",", ":"), (" , ", " : "), (",\r\n\t", ":")])),
    )
    return draw(st.sampled_from([b"", b" \n"])) + text.encode(errors="replace") + b"\n"


@pytest.mark.covers(47, 58, 112)
@PROPERTY
@given(text=lists())
def test_a_list_of_any_make_gives_the_same_rows(text: bytes) -> None:
    assert in_chunks(text) == at_once(text)


@pytest.mark.covers(47)
@PROPERTY
@given(text=lists(), data=st.data())
def test_a_spoilt_list_is_refused_or_gives_the_same_rows(text: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    more = data.draw(
        st.sampled_from([b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"x", b"\xff"])
    )
    text = text[:place] + more + text[place + data.draw(st.integers(0, 2)) :]
    found = in_chunks(text)
    # Of two lists of one name JSON takes the later one, which may not be the one with the rows.
    assert found == at_once(text) or (found is None and text.count(b'"items"') > 1)


@pytest.mark.covers(47)
@settings(PROPERTY, max_examples=40)
@given(text=lists())
def test_a_list_cut_anywhere_is_refused(text: bytes) -> None:
    whole = text.rstrip()
    assert [end for end in range(len(whole)) if in_chunks(whole[:end]) is not None] == []


@pytest.mark.covers(54, 106)
@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"{}", b"null", b"0", b'"["', b"<html>[</html>", b'{"detail":"no"}', b"[1]",
        b"[{},1]", b"[[{}]]", b"[{},]", b"[{}{}]", b"[{}]x", b"[{}][]", b"[,{}]", b'{"items":{}}',
        b'{"item":[{}]}', b'{"x\\"items":[{}]}', b'{"x":{"items":[{}]}}', b'{"items":[{}],}',
        b'{"items":[{}]', b'{"items":[{}],"items":[]}', b'{"items":[],"items":[{}]}',
        b"\xef\xbb\xbf[{}]", b'[{"x":NaN}]', b'[{"x":"\xff"}]',
        b'[{"x":01}]', b'[{"x":' + b"9" * 5000 + b"}]", b"[{'x':1}]", b"// no\n[{}]",
        b'[{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}]",
    ],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_what_is_no_list_of_objects_is_refused(text: bytes) -> None:
    with pytest.raises(TransientFailure):
        RowChunks(io.BytesIO(text), decode, "items")


@pytest.mark.covers(113)
def test_values_keep_every_digit_and_the_later_of_two_keys_counts() -> None:
    text = b'[{"a":21.321383333333333,"b":123456789012345678901,"c":1e999,"d":1,"d":2},{"a":-0.0}]'
    found = in_chunks(text) or []
    assert found == at_once(text)
    assert [str(value) for value in found[0].values()] == [
        "21.321383333333333", "123456789012345678901", "1E+999", "2",
    ]  # fmt: skip


@pytest.mark.covers(112)
def test_a_row_may_be_longer_than_any_slice_but_not_beyond_measure() -> None:
    # With braces in a list in it, so that no guess where it ends is right.
    row = b'{"id":1,"x":[' + b'{"y":"}"},' * 40_000 + b"{}]}"
    text = b"[" + row + b"," + row + b"]"
    assert in_chunks(text) == at_once(text)
    with limits(MAX_BODY_BYTES=100_000), pytest.raises(WindowTooLarge, match="a row of over"):
        in_chunks(text)


@pytest.mark.covers(112)
@limits(MAX_FILE_ROWS=1000)
def test_rows_without_number_are_too_many() -> None:
    assert len(in_chunks(b"[{}" + b",{}" * 999 + b"]") or []) == 1000
    with pytest.raises(WindowTooLarge, match="over 1000 rows"):
        in_chunks(b"[{}" + b",{}" * 1000 + b"]")


@pytest.mark.covers(112)
@limits(MAX_BODY_BYTES=100_000)
def test_what_stands_around_the_rows_is_bounded() -> None:
    assert in_chunks(b'{"items":[{}],"x":"' + b"a" * 5000 + b'"}') == [{}]
    with pytest.raises(WindowTooLarge, match="behind the rows"):
        in_chunks(b'{"items":[{}],"x":"' + b"a" * 400_000 + b'"}')
    with pytest.raises(TransientFailure):
        RowChunks(io.BytesIO(b" " * 400_000), decode, "items")
