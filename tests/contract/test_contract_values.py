"""Values as providers send them: unknown fields, wrong types, missing keys. Nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from account import END, MIDDLE, START, Account, opened, text
from expected_streams import STREAMS, WINDOWED, Stream
from support import assert_table_is, without_extra

#: Rows may hold fields nobody knows.
OPEN = [stream for stream in STREAMS if stream.unknown_fields]
TIMED = [stream for stream in WINDOWED if stream.time_in_rows]
NUMBERED = [stream for stream in STREAMS if stream.number]


def as_json(streams: Iterable[Stream]) -> list[Stream]:
    """Those that come as JSON: a CSV holds texts only, and each of its columns once."""
    return [stream for stream in streams if stream.settings.get("format") != "csv"]


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


@pytest.mark.parametrize("account", OPEN, indirect=True, ids=str)
@pytest.mark.covers(130)
def test_fields_nobody_knows_land_in_extra(account: Account) -> None:
    [call] = account.add(MIDDLE)
    call.extra_wire = {"brandNew": "kept as it is", "Otro campo": 'ñ, "x"'}
    run = account.run()
    record = run.table(account.name)[account.key(call)]
    assert record["extra"] == call.extra_wire
    assert_table_is(run.table(account.name), account.truth())


@pytest.mark.parametrize("account", as_json(OPEN), indirect=True, ids=str)
def test_nested_fields_nobody_knows_stay_nested(account: Account) -> None:
    [call] = account.add(MIDDLE)
    call.extra_wire = {"brandNew": {"deep": [1, 0.1, None, True, {"K": "v"}]}, "n": 12345678901}
    record = account.run().table(account.name)[account.key(call)]
    assert record["extra"] == call.extra_wire


def test_calls_without_anything_unknown_have_no_extra(account: Account) -> None:
    assert {record["extra"] for record in account.run().records(account.name)} == {None}


@pytest.mark.parametrize("account", NUMBERED, indirect=True, ids=str)
def test_a_value_that_does_not_fit_is_kept_in_extra_and_counted(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    column = account.stream.number
    calls = account.add(MIDDLE, MIDDLE)
    for call in calls:
        account.amend(call, **{column: "a few"})
    run = account.run()
    assert run.code == 0
    table, truth = run.table(account.name), account.truth()
    field = account.stream.fields.get(column, column)
    for call in calls:
        record = table[account.key(call)]
        assert record[column] is None
        assert record["extra"] == {field: "a few"}
        expected = {**truth[account.key(call)], column: None}
        assert without_extra(record) == {k: v for k, v in expected.items() if v is not None}
    assert f"2 invalid values in column {column}" in caplog.text
    assert "a few" not in caplog.text


@pytest.mark.parametrize("account", NUMBERED, indirect=True, ids=str)
@pytest.mark.covers(132)
def test_a_number_sent_as_text_becomes_a_number(account: Account) -> None:
    column = account.stream.number
    texts = {"75": 75, " 0075 ": 75}
    calls = account.add(*[MIDDLE] * len(texts))
    for call, sent in zip(calls, texts, strict=True):
        account.amend(call, **{column: sent})
    table = account.run().table(account.name)
    found = [table[account.key(call)] for call in calls]
    assert [record[column] for record in found] == list(texts.values())
    assert [type(record[column]) for record in found] == [int] * len(texts)
    assert [record["extra"] for record in found] == [None] * len(texts)


@pytest.mark.covers(136)
def test_a_call_without_its_key_fails_the_stream(account: Account) -> None:
    [call] = account.add(MIDDLE)
    account.take_key(call)
    run = account.run()
    assert (run.code, run.error) == (1, None)
    assert run.tap is not None
    assert account.stream.keys[0] in str(run.tap.failures[account.name])
    for record in run.records(account.name):
        assert all(record[key] is not None for key in account.stream.keys)
    if account.stream.time:
        assert all(bookmark <= text(MIDDLE) for bookmark in account.bookmarks(run))


@pytest.mark.parametrize("account", as_json(TIMED), indirect=True, ids=str)
def test_a_call_whose_time_cannot_be_read_comes_and_moves_nothing(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    stream = account.stream
    time = str(stream.time)
    field = stream.fields.get(time, time)
    [call] = account.add(MIDDLE)
    call.extra_wire = {field: "yesterday"}
    run = account.run()
    assert run.code == 0
    assert account.bookmark(run) == text(END)
    table, truth = run.table(account.name), account.truth()
    record = table.pop(account.key(call))
    assert record[time] is None
    assert record["extra"] == {stream.kept_as.get(field, field): "yesterday"}
    assert f"in column {time}, kept in extra" in caplog.text
    del truth[account.key(call)]
    assert_table_is(table, truth)


@pytest.mark.covers(138)
def test_texts_of_every_script_and_length_come_through(account: Account) -> None:
    column = account.stream.any_text
    texts = ["Ñandú ünïcode", "日本語 🎧 עברית", "a" * 100_000, "=1+1", "tab\tand\\line", "x"]
    calls = account.add(*[START] * len(texts))
    for call, value in zip(calls, texts, strict=True):
        account.amend(call, **{column: value})
    table = account.run().table(account.name)
    assert [table[account.key(call)][column] for call in calls] == texts
