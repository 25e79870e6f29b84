"""A run from nothing: every call once, as it is, in the form the SCHEMA promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from account import START, Account, opened
from expected_streams import STREAMS
from jsonschema import Draft202012Validator, FormatChecker
from support import MICROSECOND, Run

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
    return bool(_RFC3339.fullmatch(value) and datetime.fromisoformat(value[:19]))


@pytest.fixture(scope="module", params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


@pytest.fixture(scope="module")
def run(account: Account) -> Run:
    """The run that every test here looks at."""
    return account.run(start=START.replace(year=2015))


def test_every_call_comes_once_and_the_same_calls_give_the_same_lines(
    account: Account, run: Run
) -> None:
    account.assert_each_once(run)
    assert len(run.records(account.name)) > 5
    again = account.run(start=START.replace(year=2015))
    without_times = [
        [{**line, "time_extracted": None} for line in each.lines] for each in (run, again)
    ]
    assert without_times[0] == without_times[1]


def test_every_record_fits_the_schema_and_has_its_columns_in_order(
    account: Account, run: Run
) -> None:
    schema = run.schema(account.name)["schema"]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=_strict)
    records = run.records(account.name)
    assert [error.message for record in records for error in validator.iter_errors(record)] == []
    assert {tuple(record) for record in records} == {tuple(schema["properties"])}
    assert [*schema["properties"]][-1] == "extra"


def test_instants_are_utc_texts_of_one_width(account: Account, run: Run) -> None:
    properties = run.schema(account.name)["schema"]["properties"]
    columns = [name for name, part in properties.items() if part.get("format") == "date-time"]
    records = run.records(account.name)
    values = [record[name] for record in records for name in columns if record[name] is not None]
    assert [value for value in values if not _INSTANT.fullmatch(value)] == []
    if account.stream.time:
        assert all(record[account.stream.time] for record in records)


def test_the_schema_comes_first_and_names_the_keys(account: Account, run: Run) -> None:
    kinds = [line["type"] for line in run.lines if line.get("stream") == account.name]
    assert kinds[0] == "SCHEMA"
    assert set(kinds[1:]) == {"RECORD"}
    message, time = run.schema(account.name), account.stream.time
    assert message["key_properties"] == list(account.stream.keys)
    assert message.get("bookmark_properties", []) == ([time] if time else [])


def test_the_state_is_small_and_holds_nothing_that_passes(account: Account, run: Run) -> None:
    room = 2048 + 200 * bool(account.stream.partition)
    assert all(len(json.dumps(state)) <= room for state in run.states)
    assert run.states
    assert [name for name in _TRANSIENT if name in json.dumps(run.state)] == []


def test_two_calls_that_differ_in_their_key_alone_are_two(account: Account, run: Run) -> None:
    account.add(START + MICROSECOND, START + MICROSECOND)
    assert len(account.run().table(account.name)) == len(run.table(account.name)) + 2
