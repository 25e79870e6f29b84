"""Catalogs as people write them: what they select, what SCHEMA says then, and what is refused."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from support import JSON, Run, assert_table_is, catalog_of, run_tap

from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox

STREAM = "burki_calls"
#: The stream's primary key and replication key, and any other column.
KEY, TIME, COLUMN = "id", "started_at", "status"


def config_of(box: Sandbox) -> JSON:
    return {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}


def entry_of(catalog: JSON, stream: str = STREAM) -> Any:
    [entry] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream]
    return entry


def metadata_of(entry: JSON, *column: str) -> Any:
    """The metadata of a column, or of the stream."""
    path = ["properties", *column] if column else []
    [metadata] = [p["metadata"] for p in entry["metadata"] if list(p["breadcrumb"]) == path]
    return metadata


def run_with(box: Sandbox, change: Callable[[Any], object], state: JSON | None = None) -> Run:
    """A run of one stream after something was changed in its entry of the catalog."""
    catalog = catalog_of(config_of(box), [STREAM])
    change(entry_of(catalog))
    return run_tap(config_of(box), catalog=catalog, state=state)


def columns_of(run: Run) -> list[str]:
    """The columns of the one SCHEMA, which are those of every RECORD, in this order."""
    assert run.code == 0, run
    [schema] = [line for line in run.lines if line["type"] == "SCHEMA"]
    names = list(schema["schema"]["properties"])
    assert {*schema["key_properties"], *schema["bookmark_properties"]} <= set(names)
    assert all(list(record) == names for record in run.records(STREAM))
    assert run.records(STREAM)
    return names


@pytest.fixture
def every_column() -> list[str]:
    catalog = TapCallExports(config={"burki": {"api_key": "x"}}).catalog_dict
    return list(entry_of(catalog)["schema"]["properties"])


def no_metadata(entry: JSON) -> None:
    del entry["metadata"]


def without_selected(entry: JSON) -> None:
    for part in entry["metadata"]:
        part["metadata"].pop("selected", None)
        part["metadata"].pop("selected-by-default", None)


@pytest.mark.parametrize("strip", [no_metadata, without_selected])
@pytest.mark.parametrize("place", [lambda entry: entry, lambda entry: entry["schema"]])
@pytest.mark.parametrize("value", [True, "true", "True"])
def test_a_stream_may_be_selected_outside_the_metadata(
    box: Sandbox,
    every_column: list[str],
    strip: Callable[[JSON], None],
    place: Callable[[JSON], JSON],
    value: object,
) -> None:
    def change(entry: JSON) -> None:
        strip(entry)
        place(entry)["selected"] = value

    run = run_with(box, change)

    assert columns_of(run) == every_column
    assert_table_is(run.table(STREAM), box.truth(STREAM))


def test_metadata_is_looked_at_first(box: Sandbox) -> None:
    def change(entry: JSON) -> None:
        entry["selected"] = entry["schema"]["selected"] = True
        metadata_of(entry)["selected"] = "false"

    run = run_with(box, change)

    assert run.complaints[1:] == [
        "no stream is selected; select one in the catalog, or leave --catalog out"
    ]


@pytest.mark.parametrize("words", [{"selected": False}, {"inclusion": "unsupported"}])
@pytest.mark.parametrize("in_schema", [True, False])
def test_a_column_may_be_deselected_in_metadata_or_schema(
    box: Sandbox, every_column: list[str], words: JSON, *, in_schema: bool
) -> None:
    def change(entry: JSON) -> None:
        metadata_of(entry, COLUMN).clear()
        place = entry["schema"]["properties"] if in_schema else None
        (place[COLUMN] if place else metadata_of(entry, COLUMN)).update(words)

    assert columns_of(run_with(box, change)) == [c for c in every_column if c != COLUMN]


def test_a_column_that_the_schema_lacks_is_deselected(
    box: Sandbox, every_column: list[str]
) -> None:
    run = run_with(box, lambda entry: entry["schema"]["properties"].pop(COLUMN))

    assert columns_of(run) == [column for column in every_column if column != COLUMN]
    assert not any(COLUMN in (record["extra"] or {}) for record in run.records(STREAM))


@pytest.mark.parametrize("key", [KEY, TIME])
@pytest.mark.parametrize(
    "words",
    [
        {"selected": False},
        {"inclusion": "available", "selected": False},
        {"inclusion": "unsupported", "selected": False},
    ],
)
def test_a_key_cannot_be_deselected(
    box: Sandbox, every_column: list[str], key: str, words: JSON
) -> None:
    run = run_with(box, lambda entry: metadata_of(entry, key).update(words))

    assert columns_of(run) == every_column


@pytest.mark.parametrize("key", [KEY, TIME])
def test_a_key_that_the_schema_lacks_is_there_all_the_same(
    box: Sandbox, every_column: list[str], key: str
) -> None:
    run = run_with(box, lambda entry: entry["schema"]["properties"].pop(key))

    assert columns_of(run) == every_column


def test_columns_have_one_order_whatever_the_catalogs(
    box: Sandbox, every_column: list[str]
) -> None:
    def change(entry: JSON) -> None:
        properties = entry["schema"]["properties"]
        entry["schema"]["properties"] = dict(sorted(properties.items(), reverse=True))

    assert columns_of(run_with(box, change)) == every_column


def test_a_catalogs_words_about_a_column_reach_the_target_and_its_types_stay(
    box: Sandbox,
) -> None:
    def change(entry: JSON) -> None:
        column = entry["schema"]["properties"][COLUMN]
        column |= {"type": "string", "description": "mine", "x-sql-datatype": "varchar"}
        entry["schema"]["properties"][TIME] = {"anyOf": [{"type": "string"}, {"type": "null"}]}

    run = run_with(box, change)

    [schema] = [line["schema"] for line in run.lines if line["type"] == "SCHEMA"]
    column = schema["properties"][COLUMN]
    assert column["type"] == ["string", "null"]
    assert column["description"] == "mine"
    assert column["x-sql-datatype"] == "varchar"
    assert schema["properties"][TIME] == {"type": ["string", "null"]}


@pytest.mark.parametrize("method", ["full_table", "Full_Table", "FULL_TABLE"])
@pytest.mark.parametrize("where", ["entry", "replication-method", "forced-replication-method"])
def test_a_full_table_may_be_asked_for_in_any_place_and_case(
    box: Sandbox, method: str, where: str
) -> None:
    def change(entry: JSON) -> None:
        if where == "entry":
            entry["replication_method"] = method
        else:
            metadata_of(entry)[where] = method

    old = {"replication_key": TIME, "replication_key_value": "2024-05-20T00:00:00.000000Z"}
    run = run_with(box, change, state={"bookmarks": {STREAM: old}})

    assert_table_is(run.table(STREAM), box.truth(STREAM))
    assert run.state["bookmarks"][STREAM] == old


@pytest.mark.parametrize("names", [None, [], ["id"]])
def test_primary_keys_left_out_mean_the_declared_ones(box: Sandbox, names: object) -> None:
    def change(entry: JSON) -> None:
        entry["key_properties"] = names
        metadata_of(entry)["table-key-properties"] = names

    run = run_with(box, change)

    [schema] = [line for line in run.lines if line["type"] == "SCHEMA"]
    assert schema["key_properties"] == [KEY]


def replication_key(entry: JSON) -> None:
    entry["replication_key"] = "ended_at"


def replication_key_in_metadata(entry: JSON) -> None:
    metadata_of(entry)["replication-key"] = "ended_at"


def other_type(entry: JSON) -> None:
    entry["schema"]["properties"][COLUMN]["type"] = ["null", "integer"]


REFUSED: list[tuple[Callable[[Any], object], str]] = [
    (replication_key, "the replication key 'ended_at' is not the stream's; leave it out or use"),
    (replication_key_in_metadata, "the replication key 'ended_at' is not the stream's"),
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
    (lambda entry: entry["metadata"][1].pop("metadata"), "a list 'breadcrumb' and an object"),
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
    box: Sandbox, change: Callable[[Any], object], words: str
) -> None:
    run = run_with(box, change)

    assert isinstance(run.error, ConfigValidationError)
    [line] = run.error.errors
    assert line.startswith(f"--catalog: {STREAM}: ")
    assert words in line
    assert not box.burki.requests


@pytest.mark.parametrize("change", [other_type, replication_key], ids=["type", "key"])
def test_a_stream_that_is_not_selected_may_say_what_it_likes(
    box: Sandbox, change: Callable[[Any], object]
) -> None:
    catalog = catalog_of(config_of(box), [STREAM])
    change(entry_of(catalog, "burki_call_list"))

    assert run_tap(config_of(box), catalog=catalog).code == 0


def test_a_nested_type_is_compared_too(box: Sandbox) -> None:
    config = {"anunzi": box.anunzi.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}
    catalog = catalog_of(config, ["anunzi_calls"])
    nested = entry_of(catalog, "anunzi_calls")["schema"]["properties"]["telephony_identifier"]
    nested["properties"]["twilio_call_sid"]["type"] = "integer"

    run = run_tap(config, catalog=catalog)

    assert "column telephony_identifier.twilio_call_sid another type" in run.complaints[1]


def test_a_stream_that_is_there_twice_is_refused(box: Sandbox) -> None:
    catalog = catalog_of(config_of(box), [STREAM])
    catalog["streams"].append(copy.deepcopy(entry_of(catalog)))

    run = run_tap(config_of(box), catalog=catalog)

    assert run.complaints[1:] == [f"--catalog: {STREAM}: is there twice"]


def test_a_column_that_no_stream_has_is_a_warning(
    box: Sandbox, every_column: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    new = {"my_column": {"type": "string"}}
    run = run_with(box, lambda entry: entry["schema"]["properties"].update(new))

    assert columns_of(run) == every_column
    assert f"--catalog: {STREAM}: there is no column my_column" in caplog.text


def test_streams_that_cannot_be_read_are_named(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    everything = TapCallExports(config={}).catalog_dict
    catalog = copy.deepcopy(everything)
    for entry in catalog["streams"]:
        wanted = entry["tap_stream_id"] in {STREAM, "videsk_calls", "videsk_tags"}
        metadata_of(entry)["selected"] = wanted
    catalog["streams"] += [{"tap_stream_id": "old_calls"}, {"tap_stream_id": "older_calls"}]
    bookmark = {"replication_key_value": "2024-05-20T00:00:00.000000Z"}
    state = {"bookmarks": {"twin24_calls": bookmark, "strange": bookmark}}

    run = run_tap(config_of(box), catalog=catalog, state=state)

    assert run.code == 0
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [
        "not exported: videsk_calls, videsk_tags; Videsk is off, give videsk.api_token",
        (
            "not exported: twin24_calls; Twin24 is off, give twin24.email + twin24.password or "
            "twin24.access_token"
        ),
        "--catalog: there is no stream old_calls, older_calls",
    ]


@pytest.mark.parametrize("streams", [[], ["videsk_calls"]])
def test_a_run_without_a_stream_to_read_fails(box: Sandbox, streams: list[str]) -> None:
    catalog = {"streams": []} if not streams else catalog_of({}, streams)

    run = run_tap(config_of(box), catalog=catalog)

    assert run.code == 1
    assert run.complaints[1:] == [
        "no stream is selected; select one in the catalog, or leave --catalog out"
    ]
    assert run.lines == []
