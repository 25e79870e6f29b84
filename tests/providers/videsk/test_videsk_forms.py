"""Videsk's forms and surveys: one definition at a time, and questions that are called anything."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
    failure,
    partition_bookmarks,
    warnings_in,
)
from support import assert_table_is, catalog_of, clock_at, run_tap, upserted

from sandbox.instants import UTC, parse
from tap_callexports.compat import override

if TYPE_CHECKING:
    from sandbox.videsk import VideskApi

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = "2024-06-01T00:00:00.000000Z"
FIRST, SECOND, THIRD, WRONG = ("1" * 24, "2" * 24, "3" * 24, "bad-id-7")


@dataclass(frozen=True)
class Kind:
    """Forms or surveys.

    Attributes:
        stream: The stream.
        setting: Setting with the ids, and without `_ids` the attribute of the sandbox's options.
        column: Column of the id.
        field: Field of a request's body that holds it.
    """

    stream: str
    setting: str
    column: str
    field: str

    @override
    def __str__(self) -> str:
        return self.stream

    def define(self, api: VideskApi, **questions: list[str]) -> None:
        """Make definitions with these questions; f1 stands for FIRST and so on."""
        ids = {"f1": FIRST, "f2": SECOND, "f3": THIRD}
        found = {ids[name]: labels for name, labels in questions.items()}
        setattr(api.options, "forms" if self.field == "form" else "surveys", found)

    def ids(self, *definitions: str) -> dict[str, Any]:
        """The setting with these ids."""
        return {self.setting: list(definitions)}

    def fill(self, api: VideskApi, definition: str, count: int = 12, **columns: Any) -> None:
        """Submissions of a definition over some days."""
        instants = [NOON + n * 5 * HOUR for n in range(count)]
        api.of(self.stream).add_at(*instants, **{self.column: definition}, **columns)


FORMS = Kind("videsk_forms", "form_ids", "form_id", "form")
SURVEYS = Kind("videsk_surveys", "survey_ids", "survey_id", "survey")
KINDS = pytest.mark.parametrize("kind", [FORMS, SURVEYS], ids=str)


@KINDS
def test_each_definition_is_read_for_itself_and_has_its_own_bookmark(kind: Kind) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A"], f2=["A", "B"], f3=["C"])
        for definition in (FIRST, SECOND, THIRD):
            kind.fill(box.videsk, definition)
        box.videsk.options.cap = 5
        run = export(box.videsk, streams=[kind.stream])
    assert_complete(run, box.videsk, kind.stream)
    assert_each_once(run, kind.stream)
    assert partition_bookmarks(run, kind.stream) == {FIRST: END, SECOND: END, THIRD: END}
    stream = run.state["bookmarks"][kind.stream]
    assert set(stream) == {"partitions"}
    assert all(
        set(partition) == {"context", "replication_key", "replication_key_value", "as_of"}
        and set(partition["context"]) == {kind.column}
        for partition in stream["partitions"]
    )


@KINDS
def test_a_definition_that_is_given_twice_is_asked_for_once(kind: Kind) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A"])
        kind.fill(box.videsk, FIRST)
        once = export(box.videsk, streams=[kind.stream])
        requests = len(asked(box.videsk))
        twice = export(box.videsk, streams=[kind.stream], **kind.ids(FIRST, FIRST))
    assert len(asked(box.videsk)) == 2 * requests
    assert twice.records(kind.stream) == once.records(kind.stream)
    assert len(twice.state["bookmarks"][kind.stream]["partitions"]) == 1


@KINDS
def test_without_ids_a_stream_is_listed_and_read_as_nothing_in_one_line(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box, caplog.at_level(logging.INFO):
        kind.define(box.videsk, f1=["A"])
        kind.fill(box.videsk, FIRST)
        config = {"videsk": box.videsk.config() | kind.ids()}
        listed = {entry["tap_stream_id"] for entry in catalog_of(config, [kind.stream])["streams"]}
        run = export(box.videsk, streams=[kind.stream], **kind.ids())
    assert kind.stream in listed
    assert run.code == 0
    assert run.records(kind.stream) == []
    assert asked(box.videsk) == []
    ours = [
        record.getMessage() for record in caplog.records if "callexports/sync" in record.pathname
    ]
    (line,) = ours
    assert f"videsk.{kind.setting}" in line
    assert kind.stream in line


@KINDS
@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_wrong_id_is_named_and_the_others_are_complete(
    kind: Kind, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A"], f2=["B"])
        kind.fill(box.videsk, FIRST)
        kind.fill(box.videsk, SECOND)
        box.videsk.options.unknown_definition = status
        run = export(
            box.videsk, streams=[kind.stream], **kind.ids(FIRST, WRONG, "worse-id-8", SECOND)
        )
    assert kind.stream in failure(run, kind.stream)
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    for wrong in (WRONG, "worse-id-8"):
        assert wrong in said[-1]
        (line,) = (line for line in said[:-1] if wrong in line)
        assert kind.stream in line
        assert f"videsk.{kind.setting}" in line
    assert_table_is(run.table(kind.stream), box.videsk.truth(kind.stream))
    assert partition_bookmarks(run, kind.stream) == {FIRST: END, SECOND: END}


@KINDS
def test_an_id_added_later_is_read_from_the_start_while_the_others_go_on(kind: Kind) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A"], f2=["B"])
        kind.fill(box.videsk, FIRST)
        kind.fill(box.videsk, SECOND)
        with clock_at(datetime(2024, 5, 20, tzinfo=UTC)):
            first = export(
                box.videsk, streams=[kind.stream], end_date="2024-05-20", **kind.ids(FIRST)
            )
        before = len(asked(box.videsk))
        second = export(box.videsk, streams=[kind.stream], state=first.state)
    starts: dict[str, list[datetime]] = {FIRST: [], SECOND: []}
    for request in asked(box.videsk)[before:]:
        starts[request.body[kind.field]].append(parse(request.body["start"]))
    lookback = timedelta(hours=72, seconds=1)
    assert min(starts[FIRST]) == datetime(2024, 5, 20, tzinfo=UTC) - lookback
    assert min(starts[SECOND]) == datetime(2024, 5, 1, tzinfo=UTC) - timedelta(seconds=1)
    table = upserted(first.table(kind.stream), second, kind.stream)
    assert_table_is(table, box.videsk.truth(kind.stream))
    assert partition_bookmarks(second, kind.stream) == {FIRST: END, SECOND: END}


ODD = [
    "Fecha",
    "fecha",
    "Identificador",
    "id",
    "Llamada",
    "createdAt",
    "__proto__",
    "constructor",
    "answers",
    "extra",
    "form_id",
    "  con blancos  ",
    "¿Cómo está usted, señora Ñandú?",
    "x" * 500,
    'línea\nnueva\t"y"',
]


@KINDS
def test_a_question_may_be_called_anything(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    given = [{"label": label, "value": f"value of {label}"} for label in ODD]
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=ODD)
        kind.fill(box.videsk, FIRST, answers=given)
        run = export(box.videsk, streams=[kind.stream])
    assert_complete(run, box.videsk, kind.stream)
    assert [record["answers"] for record in run.records(kind.stream)] == [given] * 12
    assert all(record["extra"] is None for record in run.records(kind.stream))
    assert not warnings_in(caplog)


def test_a_question_labelled_type_has_its_answer_and_leaves_the_type_empty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        FORMS.define(box.videsk, f1=["A", "Type"])
        given = [{"label": "A", "value": 1}, {"label": "Type", "value": "the answer"}]
        FORMS.fill(box.videsk, FIRST, answers=given)
        run = export(box.videsk, streams=["videsk_forms"])
    # The server writes one over the other, and nothing else tells the two apart.
    truth = {key: {**row, "type": None} for key, row in box.videsk.truth("videsk_forms").items()}
    for record in truth.values():
        record["answers"] = sorted(record["answers"], key=lambda answer: answer["label"] != "Type")
    assert run.code == 0
    assert_table_is(run.table("videsk_forms"), truth)
    assert len(warnings_in(caplog, "Type")) == 1


@KINDS
def test_labels_that_repeat_are_named_in_one_warning_and_the_rows_are_complete(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["Nota", "Otra", "Nota"])
        kind.fill(box.videsk, FIRST)
        box.videsk.options.cap = 4
        run = export(box.videsk, streams=[kind.stream], max_concurrency=1)
    assert_complete(run, box.videsk, kind.stream)
    (warning,) = warnings_in(caplog, "same label")
    assert "Nota" in warning
    assert "Otra" not in warning
    assert kind.stream in warning


@KINDS
@pytest.mark.parametrize(("label", "column"), [("Fecha", "createdAt"), ("Identificador", "id")])
def test_a_question_that_hides_a_needed_column_fails_and_names_it(
    kind: Kind, label: str, column: str
) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A", label], f2=["B"])
        kind.fill(box.videsk, FIRST)
        kind.fill(box.videsk, SECOND)
        box.videsk.options.keys = "ignored"
        run = export(box.videsk, streams=[kind.stream])
    line = failure(run, kind.stream)
    assert column in line
    assert "question" in line
    # The definition without that question is complete.
    assert {record[kind.column] for record in run.records(kind.stream)} == {SECOND}
    bookmarks = partition_bookmarks(run, kind.stream)
    assert bookmarks[SECOND] == END
    assert parse(bookmarks[FIRST]) <= NOON


@KINDS
def test_answers_may_have_any_value(kind: Kind) -> None:
    values = ["texto", "", 0, 7, 10**15, 8.25, -0.001, True, False, None, [], ["a", 1], {"a": {}}]
    labels = [f"P{number}" for number in range(len(values))]
    given = [{"label": label, "value": value} for label, value in zip(labels, values, strict=True)]
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=labels)
        kind.fill(box.videsk, FIRST, count=1, answers=given)
        run = export(box.videsk, streams=[kind.stream])
    (record,) = run.records(kind.stream)
    # Compared as texts: True is not 1, nor 0 False.
    assert json.dumps(record["answers"]) == json.dumps(given)


@KINDS
def test_flattened_answers_are_the_answers_as_json(kind: Kind) -> None:
    with empty_sandbox() as box:
        kind.define(box.videsk, f1=["A", "B"])
        kind.fill(box.videsk, FIRST)
        config = {"start_date": "2024-05-01", "videsk": box.videsk.config()}
        nested = run_tap(config, streams=[kind.stream])
        flat = {"flattening_enabled": True, "flattening_max_depth": 1}
        flattened = run_tap({**config, **flat}, streams=[kind.stream])
    answers = [record["answers"] for record in nested.records(kind.stream)]
    assert any(answers)
    assert [json.loads(record["answers"]) for record in flattened.records(kind.stream)] == answers
