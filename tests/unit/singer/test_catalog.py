"""Catalogs as people write them: what they select, what SCHEMA says then, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from support import JSON, catalog_of, run_tap

from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

CONFIG: JSON = {"burki": {"api_key": "x"}, "anunzi": {"api_key": "x"}}
STREAM = "burki_calls"
#: The stream's primary key and replication key, and any other column.
KEY, TIME, COLUMN = "id", "started_at", "status"
CATALOG = catalog_of(CONFIG, [STREAM])
NONE_SELECTED = "no stream is selected; select one in the catalog, or leave --catalog out"


def entry_of(catalog: JSON, stream: str = STREAM) -> Any:
    (entry,) = (entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream)
    return entry


COLUMNS = list(entry_of(CATALOG)["schema"]["properties"])


def metadata_of(entry: JSON, *column: str) -> Any:
    """The metadata of a column, or of the stream."""
    path = ["properties", *column] if column else []
    (metadata,) = (p["metadata"] for p in entry["metadata"] if list(p["breadcrumb"]) == path)
    return metadata


def changed(change: Callable[[Any], object], stream: str = STREAM) -> JSON:
    """The catalog after something was changed in the entry of a stream."""
    catalog = copy.deepcopy(CATALOG)
    change(entry_of(catalog, stream))
    return catalog


def stream_after(change: Callable[[Any], object], state: JSON | None = None) -> CallStream[Any]:
    """The stream of a tap that is given such a catalog."""
    catalog = changed(change)
    stream = TapCallExports(config=CONFIG, catalog=catalog, state=state).streams[STREAM]
    assert isinstance(stream, CallStream)
    return stream


def properties_of(stream: CallStream[Any]) -> JSON:
    """The columns of its SCHEMA, which are those of its records, in this order."""
    (message,) = stream._generate_schema_messages()
    properties: JSON = message.to_dict()["schema"]["properties"]
    assert stream.selected_columns == list(properties)
    return properties


@pytest.mark.parametrize("kept", ["nothing", "no word of selection"])
@pytest.mark.parametrize("in_schema", [True, False])
@pytest.mark.parametrize("value", [True, "true", "True"])
def test_a_stream_may_be_selected_outside_the_metadata(
    kept: str, value: object, *, in_schema: bool
) -> None:
    def change(entry: JSON) -> None:
        for part in entry["metadata"]:
            part["metadata"].pop("selected", None)
            part["metadata"].pop("selected-by-default", None)
        if kept == "nothing":
            del entry["metadata"]
        (entry["schema"] if in_schema else entry)["selected"] = value

    stream = stream_after(change)
    assert stream.selected
    assert list(properties_of(stream)) == COLUMNS


def test_metadata_is_looked_at_first() -> None:
    def change(entry: JSON) -> None:
        entry["selected"] = True
        metadata_of(entry)["selected"] = "false"

    assert not stream_after(change).selected


@pytest.mark.parametrize("words", [{"selected": False}, {"inclusion": "unsupported"}, None])
@pytest.mark.parametrize("in_schema", [True, False])
@pytest.mark.parametrize("column", [COLUMN, KEY, TIME])
def test_any_column_but_a_key_may_be_deselected_or_missing(
    column: str, words: JSON | None, *, in_schema: bool
) -> None:
    def change(entry: JSON) -> None:
        properties = entry["schema"]["properties"]
        if words is None:
            del properties[column]
            return
        if column == COLUMN:
            metadata_of(entry, COLUMN).clear()
        (properties[column] if in_schema else metadata_of(entry, column)).update(words)

    left = [name for name in COLUMNS if name != column or column != COLUMN]
    assert list(properties_of(stream_after(change))) == left


def test_a_catalogs_words_about_a_column_reach_the_target_and_its_types_stay() -> None:
    def change(entry: JSON) -> None:
        column = entry["schema"]["properties"][COLUMN]
        column |= {"type": "string", "description": "mine", "x-sql-datatype": "varchar"}
        entry["schema"]["properties"][TIME] = {"anyOf": [{"type": "string"}, {"type": "null"}]}

    properties = properties_of(stream_after(change))
    assert properties[COLUMN]["type"] == ["string", "null"]
    assert properties[COLUMN]["description"] == "mine"
    assert properties[COLUMN]["x-sql-datatype"] == "varchar"
    assert properties[TIME] == {"type": ["string", "null"]}


@pytest.mark.parametrize("method", ["full_table", "FULL_TABLE"])
@pytest.mark.parametrize("where", ["entry", "replication-method", "forced-replication-method"])
def test_a_full_table_may_be_requested_in_any_place_and_case(method: str, where: str) -> None:
    def change(entry: JSON) -> None:
        if where == "entry":
            entry["replication_method"] = method
        else:
            metadata_of(entry)[where] = method

    old = {"replication_key": TIME, "replication_key_value": "2024-05-20T00:00:00.000000Z"}
    stream = stream_after(change, {"bookmarks": {STREAM: old}})
    assert stream.bookmark(None) is None
    assert stream.tap_state["bookmarks"][STREAM] == old


@pytest.mark.parametrize("names", [None, [], ["id"]])
def test_primary_keys_left_out_mean_the_declared_ones(names: object) -> None:
    def change(entry: JSON) -> None:
        entry["key_properties"] = names
        metadata_of(entry)["table-key-properties"] = names

    assert list(stream_after(change).primary_keys) == [KEY]


def replication_key(entry: JSON) -> None:
    entry["replication_key"] = "ended_at"


def other_type(entry: JSON) -> None:
    entry["schema"]["properties"][COLUMN]["type"] = ["null", "integer"]


REFUSED: list[tuple[Callable[[Any], object], str]] = [
    (replication_key, "the replication key 'ended_at' is not the stream's; leave it out or use"),
    (lambda entry: entry.update(key_properties=["call_id"]), "the primary key is id"),
    (lambda entry: entry.update(replication_method="LOG_BASED"), "the replication method must be"),
    (lambda entry: entry.update(replication_method="x"), "INCREMENTAL or FULL_TABLE"),
    (other_type, f"gives column {COLUMN} another type"),
    (lambda entry: entry.update(stream="calls"), "'stream' must be the same as 'tap_stream_id'"),
    (lambda entry: metadata_of(entry).update(selected="yes"), "'selected' must be true or false"),
    (
        lambda entry: metadata_of(entry, COLUMN).update(selected=1),
        f"'selected' of column {COLUMN} must be true or false",
    ),
    (lambda entry: entry["metadata"][0].pop("breadcrumb"), "a list 'breadcrumb' and an object"),
    (lambda entry: entry.update(metadata={}), "'metadata' must be a list"),
    (lambda entry: entry.pop("schema"), "must have a 'schema' with an object 'properties'"),
    (
        lambda entry: entry["schema"]["properties"].update({COLUMN: True}),
        f"the schema of column {COLUMN} must be an object",
    ),
    (
        lambda entry: entry["schema"]["properties"].update({COLUMN: None}),
        "to deselect the column leave it out",
    ),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_a_stream_cannot_do_is_one_line_that_names_it(
    change: Callable[[Any], object], words: str
) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        stream_after(change)
    (line,) = caught.value.errors
    assert line.startswith(f"--catalog: {STREAM}: ")
    assert words in line


def test_a_stream_that_is_there_twice_is_refused() -> None:
    catalog = copy.deepcopy(CATALOG)
    catalog["streams"].append(copy.deepcopy(entry_of(catalog)))
    with pytest.raises(ConfigValidationError) as caught:
        TapCallExports(config=CONFIG, catalog=catalog)
    assert caught.value.errors == [f"--catalog: {STREAM}: is there twice"]


def test_a_column_that_no_stream_has_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    new = {"my_column": {"type": "string"}}
    stream = stream_after(lambda entry: entry["schema"]["properties"].update(new))
    assert list(properties_of(stream)) == COLUMNS
    assert f"--catalog: {STREAM}: there is no column my_column" in caplog.text


def test_streams_that_cannot_be_read_are_named_and_without_any_a_run_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    catalog = copy.deepcopy(TapCallExports(config={}).catalog_dict)
    for entry in catalog["streams"]:
        wanted = entry["tap_stream_id"] in {"videsk_calls", "videsk_tags"}
        metadata_of(entry)["selected"] = wanted
    catalog["streams"] += [{"tap_stream_id": "old_calls"}, {"tap_stream_id": "older_calls"}]
    bookmark = {"replication_key_value": "2024-05-20T00:00:00.000000Z"}
    state = {"bookmarks": {"twin24_calls": bookmark, "strange": bookmark}}

    run = run_tap(CONFIG, catalog=catalog, state=state)

    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [
        "not exported: videsk_calls, videsk_tags; Videsk is off, give videsk.api_token",
        (
            "not exported: twin24_calls; Twin24 is off, give twin24.email + twin24.password or "
            "twin24.access_token"
        ),
        "--catalog: there is no stream old_calls, older_calls",
    ]
    for failed in (run, run_tap(CONFIG, catalog={"streams": []})):
        assert failed.complaints[1:] == [NONE_SELECTED]
        assert (failed.code, failed.lines) == (1, [])
