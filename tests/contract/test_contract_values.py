"""Values as providers send them: unknown fields, wrong types, missing keys. Nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from account import END, MIDDLE, START, Account, opened
from expected_streams import DISTINCT, STREAMS, WINDOWED, Stream
from support import assert_table_is, failure, text, warnings_in, without_extra

NUMBERED = [stream for stream in STREAMS if stream.number]


def as_json(streams: Iterable[Stream]) -> list[Stream]:
    """Those that come as JSON: a CSV holds texts only, and each of its columns once."""
    return [stream for stream in streams if stream.settings.get("format") != "csv"]


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


@pytest.mark.parametrize(
    "account", [s for s in STREAMS if s.unknown_fields], indirect=True, ids=str
)
def test_fields_nobody_knows_land_in_extra_and_others_have_none(account: Account) -> None:
    fields: dict[str, object] = {"brandNew": "kept as it is", "Otro campo": 'ñ, "x"'}
    if as_json([account.stream]):
        fields |= {"nested": {"deep": [1, 0.1, None, True, {"K": "v"}]}, "n": 12345678901}
    [call] = account.add(MIDDLE)
    call.extra_wire = fields
    run = account.run()
    account.assert_complete(run)
    extras = {key: row["extra"] for key, row in run.table(account.name).items() if row["extra"]}
    assert extras == {account.key(call): fields}


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
    for key in account.keys(calls):
        assert table[key][column] is None
        assert table[key]["extra"] == {account.stream.fields.get(column, column): "a few"}
        expected = {name: value for name, value in truth[key].items() if value is not None}
        assert without_extra(table[key]) == {k: v for k, v in expected.items() if k != column}
    assert f"2 invalid values in column {column}" in caplog.text
    assert "a few" not in caplog.text


@pytest.mark.parametrize("account", NUMBERED, indirect=True, ids=str)
def test_a_number_sent_as_text_becomes_a_number(account: Account) -> None:
    calls = account.add(MIDDLE, MIDDLE)
    for call, sent in zip(calls, ("75", " 0075 "), strict=True):
        account.amend(call, **{account.stream.number: sent})
    table = account.run().table(account.name)
    found = [table[account.key(call)] for call in calls]
    assert [repr(record[account.stream.number]) for record in found] == ["75", "75"]
    assert [record["extra"] for record in found] == [None, None]


def test_a_call_without_its_key_fails_the_stream(account: Account) -> None:
    [call] = account.add(MIDDLE)
    account.take_key(call)
    run = account.run()
    assert account.stream.keys[0] in failure(run, account.name)
    for record in run.records(account.name):
        assert all(record[key] is not None for key in account.stream.keys)
    assert all(bookmark <= text(MIDDLE) for bookmark in account.bookmarks(run))


@pytest.mark.parametrize(
    "account", as_json(s for s in WINDOWED if s.time_in_rows), indirect=True, ids=str
)
def test_a_call_whose_time_cannot_be_read_comes_and_moves_nothing(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    time = str(account.stream.time)
    field = account.stream.fields.get(time, time)
    [call] = account.add(MIDDLE)
    call.extra_wire = {field: "yesterday"}
    run = account.run()
    assert run.code == 0
    assert account.bookmark(run) == text(END)
    table, truth = run.table(account.name), account.truth()
    record = table.pop(account.key(call))
    assert record[time] is None
    assert record["extra"] == {account.stream.kept_as.get(field, field): "yesterday"}
    assert f"in column {time}, kept in extra" in caplog.text
    del truth[account.key(call)]
    assert_table_is(table, truth)


@pytest.mark.parametrize("account", DISTINCT, indirect=True, ids=str)
def test_texts_of_every_script_come_through_and_what_cannot_be_stored_is_told_once(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    column = account.stream.any_text
    texts = ["a\0b", "c\0", "Ñandú ünïcode", "日本語 🎧 עברית", "a" * 100_000]
    texts += ["=1+1", "tab\tand\\line", "x"]
    calls = account.add(*[START] * len(texts))
    for call, value in zip(calls, texts, strict=True):
        account.amend(call, **{column: value})
    table = account.run().table(account.name)
    sent = [value.replace("\0", "") for value in texts]
    assert [table[account.key(call)][column] for call in calls] == sent
    [warning] = warnings_in(caplog, "repaired")
    assert warning.endswith(" U+0000 removed")
