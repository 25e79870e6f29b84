"""What becomes of rows that a test makes up, without requests: columns, blanks, broken texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from expected_streams import STREAMS as ENTRIES
from support import JSON, Run, catalog_of, entry_in, run_tap

from tap_callexports.http.response import Response
from tap_callexports.providers import PROVIDERS
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports
from tap_callexports.windows import Window

CONFIG: JSON = {
    "start_date": "2024-05-09",
    "end_date": "2024-05-10",
    **{provider.name: dict.fromkeys(provider.credentials[0], "x") for provider in PROVIDERS},
}
for _entry in ENTRIES:
    for _column in _entry.partition:
        CONFIG[_entry.api][f"{_column}s"] = ["1"]
STREAMS = cast("dict[str, CallStream[Any]]", TapCallExports(config=CONFIG).streams)
FLAT = {"flattening_enabled": True, "flattening_max_depth": 2, "flattening_separator": "__"}
#: Texts that no target can store, as they stand in a response; and escapes that are none.
HALF, NUL, BACKSLASH = r"\ud83d", r"\u0000", r"\\ud83d \\u0000"


def run_over(
    rows: Callable[[str], bytes], *, catalog: JSON | None = None, **settings: object
) -> Run:
    """One run whose streams read these rows.

    Args:
        rows: The body of the only response to a stream, a JSON list of rows, by its name.
        catalog: By default every stream is selected.
        settings: Of the tap, such as `stream_maps`.
    """
    unread = {name: rows(name) for name in STREAMS}

    def read_window(stream: CallStream[Any], window: Window) -> Iterator[Any]:
        if body := unread.pop(stream.name, None):
            yield stream.batch(Response(200, {}, body).rows(), window.only)

    with ExitStack() as stack:
        for each in {type(stream) for stream in STREAMS.values()}:
            stack.enter_context(patch.object(each, "read_window", read_window))
            stack.enter_context(patch.object(each, "within", lambda _, batch, __: batch))
        run = run_tap({**CONFIG, **settings}, catalog=catalog, streams=None if catalog else STREAMS)
    assert run.code == 0, run.complaints
    return run


def records(run: Run) -> dict[str, list[JSON]]:
    """The records of each stream, from RECORD messages and from the files of BATCH messages."""
    found: dict[str, list[JSON]] = {}
    for line in run.lines:
        if line["type"] == "RECORD":
            found.setdefault(line["stream"], []).append(line["record"])
        elif line["type"] == "BATCH":
            for url in line["manifest"]:
                text = gzip.decompress(Path(url2pathname(urlparse(url).path)).read_bytes())
                found.setdefault(line["stream"], []).extend(map(json.loads, text.splitlines()))
    return found


def keys_of(stream: str, number: int, text: str = "k{}") -> JSON:
    """A row's primary key."""
    columns = STREAMS[stream].schema["properties"]
    return {
        name: number if "integer" in columns[name]["type"] else text.format(number)
        for name in STREAMS[stream].primary_keys
    }


def odd_row(stream: str, number: int, random: Random) -> JSON:
    """A row whose columns hold values that fit or not, in any order."""
    columns = [*STREAMS[stream].schema["properties"], "unknown"]
    values = [None, "", " ", "text", 7, 1.5, True, [], ["a"], {}, {"new": {"b": 1}}]
    row = {name: random.choice(values) for name in columns if random.random() < 0.8}
    row |= keys_of(stream, number)
    return {name: row[name] for name in random.sample(list(row), len(row))}


def maps_of(stream: CallStream[Any], number: int) -> JSON:
    """A stream map that adds, removes and renames columns in one of some ways."""
    name, keys = stream.name, stream.primary_keys
    one, two, *_ = [column for column in stream.schema["properties"] if column not in keys]
    changes: JSON = {"added": "'x'", one: None, "renamed": two, two: None}
    ways: list[JSON] = [
        {},
        {name: {**changes, "__alias__": f"{name}_alias"}},
        {name: {"__else__": None, **{key: key for key in keys}, "whole": "record"}},
        {f"{name}_copy": {**changes, "__source__": name}},
    ]
    return ways[number % len(ways)]


