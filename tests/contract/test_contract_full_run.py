"""A run from nothing: every call once, as it is, in the form the SCHEMA promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from account import MICROSECOND, START, Account, opened
from expected_streams import STREAMS
from jsonschema import Draft202012Validator, FormatChecker
from support import JSON, Run, assert_table_is

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_TRANSIENT = ("progress_markers", "replication_key_signpost", "starting_replication_value")
_strict = FormatChecker(formats=())


@_strict.checks("date-time", raises=ValueError)
def is_rfc3339(value: object) -> bool:
    """Whether a text is an RFC 3339 date-time, which needs a zone."""
    if not isinstance(value, str):
        return True
    found = _RFC3339.fullmatch(value)
    return bool(found and datetime.fromisoformat(value[:19]))


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def schema_of(run: Run, stream: str) -> JSON:
    """The SCHEMA message of a stream; there must be one, not two."""
    [message] = [
        line for line in run.lines if line["type"] == "SCHEMA" and line["stream"] == stream
    ]
    return message


def test_a_full_run_is_the_truth_and_holds_no_call_twice(account: Account) -> None:
    run = account.run()
    assert (run.code, run.error) == (0, None)
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth()) > 5


@pytest.mark.covers(131)
def test_every_record_has_every_column_in_schema_order(account: Account) -> None:
    run = account.run()
    columns = list(schema_of(run, account.name)["schema"]["properties"])
    assert columns[-1] == "extra"
    assert {tuple(record) for record in run.records(account.name)} == {tuple(columns)}


@pytest.mark.covers(142)
def test_every_record_fits_the_schema_that_was_emitted(account: Account) -> None:
    run = account.run()
    schema = schema_of(run, account.name)["schema"]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=_strict)
    records = run.records(account.name)
    assert records
    assert [error.message for record in records for error in validator.iter_errors(record)] == []


@pytest.mark.parametrize(
    "value", ["2024-05-01T10:00:00", "2024-05-01 10:00:00Z", "2024-02-30T10:00:00Z", "2024-05-01"]
)
def test_the_format_check_is_strict(value: str) -> None:
    assert not _strict.conforms(value, "date-time")
    assert _strict.conforms("2024-05-01T10:00:00.5+02:00", "date-time")


def test_instants_are_utc_texts_of_one_width(account: Account) -> None:
    run = account.run()
    properties = schema_of(run, account.name)["schema"]["properties"]
    columns = [name for name, part in properties.items() if part.get("format") == "date-time"]
    records = run.records(account.name)
    values = [record[name] for record in records for name in columns if record[name] is not None]
    assert [value for value in values if not _INSTANT.fullmatch(value)] == []
    if account.stream.time:
        assert all(record[account.stream.time] for record in records)


@pytest.mark.covers(140)
def test_the_schema_comes_first_and_names_the_keys(account: Account) -> None:
    run = account.run()
    kinds = [line["type"] for line in run.lines if line.get("stream") == account.name]
    assert kinds[0] == "SCHEMA"
    assert set(kinds[1:]) == {"RECORD"}
    message = schema_of(run, account.name)
    assert message["key_properties"] == list(account.stream.keys)
    assert message.get("bookmark_properties", []) == [
        name for name in [account.stream.time] if name
    ]


@pytest.mark.covers(157)
def test_the_state_is_small_and_holds_nothing_that_passes(account: Account) -> None:
    run = account.run(start=START.replace(year=2015))
    assert run.states
    room = 2048 + 200 * bool(account.stream.partition)
    assert all(len(json.dumps(state)) <= room for state in run.states)
    assert [name for name in _TRANSIENT if name in json.dumps(run.state)] == []


@pytest.mark.covers(163, 164)
def test_the_same_calls_give_the_same_lines(account: Account) -> None:
    first, second = account.run(), account.run()
    for line in first.lines + second.lines:
        line.pop("time_extracted", None)
    assert first.lines == second.lines


def test_two_calls_that_differ_in_their_key_alone_are_two(account: Account) -> None:
    before = len(account.truth())
    account.add(START + MICROSECOND, START + MICROSECOND)
    assert len(account.run().table(account.name)) == before + 2
