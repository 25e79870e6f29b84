"""Streams that ask call by call: in order, side by side, and only for calls that are over."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from detail_streams import ANUNZI, EACH, HOUR, NOON, Details
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
    failure,
    with_columns,
)
from support import Run, assert_table_is, clock_at, run_tap, upserted

from sandbox import Fault


def _output(run: Run) -> list[Any]:
    """Records and states in their order, without the time they were extracted at."""
    return [line.get("record") or line.get("value") for line in run.lines]


@EACH
def test_the_output_is_the_same_however_many_calls_are_asked_for_at_once(kind: Details) -> None:
    outputs, most = [], []
    for workers in (1, 4, 8):
        with empty_sandbox() as box:
            kind.add(box, 40, 9 * HOUR)
            api = kind.of(box)
            # Some answers are slow: later ones are there before them.
            api.faults.add(Fault("slow", seconds=0.03, times=10**9, every=3), kind.one)
            with clock_at(box.end):
                run = kind.run(box, max_concurrency=workers)
            assert_complete(run, api, kind.stream)
            assert_each_once(run, kind.stream)
            outputs.append(_output(run))
            most.append((workers, api.most_in_flight))
    assert outputs[0] == outputs[1] == outputs[2]
    assert all(seen <= workers for workers, seen in most), most
    assert most[2][1] > 1


@EACH
def test_each_call_is_asked_for_once_in_the_order_of_the_list(kind: Details) -> None:
    with empty_sandbox() as box:
        kind.add(box, 12)
        kind.run(box, max_concurrency=1)
        requests = [request.path for request in asked(kind.of(box), kind.one)]
    assert len(requests) == len(set(requests)) == 12


@pytest.mark.covers(82, 83)
@EACH
def test_a_call_that_is_not_over_comes_when_it_is(
    kind: Details, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box, caplog.at_level(logging.INFO):
        api = kind.of(box)
        kind.add(box, 3)
        (row,) = api.add_at(NOON + HOUR, **kind.open)
        with clock_at(NOON + 2 * HOUR):
            first = kind.run(box, end_date="2024-05-09T14:00:00Z")
        assert_complete(first, api, kind.stream)
        assert not asked(api, kind.path.format(kind.id_of(row)))
        (line,) = (line for line in caplog.messages if "unfinished" in line)
        assert f"{kind.api}.details_lookback_hours" in line

        api.amend(row, **kind.over)
        second = kind.run(box, state=first.state, end_date="2024-05-09T15:00:00Z")
        # Without a look back it would be lost: the bookmark is behind its start.
        late = kind.run(box, state=first.state, details_lookback_hours=0)
    assert second.code == late.code == 0
    table = upserted(first.table(kind.stream), second, kind.stream)
    assert_table_is(table, api.truth(kind.stream))
    assert late.records(kind.stream) == []
    assert kind.id_of(row) in {str(record[kind.call]) for record in second.records(kind.stream)}


@EACH
def test_a_restart_from_any_state_covers_the_rest(kind: Details) -> None:
    with empty_sandbox() as box:
        kind.add(box, 50, 9 * HOUR)
        api = kind.of(box)
        run = kind.run(box, max_concurrency=4)
        assert_complete(run, api, kind.stream)
        cuts = [number for number, line in enumerate(run.lines) if line["type"] == "STATE"]
        assert len(cuts) > 3
        for cut in cuts:
            before = Run(0, run.lines[: cut + 1])
            rest = kind.run(box, state=before.state)
            assert rest.code == 0
            table = upserted(before.table(kind.stream), rest, kind.stream)
            assert_table_is(table, api.truth(kind.stream))


@EACH
def test_a_list_that_has_to_be_asked_in_halves_gives_every_call_once(kind: Details) -> None:
    with empty_sandbox() as box:
        kind.add(box, 30)
        fault = Fault("status", status=504, times=4)
        kind.of(box).faults.add(fault, kind.listed, when=lambda r: kind.one not in r.path)
        run = kind.run(box)
    assert_complete(run, kind.of(box), kind.stream)
    assert_each_once(run, kind.stream)


@EACH
def test_a_list_that_is_forbidden_names_the_stream_that_was_selected(kind: Details) -> None:
    with empty_sandbox() as box:
        fault = Fault("status", status=403, times=9)
        kind.of(box).faults.add(fault, kind.listed)
        run = kind.run(box)
    assert f'select "!{kind.stream}.*"' in failure(run, kind.stream)


@EACH
def test_deselected_columns_are_absent_and_all_else_is_as_before(kind: Details) -> None:
    kept = "transcript" if kind is ANUNZI else "content"
    with empty_sandbox() as box:
        api = kind.of(box)
        kind.add(box, 12)
        api.add_at(NOON + 5 * HOUR, **kind.open)
        whole = kind.run(box)
        run = export(api, catalog=with_columns(api, kind.stream, kept))
    assert run.code == 0
    columns = [kept, *api.keys[kind.stream]]
    assert whole.records(kind.stream)
    assert [{name: record[name] for name in columns} for record in run.records(kind.stream)] == [
        {name: record[name] for name in columns} for record in whole.records(kind.stream)
    ]
    assert all(kind.status not in record for record in run.records(kind.stream))
    assert run.bookmark(kind.stream) == whole.bookmark(kind.stream)


@EACH
def test_it_is_listed_but_not_read_unless_it_is_selected(kind: Details) -> None:
    with empty_sandbox() as box:
        kind.add(box, 5)
        api = kind.of(box)
        config = {
            api.name: api.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"
        }  # fmt: skip
        unasked = run_tap(config)
        assert not asked(api, kind.one)
        selected = kind.run(box)
    assert unasked.code == 0
    assert kind.stream not in {line.get("stream") for line in unasked.lines}
    assert unasked.tap is not None
    (entry,) = (
        entry for entry in unasked.tap.catalog_dict["streams"]
        if entry["tap_stream_id"] == kind.stream
    )  # fmt: skip
    (root,) = (part["metadata"] for part in entry["metadata"] if not part["breadcrumb"])
    assert root["selected-by-default"] is False
    assert_complete(selected, api, kind.stream)
