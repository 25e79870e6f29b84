"""Videsk's forms and surveys: one definition at a time, and questions that are called anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from expected_streams import STREAMS, Stream
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_runs import (
    answer_with,
    asked,
    assert_complete,
    empty_sandbox,
    export,
)
from support import DAY, HOUR, SECOND, UTC, clock_at, failure, instant, text, upserted, warnings_in

from sandbox.videsk import VideskApi
from tap_callexports.providers.videsk.answers import ANSWERS, NEEDED, Header, keys_for
from tap_callexports.providers.videsk.labels import DICTIONARY
from tap_callexports.providers.videsk.streams import Forms, Surveys

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
END = "2024-06-01T00:00:00.000000Z"
ONE, TWO, WRONG = "1" * 24, "2" * 24, "bad-id-7"
KINDS = pytest.mark.parametrize("kind", [s for s in STREAMS if s.partition], ids=str)


def column_of(kind: Stream) -> str:
    """The column with the id of the definition, and in the plural the setting with all of them."""
    [column] = kind.partition
    return column


def define(api: VideskApi, kind: Stream, *questions: list[str]) -> None:
    """Make definitions with these questions, ONE and TWO, each with twelve submissions."""
    ids = dict(zip((ONE, TWO), questions, strict=False))
    setattr(api.options, kind.name.removeprefix("videsk_"), ids)
    for definition in ids:
        instants = [NOON + number * 5 * HOUR for number in range(12)]
        api.of(kind.name).add_at(*instants, **{column_of(kind): definition})


def run_of(api: VideskApi, kind: Stream, *ids: str, **settings: Any) -> Any:
    """A run of the stream; with these definitions, if any is named."""
    given: Any = {f"{column_of(kind)}s": list(ids)} if ids else {}
    return export(api, streams=[kind.name], **given, **settings)


def bookmarks(run: Any, kind: Stream) -> dict[str, str]:
    """The bookmark of each definition in the last STATE."""
    return {
        partition["context"][column_of(kind)]: partition["replication_key_value"]
        for partition in run.state["bookmarks"][kind.name]["partitions"]
        if "replication_key_value" in partition
    }


@KINDS
def test_each_definition_is_read_once_for_itself_and_has_its_own_bookmark(kind: Stream) -> None:
    with empty_sandbox() as box:
        define(box.videsk, kind, ["A"], ["A", "B"])
        box.videsk.options.cap = 5
        run = run_of(box.videsk, kind)
        requests = len(asked(box.videsk))
        twice = run_of(box.videsk, kind, ONE, TWO, ONE)
    assert_complete(run, box.videsk, kind.name)
    assert bookmarks(run, kind) == bookmarks(twice, kind) == {ONE: END, TWO: END}
    assert twice.records(kind.name) == run.records(kind.name)
    assert len(asked(box.videsk)) == 2 * requests


@KINDS
@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_wrong_id_is_named_and_the_others_are_complete(
    kind: Stream, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        define(box.videsk, kind, ["A"], ["B"])
        box.videsk.options.unknown_definition = status
        run = run_of(box.videsk, kind, ONE, WRONG, "worse-id-8", TWO)
    assert kind.name in failure(run, kind.name)
    *said, last = [log.getMessage() for log in caplog.records if log.levelname == "ERROR"]
    for wrong in (WRONG, "worse-id-8"):
        assert wrong in last
        [line] = [line for line in said if wrong in line]
        assert kind.name in line
        assert f"videsk.{column_of(kind)}s" in line
    assert set(run.table(kind.name)) == set(box.videsk.truth(kind.name))
    assert bookmarks(run, kind) == {ONE: END, TWO: END}


@KINDS
def test_an_id_added_later_is_read_from_the_start_while_the_others_go_on(kind: Stream) -> None:
    later = datetime(2024, 5, 20, tzinfo=UTC)
    with empty_sandbox() as box:
        define(box.videsk, kind, ["A"], ["B"])
        with clock_at(later):
            first = run_of(box.videsk, kind, ONE, end_date=text(later))
        before = len(asked(box.videsk))
        second = run_of(box.videsk, kind, state=first.state)
    starts: dict[str, list[datetime]] = {ONE: [], TWO: []}
    for request in asked(box.videsk)[before:]:
        definition = request.body[column_of(kind).removesuffix("_id")]
        starts[definition].append(instant(request.body["start"]))
    assert min(starts[ONE]) == later - 3 * DAY - SECOND
    assert min(starts[TWO]) == datetime(2024, 5, 1, tzinfo=UTC) - SECOND
    table = upserted(first.table(kind.name), second, kind.name)
    assert set(table) == set(box.videsk.truth(kind.name))
    assert bookmarks(second, kind) == {ONE: END, TWO: END}


ODD = [
    *("Fecha", "fecha", "Identificador", "id", "Llamada", "createdAt", "__proto__", "answers"),
    *("extra", "form_id", "  con blancos  ", "¿Cómo está usted, señora Ñandú?", "x" * 500),
    'línea\nnueva\t"y"',
]
VALUES = ["", 0, 10**15, 8.25, -0.001, True, False, None, [], ["a", 1], {"a": {}}]


@KINDS
def test_a_question_may_be_called_anything_and_have_any_answer(
    kind: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    values = [*VALUES, *ODD]
    labels = [*ODD, *(f"P{number}" for number in range(len(VALUES)))]
    given = [{"label": label, "value": value} for label, value in zip(labels, values, strict=True)]
    with empty_sandbox() as box:
        define(box.videsk, kind, labels)
        for row in box.videsk.of(kind.name).rows:
            box.videsk.of(kind.name).amend(row, answers=given)
        run = run_of(box.videsk, kind)
    assert_complete(run, box.videsk, kind.name)
    # Compared as texts: True is not 1, nor 0 False.
    answers = {json.dumps(record["answers"]) for record in run.records(kind.name)}
    assert answers == {json.dumps(given)}
    assert {record["extra"] for record in run.records(kind.name)} == {None}
    assert not warnings_in(caplog)


def test_a_question_labelled_type_has_its_answer_and_leaves_the_type_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = next(stream for stream in STREAMS if stream.name == "videsk_forms")
    given = [{"label": "A", "value": 1}, {"label": "Type", "value": "the answer"}]
    with empty_sandbox() as box:
        define(box.videsk, kind, ["A", "Type"])
        for row in box.videsk.of(kind.name).rows:
            box.videsk.of(kind.name).amend(row, answers=given)
        records = run_of(box.videsk, kind).records(kind.name)
    # The server writes one over the other, and nothing else tells the two apart.
    assert [(record["type"], record["answers"]) for record in records] == [(None, given[::-1])] * 12
    assert len(warnings_in(caplog, "Type")) == 1


@KINDS
def test_labels_that_repeat_are_named_in_one_warning_and_the_rows_are_complete(
    kind: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        define(box.videsk, kind, ["Nota", "Otra", "Nota"])
        box.videsk.options.cap = 4
        run = run_of(box.videsk, kind, max_concurrency=1)
    assert_complete(run, box.videsk, kind.name)
    [warning] = warnings_in(caplog, "same label")
    assert "Nota" in warning
    assert "Otra" not in warning
    assert kind.name in warning


@KINDS
@pytest.mark.parametrize(("label", "column"), [("Fecha", "createdAt"), ("Identificador", "id")])
def test_a_question_that_hides_a_needed_column_fails_and_names_it(
    kind: Stream, label: str, column: str
) -> None:
    with empty_sandbox() as box:
        define(box.videsk, kind, ["A", label], ["B"])
        box.videsk.options.keys = "ignored"
        run = run_of(box.videsk, kind)
    assert column in failure(run, kind.name)
    assert "question" in failure(run, kind.name)
    # The definition without that question is complete.
    assert {record[column_of(kind)] for record in run.records(kind.name)} == {TWO}
    assert bookmarks(run, kind)[TWO] == END
    assert instant(bookmarks(run, kind)[ONE]) <= NOON


_ID, _AT = "65f0a1b2c3d4e5f601020399", "2024-05-09 12:00:00"
_ROW = {"B": 2, "__videsk_createdAt": _AT, "A": 1, "Type": "contact", "__videsk_id": _ID}


@pytest.mark.parametrize(
    "columns",
    [
        ["__videsk_id", "Type", "__videsk_createdAt", "A", "B"],
        ["B", "__videsk_createdAt", "A", "Type", "__videsk_id"],
        ["__videsk_id", "A"],
        [],
        None,
        "A",
        [None, 7, {"x": 1}, "A", "B", "__videsk_id"],
    ],
    ids=["in order", "shuffled", "few", "empty", "missing", "a text", "rubbish"],
)
def test_a_header_in_any_state_leaves_every_value_in_one_place(columns: object) -> None:
    with empty_sandbox() as box:
        body: dict[str, object] = {"$limit": 5000, "columns": columns, "data": [_ROW]}
        if columns is None:
            del body["columns"]
        answer_with(box.videsk, "/forms", body)
        run = export(box.videsk, streams=["videsk_forms"], form_ids=[ONE], start_date="2024-05-31")
    [record] = run.records("videsk_forms")
    assert (record["id"], record["created_at"]) == (_ID, "2024-05-09T12:00:00.000000Z")
    found = {answer["label"]: answer["value"] for answer in record["answers"]}
    if record["type"] is not None:
        found["Type"] = record["type"]
    assert found == {"A": 1, "B": 2, "Type": "contact"}
    assert record["extra"] is None


# The header by itself: which columns are fixed, which are questions.

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
FORM = Forms.fixed
ENGLISH = {"id": "Id", "createdAt": "Created At", "call": "Call", "appointment": "Appointment"}
#: Questions, many of them labelled like a column of some server.
QUESTIONS = st.one_of(
    st.sampled_from(
        ["Fecha", "fecha ", "Identificador", "id", "createdAt", "Created At", "Type", "type",
         "Llamada", "Cita", "call", "__proto__", "answers", "extra", "", " "]
    ),
    st.text(max_size=12),
)  # fmt: skip


@st.composite
def headers(draw: st.DrawFn) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Fixed columns, their labels in a response, and the questions behind them."""
    fixed = draw(st.sampled_from([FORM, Surveys.fixed]))
    names = (keys_for(fixed), DICTIONARY, ENGLISH)
    labels = [draw(st.sampled_from([each.get(name, name) for each in names])) for name in fixed]
    return fixed, labels, draw(st.lists(QUESTIONS, max_size=6))


