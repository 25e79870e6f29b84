"""Columns of a form or survey: which are fixed, which are questions, and nothing in two places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_callexports.providers.videsk.answers import ANSWERS, NEEDED, Header, keys_for
from tap_callexports.providers.videsk.labels import DICTIONARY
from tap_callexports.providers.videsk.streams import Forms, Surveys

PROPERTY = settings(deadline=None, derandomize=True, max_examples=400)
FORM, SURVEY = Forms.fixed, Surveys.fixed
ENGLISH = {"id": "Id", "createdAt": "Created At", "call": "Call", "appointment": "Appointment"}

FIXED = st.sampled_from([FORM, SURVEY])
#: Questions, many of them labelled like a column of some server.
QUESTIONS = st.one_of(
    st.sampled_from(
        ["Fecha", "fecha ", "Identificador", "id", "createdAt", "Created At", "Type", "type",
         "Llamada", "Cita", "call", "__proto__", "answers", "extra", "", " "]
    ),
    st.text(max_size=12),
)  # fmt: skip
LABELS = st.one_of(
    QUESTIONS, st.sampled_from([*keys_for(FORM).values(), *keys_for(SURVEY).values()])
)


@st.composite
def headers(draw: st.DrawFn) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Fixed columns, their labels in an answer, and the questions behind them."""
    fixed = draw(FIXED)
    renamed = keys_for(fixed)
    labels = [
        draw(st.sampled_from([renamed.get(name, name), DICTIONARY.get(name, name),
                              ENGLISH.get(name, name)]))
        for name in fixed
    ]  # fmt: skip
    return fixed, labels, draw(st.lists(QUESTIONS, max_size=6))


def row_of(labels: Sequence[str]) -> dict[str, int]:
    """A row as JavaScript builds it: of two columns of one label the later one's value stays."""
    return {label: number for number, label in enumerate(labels)}


def values_in(record: dict[str, Any]) -> list[Any]:
    """Every value of an arranged row, wherever it is."""
    fixed = [value for name, value in record.items() if name != ANSWERS]
    return fixed + [answer["value"] for answer in record[ANSWERS]]


@PROPERTY
@given(FIXED, st.lists(LABELS, max_size=8), st.lists(LABELS, max_size=8))
def test_every_value_of_a_row_is_in_exactly_one_place(
    fixed: tuple[str, ...], labels: list[str], shown: list[str]
) -> None:
    row = row_of(shown)
    record = Header(labels, fixed).arranged(row)
    assert sorted(values_in(record)) == sorted(row.values())
    assert set(record) <= {*fixed, ANSWERS}
    for answer in record[ANSWERS]:
        assert row[answer["label"]] == answer["value"]


@PROPERTY
@given(headers())
def test_the_id_and_the_time_are_never_a_question_s_unless_that_is_said(
    header: tuple[tuple[str, ...], list[str], list[str]],
) -> None:
    fixed, labels, questions = header
    row = row_of([*labels, *questions])
    read = Header([*labels, *questions], fixed)
    record = read.arranged(row)
    for name, label in zip(fixed, labels, strict=True):
        if name in NEEDED:
            assert (name in read.hidden) == (label in questions)
            assert name in read.hidden or record[name] == labels.index(label)


@PROPERTY
@given(headers())
def test_answers_are_in_column_order_and_repeated_labels_are_told(
    header: tuple[tuple[str, ...], list[str], list[str]],
) -> None:
    fixed, labels, questions = header
    read = Header([*labels, *questions], fixed)
    row = row_of([*labels, *questions])
    backwards = dict(reversed(row.items()))
    assert read.arranged(row) == read.arranged(backwards)
    shown = [answer["label"] for answer in read.arranged(row)[ANSWERS]]
    order = list(dict.fromkeys([*labels, *questions]))
    assert shown == sorted(shown, key=order.index)
    assert set(read.repeated) == {
        label for label in order if [*labels, *questions].count(label) > 1
    }


@PROPERTY
@given(headers())
def test_columns_renamed_as_asked_may_share_their_name_with_no_question(
    header: tuple[tuple[str, ...], list[str], list[str]],
) -> None:
    fixed, _, questions = header
    labels = [keys_for(fixed).get(name, name) for name in fixed]
    read = Header([*labels, *questions], fixed)
    assert read.hidden == []
    record = read.arranged(row_of([*labels, *questions]))
    for number, name in enumerate(fixed):
        if name in DICTIONARY:
            assert record[name] == number


def test_only_columns_with_an_id_can_be_renamed() -> None:
    assert keys_for(FORM) == {"id": "__videsk_id", "createdAt": "__videsk_createdAt"}
    assert set(keys_for(SURVEY)) == {"id", "call", "createdAt", "appointment"}


@pytest.mark.parametrize("label", ["Type", "TYPE ", "type"])
def test_a_type_far_from_the_first_columns_is_a_question(label: str) -> None:
    read = Header(["__videsk_id", "__videsk_createdAt", "A", "B", label], FORM)
    record = read.arranged({"__videsk_id": 1, "__videsk_createdAt": 2, label: 3})
    assert record == {"id": 1, "createdAt": 2, ANSWERS: [{"label": label, "value": 3}]}


def test_a_column_the_header_does_not_name_is_an_answer_at_the_end() -> None:
    read = Header(["__videsk_id", "Type", "__videsk_createdAt", "A"], FORM)
    row = {"new": 0, "A": 1, "Type": 2, "__videsk_id": 3}
    assert read.arranged(row) == {
        "id": 3,
        "Type": 2,
        ANSWERS: [{"label": "A", "value": 1}, {"label": "new", "value": 0}],
    }


def test_a_row_without_answers_has_an_empty_list() -> None:
    assert Header(["__videsk_id"], FORM).arranged({"__videsk_id": 1}) == {"id": 1, ANSWERS: []}
