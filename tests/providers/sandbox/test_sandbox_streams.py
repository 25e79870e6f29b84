"""What one can rely on for each of the streams, whatever its provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from expected_streams import BY_NAME, entry_of
from sandbox_shown import expected, shown
from support import assert_listed

from sandbox import Sandbox
from sandbox.instants import UTC, text

if TYPE_CHECKING:
    import requests

    from sandbox import Api

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
#: Each stream with its time.
STREAMS = {name: promise.time for name, promise in BY_NAME.items()}


def _api(box: Sandbox, stream: str) -> Api:
    (api,) = (api for api in box.apis.values() if stream in api.streams)
    return api


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
        promised = [name for name in STREAMS if name.startswith(f"{provider}_")]
        assert_listed(promised, api.streams, f"`keys` in sandbox/{provider}/api.py")
    assert shared.videsk.streams[0] == "videsk_calls"
    for api in shared.apis.values():
        assert api.rows == api.of(api.streams[0]).rows
        with pytest.raises(KeyError):
            api.of("nothing")
        with pytest.raises(KeyError):
            api.truth("nothing")


def test_the_server_shows_the_truth(shared: Sandbox, http: requests.Session, stream: str) -> None:
    truth = expected(shared, stream)
    assert len(truth) >= (5 if stream == "anunzi_unstarted_calls" else 25)
    assert shown(shared, http, stream) == truth


def test_truth_has_the_form_of_records(shared: Sandbox, stream: str) -> None:
    truth = shared.truth(stream)
    assert truth == _api(shared, stream).of(stream).truth()
    column = STREAMS[stream]
    for key, record in truth.items():
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in record)
        assert key == tuple(record[name] for name in _api(shared, stream).keys[stream])
        assert None not in key
        if column:
            assert INSTANT.fullmatch(record[column])
    times = [record[column] for record in truth.values()] if column else []
    if stream != "videsk_appointments":
        assert all(text(shared.start) <= time < text(shared.end) for time in times)


def test_rows_are_made_only_for_those_who_ask() -> None:
    box = Sandbox(rows=20)
    box.videsk.of("videsk_queues").rows  # noqa: B018 - looking is what makes them
    made = {
        name: len(store.table.rows)
        for api in box.apis.values()
        for name, store in api._stores.items()
        if store.table.rows
    }
    assert made == {"videsk_calls": 20, "videsk_queues": 22}


def test_add_at_makes_a_finished_row_at_that_instant(http: requests.Session, stream: str) -> None:
    with Sandbox(rows=0) as box:
        handle = _api(box, stream).of(stream)
        keys = _api(box, stream).keys[stream]
        rows = handle.add_at(NOON, NOON, NOON + timedelta(minutes=1))
        assert [row.at for row in rows] == [row.sort_at for row in rows]
        assert [row.at for row in rows] == [NOON, NOON, NOON + timedelta(minutes=1)]
        assert set(handle.rows) == set(rows)
        named = {tuple(row.canonical[name] for name in keys) for row in rows}
        truth = box.truth(stream)
        assert set(truth) == named
        assert len(named) == 3
        if column := STREAMS[stream]:
            assert sorted(record[column] for record in truth.values())[1] == text(NOON)
        assert shown(box, http, stream) == expected(box, stream)


def test_amend_hide_extend_and_remove(http: requests.Session, stream: str) -> None:
    entry = entry_of(stream)
    with Sandbox(rows=0) as box:
        for name, value in entry.options.items():
            setattr(cast("Any", _api(box, stream)).options, name, value)
        handle = _api(box, stream).of(stream)
        one, two, three = handle.add_at(NOON, NOON, NOON)
        keys = _api(box, stream).keys[stream]
        first, second = (tuple(row.canonical[name] for name in keys) for row in (one, two))
        handle.amend(one, **entry.changes)
        record = box.truth(stream)[first]
        assert {name: record[name] for name in entry.changes} == entry.changes
        assert shown(box, http, stream) == expected(box, stream)
        two.visible = False
        handle.remove(three)
        assert handle.rows == [one, two]
        assert set(handle.truth()) == set(shown(box, http, stream)) == {first}
        two.visible = True
        assert set(shown(box, http, stream)) == {first, second}


def test_add_makes_rows_of_a_period(stream: str) -> None:
    box = Sandbox(rows=0)
    rows = _api(box, stream).of(stream).add(20, NOON, NOON + timedelta(days=1))
    assert len(rows) == 20
    assert all(NOON <= row.at < NOON + timedelta(days=1) for row in rows)


def test_growth_reaches_every_stream(http: requests.Session, stream: str) -> None:
    with Sandbox(rows=200) as box:
        api, old_end = _api(box, stream), box.end
        before = box.truth(stream)
        done = box.grow(5, old_end + timedelta(days=2))
        after = box.truth(stream)
        assert before.keys() <= after.keys()
        changed = [key for key in before if after[key] != before[key]]
        new = [after[key] for key in after.keys() - before.keys()]
        assert api.grown[stream] == {"added": len(new), "changed": len(changed)}
        for kind, count in done[api.name].items():
            assert count == sum(counts[kind] for counts in api.grown.values())
        assert (new and changed) or stream == "anunzi_unstarted_calls"
        assert shown(box, http, stream) == expected(box, stream)
        recent = old_end - timedelta(hours=20, minutes=10)
        column = STREAMS[stream]
        if column and stream != "videsk_appointments":
            times = [record[column] for record in new] + [after[key][column] for key in changed]
            assert text(recent) <= min(times) <= max(times) < text(box.end)


def test_some_rows_come_late() -> None:
    late: dict[str, int] = {}
    box = Sandbox(rows=400)
    before = {name: box.truth(name) for name in STREAMS}
    old_end = text(box.end)
    box.grow(1)
    for name, column in STREAMS.items():
        if column:
            new = [one for key, one in box.truth(name).items() if key not in before[name]]
            late[name] = sum(one[column] < old_end for one in new)
    assert min(late.values()) > 0, late


def test_equal_seeds_give_equal_streams() -> None:
    def everything(seed: int) -> dict[str, Any]:
        box = Sandbox(seed=seed, rows=60)
        names = sorted(STREAMS) if seed == 3 else sorted(STREAMS, reverse=True)
        first = {name: box.truth(name) for name in names}
        box.grow(1)
        return {name: (first[name], box.truth(name)) for name in names}

    once, again, other = everything(3), everything(3), everything(4)
    assert once == again
    assert all(once[name] != other[name] for name in STREAMS)


def test_the_order_of_looking_does_not_matter() -> None:
    def everything(names: list[str]) -> dict[str, Any]:
        box = Sandbox(rows=60)
        return {name: box.truth(name) for name in names}

    assert everything(list(STREAMS)) == everything(list(STREAMS)[::-1])
