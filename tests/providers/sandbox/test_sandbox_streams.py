"""What one can rely on for each of the streams, whatever its provider.

That the servers show this truth, the contract tests of the tap hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from expected_streams import BY_NAME, entry_of
from support import assert_listed

from sandbox import Sandbox
from sandbox.instants import UTC, text

if TYPE_CHECKING:
    from sandbox import Api

NOON, DAY = datetime(2024, 5, 10, 12, tzinfo=UTC), timedelta(days=1)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
#: Each stream with its time.
STREAMS = {name: entry.time for name, entry in BY_NAME.items()}


def _api(box: Sandbox, stream: str) -> Api:
    return box.apis[entry_of(stream).api]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """A sandbox that nobody changes."""
    with Sandbox(rows=200) as running:
        yield running


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_all_streams_are_known(shared: Sandbox) -> None:
    for provider, api in shared.apis.items():
        promised = [name for name in STREAMS if entry_of(name).api == provider]
        assert_listed(promised, api.streams, f"`keys` in sandbox/{provider}.py")
        assert set(api.call_streams) <= set(api.streams)
        assert getattr(shared, provider) is api


def test_truth_has_the_form_of_records(shared: Sandbox, stream: str) -> None:
    truth = shared.truth(stream)
    assert truth == _api(shared, stream).of(stream).truth()
    column = STREAMS[stream]
    for key, record in truth.items():
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in record)
        assert key == tuple(record[name] for name in _api(shared, stream).keys[stream])
        assert None not in key
        assert not column or INSTANT.fullmatch(record[column])
    times = [record[column] for record in truth.values()] if column else []
    if stream != "videsk_appointments":
        assert all(text(shared.start) <= time < text(shared.end) for time in times)


def test_add_at_makes_a_finished_row_at_that_instant(stream: str) -> None:
    with Sandbox(rows=0) as box:
        handle = _api(box, stream).of(stream)
        rows = handle.add_at(NOON, NOON, NOON + timedelta(minutes=1))
        assert [row.at for row in rows] == [row.sort_at for row in rows]
        assert [row.at for row in rows] == [NOON, NOON, NOON + timedelta(minutes=1)]
        assert set(handle.rows) == set(rows)
        truth = box.truth(stream)
        assert len(truth) == 3
        if column := STREAMS[stream]:
            assert sorted(record[column] for record in truth.values())[1] == text(NOON)


def test_rows_are_amended_hidden_and_removed(stream: str) -> None:
    entry = entry_of(stream)
    with Sandbox(rows=0) as box:
        for name, value in entry.options.items():
            setattr(cast("Any", _api(box, stream)).options, name, value)
        handle = _api(box, stream).of(stream)
        one, two, three = handle.add_at(NOON, NOON, NOON)
        first, second = (tuple(row.canonical[name] for name in entry.keys) for row in (one, two))
        handle.amend(one, **entry.changes)
        record = box.truth(stream)[first]
        assert {name: record[name] for name in entry.changes} == entry.changes
        two.visible = False
        handle.remove(three)
        assert handle.rows == [one, two]
        assert set(handle.truth()) == {first}
        two.visible = True
        assert set(handle.truth()) == {first, second}


def test_add_makes_rows_of_a_period(stream: str) -> None:
    rows = _api(box := Sandbox(rows=0), stream).of(stream).add(20, NOON, NOON + DAY)
    assert rows == _api(box, stream).of(stream).rows
    assert len(rows) == 20
    assert all(NOON <= row.at < NOON + DAY for row in rows)


def test_growth_adds_and_changes_recent_rows(stream: str) -> None:
    with Sandbox(rows=200) as box:
        api, old_end = _api(box, stream), box.end
        before = box.truth(stream)
        done = box.grow(5, old_end + 2 * DAY)
        after = box.truth(stream)
        assert before.keys() <= after.keys()
        changed = [key for key in before if after[key] != before[key]]
        new = [after[key] for key in after.keys() - before.keys()]
        assert api.grown[stream] == {"added": len(new), "changed": len(changed)}
        for kind, count in done[api.name].items():
            assert count == sum(counts[kind] for counts in api.grown.values())
        assert (new and changed) or stream == "anunzi_unstarted_calls"
        column = STREAMS[stream]
        if column and stream != "videsk_appointments":
            times = [record[column] for record in new] + [after[key][column] for key in changed]
            recent = old_end - timedelta(hours=20, minutes=10)
            assert text(recent) <= min(times) < text(old_end)
            assert max(times) < text(box.end)


def test_equal_seeds_give_equal_streams_in_whatever_order_they_are_read() -> None:
    def everything(seed: int, names: list[str]) -> dict[str, Any]:
        box = Sandbox(seed=seed, rows=60)
        first = {name: box.truth(name) for name in names}
        box.grow(1)
        return {name: (first[name], box.truth(name)) for name in names}

    names = list(STREAMS)
    once, again, other = everything(3, names), everything(3, names[::-1]), everything(4, names)
    assert once == again
    assert all(once[name] != other[name] for name in names)


def test_rows_are_made_only_for_those_who_ask() -> None:
    box = Sandbox(rows=20)
    assert len(box.videsk.of("videsk_queues").rows) == 22
    made = {name for api in box.apis.values() for name in api.streams if api.table_of(name)._rows}
    assert made == {"videsk_calls", "videsk_queues"}
