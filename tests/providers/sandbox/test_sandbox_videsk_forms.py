"""Forms and surveys of Videsk: asked for one by one, with a column for each question."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.videsk.submissions import AGENT_FORM, CLIENT_FORM, SURVEY
from sandbox_clients import videsk_export
from sandbox_shown import expected, shown

from sandbox import Sandbox
from sandbox.instants import UTC

if TYPE_CHECKING:
    import requests

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)
OURS = {"id": "_id", "createdAt": "_created", "call": "_call", "appointment": "_appointment"}


def _forms(box: Sandbox, http: requests.Session, form: str, **body: object) -> dict[str, Any]:
    found: dict[str, Any] = videsk_export(box, http, "forms", {"form": form, **body}).json()
    return found


@pytest.mark.parametrize(("name", "field"), [("forms", "form"), ("surveys", "survey")])
def test_a_definition_has_to_be_named(
    box: Sandbox, http: requests.Session, name: str, field: str
) -> None:
    for body in ({}, {field: None}, {field: ""}, {field: ["x"]}):
        missing = videsk_export(box, http, name, body)
        assert (missing.status_code, missing.json()["data"]) == (400, field)
    unknown = videsk_export(box, http, name, {field: "f" * 24})
    assert (unknown.status_code, unknown.json()["name"]) == (404, "NotFound")
    box.videsk.options.unknown_definition = 400
    unknown = videsk_export(box, http, name, {field: "f" * 24})
    assert (unknown.status_code, unknown.json()["className"]) == (400, "bad-request")


def test_fixed_columns_come_before_the_questions(box: Sandbox, http: requests.Session) -> None:
    questions = box.videsk.options.forms[CLIENT_FORM]
    assert "Fecha" in questions
    assert any(label != label.strip() for label in questions)
    assert any("¿" in label for label in questions)
    form = _forms(box, http, CLIENT_FORM)
    assert form["columns"] == ["Identificador", "Type", "Fecha", *questions]
    survey = videsk_export(box, http, "surveys", {"survey": SURVEY, "keys": OURS}).json()
    asked = box.videsk.options.surveys[SURVEY]
    assert survey["columns"] == ["_id", "_call", "_created", "_appointment", *asked]
    rows = form["data"] + survey["data"]
    assert {type(value) for row in rows for value in row.values()} == {str, int, float, list}


def test_questions_are_never_renamed(box: Sandbox, http: requests.Session) -> None:
    keys = {**OURS, "Fecha": "x", "type": "x", "Type": "x"}
    columns = _forms(box, http, CLIENT_FORM, keys=keys)["columns"]
    assert columns[:3] == ["_id", "Type", "_created"]
    assert columns[3:] == box.videsk.options.forms[CLIENT_FORM]


def test_both_forms_and_the_survey_have_answers(box: Sandbox) -> None:
    forms = box.truth("videsk_forms").values()
    for form, kinds in ((CLIENT_FORM, {"pre-call", "contact"}), (AGENT_FORM, {"agent"})):
        mine = [record for record in forms if record["form_id"] == form]
        assert len(mine) > 30
        assert {record["type"] for record in mine} == kinds
        asked = box.videsk.options.forms[form]
        for record in mine:
            labels = [answer["label"] for answer in record["answers"]]
            assert labels == [label for label in asked if label in labels]
        assert any(len(record["answers"]) < len(asked) for record in mine)
    scores = [
        answer["value"]
        for record in box.truth("videsk_surveys").values()
        for answer in record["answers"]
        if "recomiende" in answer["label"]
    ]
    assert set(scores) <= set(range(11))


def test_the_config_names_all_definitions(box: Sandbox) -> None:
    assert box.videsk.config()["form_ids"] == [CLIENT_FORM, AGENT_FORM]
    assert box.videsk.config()["survey_ids"] == [SURVEY]
    box.videsk.options.surveys = {}
    assert box.videsk.config()["survey_ids"] == []
    assert box.truth("videsk_surveys") == {}


def test_of_two_columns_with_one_label_the_later_value_stays(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        box.videsk.options.forms = {"f": ["Nombre", "Fecha", "Nombre", "Type"]}
        given = [("Nombre", "first"), ("Fecha", "a date"), ("Nombre", "later"), ("Type", 7)]
        answers = [{"label": label, "value": value} for label, value in given]
        box.videsk.of("videsk_forms").add_at(NOON, answers=answers)
        form = _forms(box, http, "f")
        assert form["columns"] == [
            "Identificador",
            "Type",
            "Fecha",
            "Nombre",
            "Fecha",
            "Nombre",
            "Type",
        ]
        (row,) = form["data"]
        assert list(row) == ["Identificador", "Type", "Fecha", "Nombre"]
        assert (row["Nombre"], row["Fecha"], row["Type"]) == ("later", "a date", 7)
        (renamed,) = _forms(box, http, "f", keys=OURS)["data"]
        assert renamed["_created"] == "2024-05-10 12:00:00"
        (record,) = box.truth("videsk_forms").values()
        assert [answer["label"] for answer in record["answers"]] == ["Nombre", "Fecha", "Type"]
        assert record["answers"][0]["value"] == "later"


def test_an_answer_may_be_a_list_and_there_may_be_none(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        box.videsk.options.forms = {"f": ["Fecha"]}
        given: list[list[Any]] = [[{"label": "Fecha", "value": ["x", 1]}], []]
        for answers in given:
            box.videsk.of("videsk_forms").add_at(NOON, answers=answers)
        assert shown(box, http, "videsk_forms") == expected(box, "videsk_forms")
        assert [record["answers"] for record in box.truth("videsk_forms").values()] == given


def test_a_row_is_of_the_definition_it_was_made_for(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        forms, surveys = box.videsk.of("videsk_forms"), box.videsk.of("videsk_surveys")
        (first,) = forms.add_at(NOON)
        agent, other = forms.add_at(NOON, NOON, form_id=AGENT_FORM)
        assert first.canonical["form_id"] == CLIENT_FORM
        asked = set(box.videsk.options.forms[AGENT_FORM])
        for row in (agent, other):
            assert row.canonical["form_id"] == AGENT_FORM
            assert {answer["label"] for answer in row.canonical["answers"]} <= asked
        box.videsk.options.surveys = {SURVEY: ["a"], "s2": ["b"]}
        surveys.add_at(NOON, survey_id="s2")
        assert {key[0] for key in surveys.truth()} == {"s2"}
        assert len(_forms(box, http, CLIENT_FORM)["data"]) == 1
        assert len(_forms(box, http, AGENT_FORM)["data"]) == 2


def test_own_definitions_are_filled_and_shared_out() -> None:
    box = Sandbox(rows=100)
    box.videsk.options.forms = {name: [f"¿{name}?", "Type"] for name in ("a", "b", "c", "d")}
    counts = dict.fromkeys("abcd", 0)
    for form, _ in box.truth("videsk_forms"):
        counts[form] += 1
    assert min(counts.values()) > 0
    del box.videsk.options.forms["d"]
    assert {form for form, _ in box.truth("videsk_forms")} == {"a", "b", "c"}


def test_the_cap_counts_rows_of_the_definition(box: Sandbox, http: requests.Session) -> None:
    whole = _forms(box, http, AGENT_FORM)["data"]
    box.videsk.options.cap = 5
    assert _forms(box, http, AGENT_FORM)["data"] == whole[:5]
    box.videsk.options.dates = "day_first"
    assert _forms(box, http, AGENT_FORM)["data"][0]["Fecha"].count("/") == 2
