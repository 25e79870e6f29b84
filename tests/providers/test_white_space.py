"""Empty texts, and texts of white space only, where an id, a time or a number belongs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from made_up import all_streams, run_over

if TYPE_CHECKING:
    from support import JSON

STREAMS = all_streams()
FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


def blank_columns(stream: str) -> list[str]:
    """The columns of a stream that hold ids, times, numbers or booleans, keys apart."""
    return [
        name
        for name, column in STREAMS[stream].schema["properties"].items()
        if name not in STREAMS[stream].primary_keys
        and (
            {"number", "integer", "boolean"} & set(column["type"])
            or "minLength" in column
            or column.get("format") == "date-time"
        )
    ]


def rows_of(stream: str, text: str) -> list[JSON]:
    """Two rows; in the first all of these columns hold this text."""
    columns = STREAMS[stream].schema["properties"]
    keys = [
        {
            name: n if "integer" in columns[name]["type"] else f"k{n}"
            for name in STREAMS[stream].primary_keys
        }
        for n in (1, 2)
    ]
    return [{**keys[0], **dict.fromkeys(blank_columns(stream), text)}, keys[1]]


@pytest.mark.covers(145)
@pytest.mark.parametrize("options", [{}, FLAT], ids=["plain", "flattened"])
@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0\u3000"])
def test_white_space_is_null_and_kept_in_extra_and_an_empty_text_is_only_null(
    options: JSON, text: str
) -> None:
    run = run_over(lambda stream: json.dumps(rows_of(stream, text)).encode(), **options)
    assert run.code == 0, run.complaints
    for stream in STREAMS:
        record = run.records(stream)[0]
        columns = blank_columns(stream)
        assert columns
        assert {record[name] for name in columns} == {None}
        extra = json.loads(record["extra"] or "null") if options else record["extra"]
        assert extra == (dict.fromkeys(columns, text) if text else None)
