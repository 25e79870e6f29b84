"""What the provider tests share: runs against one provider of the sandbox, and how they ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from support import JSON, Run, Table, assert_table_is, catalog_of, entry_in, failure, run_tap, text

from sandbox import Api, Fault, LoggedRequest, Row, Sandbox

#: No honest test needs more requests; a run that never ends is refused from here on.
MOST_REQUESTS = 3000
FOR_EVER = 10**9


def empty_sandbox(seed: int = 1) -> Sandbox:
    """The providers' APIs without a single call."""
    return Sandbox(seed=seed, rows=0)


def export(
    api: Api,
    *,
    streams: Iterable[str] | None = None,
    state: JSON | None = None,
    catalog: JSON | None = None,
    start_date: str = "2024-05-01",
    end_date: str | None = "2024-06-01",
    **settings: object,
) -> Run:
    """One run of one provider over May 2024, with these settings changed (None: left out).

    Reads the provider's calls, unless `streams` or a `catalog` names others.
    """
    if streams is None and catalog is None:
        streams = api.streams[:1]
    api.faults.add(Fault("status", status=403, times=FOR_EVER), skip=MOST_REQUESTS)
    chosen = {**api.config(), **settings}
    config = {
        "start_date": start_date,
        "end_date": end_date,
        api.name: {name: value for name, value in chosen.items() if value is not None},
    }
    return run_tap(config, streams=streams, state=state, catalog=catalog)


def with_columns(api: Api, stream: str, *columns: str) -> JSON:
    """A catalog in which only these columns of a stream are selected, and its keys."""
    catalog = catalog_of({api.name: api.config()}, [stream])
    for part in entry_in(catalog, stream)["metadata"]:
        if part["breadcrumb"] and part["metadata"].get("inclusion") != "automatic":
            part["metadata"]["selected"] = part["breadcrumb"][-1] in columns
    return catalog


def truth_where(api: Api, stream: str, wanted: Callable[[JSON], bool]) -> Table:
    """The records of a stream that meet a condition; there must be some, and others."""
    truth = api.truth(stream)
    found = {key: record for key, record in truth.items() if wanted(record)}
    assert 0 < len(found) < len(truth)
    return found


def assert_complete(run: Run, api: Api, *streams: str, truth: Table | None = None) -> None:
    """The run ended well, and what it exported is the truth, each key once.

    Args:
        run: The run.
        api: The provider.
        streams: The provider's calls, unless others are named.
        truth: What the stream should hold, where that is not all there is.
    """
    assert run.code == 0, run.complaints
    for stream in streams or api.streams[:1]:
        table = run.table(stream)
        assert_table_is(table, api.truth(stream) if truth is None else truth)
        assert len(run.records(stream)) == len(table), "a key came twice"


def assert_safe(run: Run, api: Api, stream: str) -> None:
    """Everything the provider places before the bookmark has been handed over."""
    bookmark, table, truth = run.bookmark(stream) or "", run.table(stream), api.truth(stream)
    keys = [
        tuple(row.canonical[name] for name in api.keys[stream])
        for row in api.of(stream).rows
        if text(row.at) < bookmark
    ]
    lost = [key for key in keys if key in truth and key not in table]
    assert not lost, f"{len(lost)} rows before the bookmark {bookmark} are lost: {lost[:5]}"


def assert_complete_or_loud(run: Run, api: Api, stream: str = "") -> None:
    """Never a short table in silence: complete, or failed with a line and a safe bookmark."""
    stream = stream or api.streams[0]
    if run.code == 0:
        assert_table_is(run.table(stream), api.truth(stream))
    else:
        assert failure(run, stream)
        assert_safe(run, api, stream)


def busiest_second(api: Api, stream: str = "") -> int:
    """The most rows that share one second; of the provider's calls, unless a stream is named."""
    rows: list[Row] = api.of(stream or api.streams[0]).rows
    return max(Counter(text(row.sort_at)[:19] for row in rows).values())


def asked(api: Api, path: str = "") -> list[LoggedRequest]:
    """The requests whose path contains this, oldest first."""
    return [request for request in api.requests if path in request.path]


def answer_with(api: Api, path: str, body: Any) -> None:
    """From now on every request of a path is answered 200 with this body."""
    api.faults.add(Fault("error_object", times=FOR_EVER, body=json.dumps(body)), path)


def after_requests(api: Api, count: int, path: str, then: Callable[[], object]) -> None:
    """Call `then` when the request after the first `count` ones of a path comes in."""
    seen = 0

    def listen(_: object) -> bool:
        nonlocal seen
        seen += 1
        if seen == count + 1:
            then()
        return False

    api.faults.add(Fault("slow"), path, when=listen)