@pytest.mark.parametrize("batches", [False, True], ids=["RECORD", "BATCH"])
@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "stream maps"])
@pytest.mark.parametrize("depth", [None, 1, 2, 5])
def test_every_record_has_the_columns_of_its_schema_in_their_order(
    depth: int | None, tmp_path: Path, *, mapped: bool, batches: bool
) -> None:
    random = Random(depth)
    options: JSON = {**FLAT, "flattening_max_depth": depth} if depth else {}
    if mapped:
        ways = [maps_of(stream, number) for number, stream in enumerate(STREAMS.values())]
        options["stream_maps"] = {name: one for way in ways for name, one in way.items()}
    if batches:
        options["batch_config"] = {"storage": {"root": tmp_path.as_uri()}}
    catalog = catalog_of(CONFIG, STREAMS)
    for entry in catalog["streams"]:
        properties = entry["schema"]["properties"]
        names = random.sample(list(properties), len(properties))
        entry["schema"]["properties"] = {name: properties[name] for name in names}
    bodies = {name: [odd_row(name, number, random) for number in range(4)] for name in STREAMS}
    run = run_over(lambda name: json.dumps(bodies[name]).encode(), catalog=catalog, **options)
    found = records(run)
    assert len(found) >= len(STREAMS)
    for each, rows in found.items():
        columns = [*run.schema(each)["schema"]["properties"]]
        assert {tuple(record) for record in rows} == {tuple(columns)}, each


@pytest.mark.parametrize("secret", ["canary-2", {"new": "canary-2"}], ids=["text", "object"])
@pytest.mark.parametrize("options", [{}, FLAT], ids=["plain", "flattened"])
def test_what_is_missing_in_the_catalogs_schema_is_not_exported_at_all(
    options: JSON, secret: object
) -> None:
    """Whether a whole column is missing there, or a part of one."""
    left_out: dict[str, dict[str, object]] = {}
    catalog = catalog_of(CONFIG, STREAMS)
    for name, stream in STREAMS.items():
        columns = entry_in(catalog, name)["schema"]["properties"]
        needed = {*stream.primary_keys, stream.replication_key, "extra"}
        column = next(name for name in columns if name not in needed)
        del columns[column]
        left_out[name] = {column: "canary-1", "kept": 1}
        for outer, schema in columns.items():
            parts = schema.get("properties", {})
            nested = isinstance(secret, dict)
            for part in [name for name in parts if ("properties" in parts[name]) == nested][:1]:
                del schema["properties"][part]
                left_out[name][outer] = {part: secret, "added later": "kept"}
    run = run_over(
        lambda name: json.dumps([left_out[name] | keys_of(name, 1)]).encode(),
        catalog=catalog,
        **options,
    )
    assert set(records(run)) == set(STREAMS)
    for each, [record] in records(run).items():
        assert "canary" not in json.dumps(record), each
        assert json.dumps(record).count("kept") >= 1, each


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u00a0\u3000"])
def test_white_space_for_an_id_a_time_or_a_number_is_null_and_kept_in_extra(text: str) -> None:
    blank = {
        stream: {
            name: text
            for name, column in STREAMS[stream].schema["properties"].items()
            if name not in STREAMS[stream].primary_keys
            and {"number", "integer", "boolean", "minLength", "format"} & {*column["type"], *column}
        }
        for stream in STREAMS
    }  # fmt: skip
    run = run_over(lambda stream: json.dumps([keys_of(stream, 1) | blank[stream]]).encode())
    for stream, [record] in records(run).items():
        assert {record[name] for name in blank[stream]} == {None}
        assert record["extra"] == (blank[stream] if text else None)


def broken_row(stream: str) -> bytes:
    """A row with texts no target can store in its key, its columns, nested, and in `extra`."""
    row: JSON = {}
    for name, column in STREAMS[stream].schema["properties"].items():
        if column["type"] == ["string", "null"] and "format" not in column:
            row[name] = "TEXT"
        elif "object" in column["type"]:
            row[name] = {"KEY": ["TEXT"], "a": {"KEY": "TEXT"}}
    row |= {**keys_of(stream, 7, "kTEXT"), "unknown": {"KEY": "TEXT"}}
    text = json.dumps([row]).replace("KEY", f"key{NUL}{HALF}")
    return text.replace("TEXT", f"{HALF}a{NUL}{BACKSLASH}").encode()


@pytest.mark.parametrize("batches", [False, True], ids=["RECORD", "BATCH"])
@pytest.mark.parametrize(
    "options",
    [{}, FLAT, {"stream_maps": {"*": {"added": "'x'"}}}],
    ids=["plain", "flattened", "stream maps"],
)
def test_every_text_of_a_record_can_be_stored(
    options: JSON, tmp_path: Path, *, batches: bool
) -> None:
    if batches:
        options = {**options, "batch_config": {"storage": {"root": tmp_path.as_uri()}}}
    found = records(run_over(broken_row, **options))
    assert set(found) == set(STREAMS)
    for stream, [record] in found.items():
        text = json.dumps(record)
        assert "ufffda" in text, stream
        assert "key" in text
        decoded = text.replace("\\\\", "")
        assert NUL not in decoded
        assert HALF not in decoded