def row_of(labels: Sequence[str]) -> dict[str, int]:
    """A row as JavaScript builds it: of two columns of one label the later one's value stays."""
    return {label: number for number, label in enumerate(labels)}


@PROPERTY
@given(headers(), st.lists(QUESTIONS, max_size=8))
def test_every_value_of_a_row_is_in_exactly_one_place_and_answers_in_column_order(
    header: tuple[tuple[str, ...], list[str], list[str]], others: list[str]
) -> None:
    fixed, labels, questions = header
    columns = [*labels, *questions]
    read = Header(columns, fixed)
    for shown in (columns, [*reversed(labels), *others]):
        row = row_of(shown)
        record = read.arranged(row)
        values = [value for name, value in record.items() if name != ANSWERS]
        values += [answer["value"] for answer in record[ANSWERS]]
        assert sorted(values) == sorted(row.values())
        assert set(record) <= {*fixed, ANSWERS}
        assert all(row[answer["label"]] == answer["value"] for answer in record[ANSWERS])
        assert read.arranged(dict(reversed(row.items())))[ANSWERS] == record[ANSWERS] or others
    answered = [answer["label"] for answer in read.arranged(row_of(columns))[ANSWERS]]
    order = list(dict.fromkeys(columns))
    assert answered == sorted(answered, key=order.index)
    assert set(read.repeated) == {label for label in order if columns.count(label) > 1}


@PROPERTY
@given(headers())
def test_the_id_and_the_time_are_never_a_question_s_unless_that_is_said(
    header: tuple[tuple[str, ...], list[str], list[str]],
) -> None:
    fixed, labels, questions = header
    read = Header([*labels, *questions], fixed)
    record = read.arranged(row_of([*labels, *questions]))
    for name, label in zip(fixed, labels, strict=True):
        if name in NEEDED:
            assert (name in read.hidden) == (label in questions)
            assert name in read.hidden or record[name] == labels.index(label)
    # Renamed as requested, they share their names with no question.
    labels = [keys_for(fixed).get(name, name) for name in fixed]
    read = Header([*labels, *questions], fixed)
    record = read.arranged(row_of([*labels, *questions]))
    assert read.hidden == []
    assert all(record[name] == n for n, name in enumerate(fixed) if name in DICTIONARY)


def test_only_columns_with_an_id_can_be_renamed() -> None:
    assert keys_for(FORM) == {"id": "__videsk_id", "createdAt": "__videsk_createdAt"}
    assert set(keys_for(Surveys.fixed)) == {"id", "call", "createdAt", "appointment"}
