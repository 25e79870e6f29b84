"""Runs of every stream over rows that a test makes up, without requests."""

from __future__ import annotations

import gzip
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlparse
from urllib.request import url2pathname

from support import JSON, Run, run_tap

from tap_callexports.http.response import Response
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tap_callexports.windows import Window

CONFIG: JSON = {
    "start_date": "2024-05-09",
    "end_date": "2024-05-10",
    "videsk": {"api_token": "x", "form_ids": ["f1"], "survey_ids": ["s1"]},
    "anunzi": {"api_key": "x"},
    "twin24": {"access_token": "x"},
    "burki": {"api_key": "x"},
}
_TIME = "2024-05-09T12:00:00Z"


def all_streams() -> dict[str, CallStream[Any]]:
    """Every stream, by name."""
    return TapCallExports(config=CONFIG).streams  # type: ignore[return-value] # the tap's own class


def run_over(
    rows: Callable[[str], bytes], *, catalog: JSON | None = None, **settings: object
) -> Run:
    """One run whose streams read these rows.

    Args:
        rows: The body of the only response to a stream, a JSON list of rows, by its name.
        catalog: By default every stream is selected.
        settings: Of the tap, such as `stream_maps`.
    """
    streams = all_streams()
    with ExitStack() as stack:
        for name, stream in streams.items():
            reading = _reading(rows(name))
            stack.enter_context(patch.object(type(stream), "read_window", reading))
            stack.enter_context(patch.object(type(stream), "within", lambda _, batch, __: batch))
        config = {**CONFIG, **settings}
        return run_tap(config, catalog=catalog, streams=None if catalog else streams)


def _reading(body: bytes) -> Callable[..., Iterator[Any]]:
    unread = [body]

    def read_window(stream: CallStream[Any], window: Window) -> Iterator[Any]:
        if unread:
            yield stream.batch(Response(200, {}, unread.pop()).rows(), window.only)

    return read_window


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


def columns(run: Run) -> dict[str, list[str]]:
    """The columns of each SCHEMA message, by stream."""
    schemas = (line for line in run.lines if line["type"] == "SCHEMA")
    return {line["stream"]: list(line["schema"]["properties"]) for line in schemas}


def row_of(schema: JSON, key: int, keys: tuple[str, ...], random: Random) -> JSON:
    """A row with any values, its primary key apart."""
    row = {name: _value(column, random) for name, column in schema["properties"].items()}
    row |= {
        name: key if "integer" in schema["properties"][name]["type"] else f"k{key}" for name in keys
    }
    row["unknown"] = random.choice([None, 1, "x", {"a": [1]}])
    names = random.sample(list(row), len(row))
    return {name: row[name] for name in names if name in keys or random.random() < 0.8}


def _value(schema: JSON, random: Random) -> object:
    """A value that fits, or not."""
    if random.random() < 0.2:
        return random.choice(
            [None, "", " ", "text", 7, 1.5, True, [], ["a"], {}, {"new": {"b": 1}}]
        )
    if "properties" in schema:
        parts = {name: _value(part, random) for name, part in schema["properties"].items()}
        parts["new"] = random.choice([None, 1, {"c": 2}])
        return {name: part for name, part in parts.items() if random.random() < 0.7}
    types = {
        "string": _TIME if "format" in schema else "text",
        "integer": 7, "number": 0.25, "boolean": True, "object": {"any": {"d": 1}}, "array": ["a"],
    }  # fmt: skip
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return types.get(random.choice(kinds))
