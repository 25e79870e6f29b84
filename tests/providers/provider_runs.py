"""What the provider tests share: runs against one provider of the sandbox, and how they ended."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from support import JSON, Run, assert_table_is, catalog_of, run_tap

from sandbox import Fault, Sandbox
from sandbox.instants import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from sandbox import Api, Row
    from sandbox.http import LoggedRequest, Request

#: No honest test needs more requests; a run that never ends is refused from here on.
MOST_REQUESTS = 3000


def empty_sandbox(seed: int = 1) -> Sandbox:
    """The four APIs without a single call."""
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
    api.faults.add(Fault("status", status=403, times=10**9), skip=MOST_REQUESTS)
    chosen = {**api.config(), **settings}
    return run_tap(
        {
            "start_date": start_date,
            "end_date": end_date,
            api.name: {name: value for name, value in chosen.items() if value is not None},
        },
        streams=streams,
        state=state,
        catalog=catalog,
    )


def with_columns(api: Api, stream: str, *columns: str) -> JSON:
    """A catalog in which only these columns of a stream are selected, and its keys."""
    catalog = catalog_of({api.name: api.config()}, [stream])
    (entry,) = (entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream)
    for part in entry["metadata"]:
        if part["breadcrumb"] and part["metadata"].get("inclusion") != "automatic":
            part["metadata"]["selected"] = part["breadcrumb"][-1] in columns
    return catalog


def why(run: Run) -> str:
    """Everything a run complained about, in one line."""
    failures = run.tap.failures if run.tap else {}
    return "; ".join([str(run.error or ""), *map(str, failures.values())])


def assert_complete(run: Run, api: Api, stream: str) -> None:
    """The run ended well, and its table is the truth."""
    assert run.code == 0, why(run)
    assert_table_is(run.table(stream), api.truth(stream))


def assert_each_once(run: Run, stream: str) -> None:
    """No key came twice in one run."""
    records = run.records(stream)
    assert len(records) == len(run.table(stream))


def failure(run: Run, stream: str) -> str:
    """The one line that says why a stream is not complete."""
    assert run.code == 1
    assert run.tap is not None
    line = str(run.tap.failures[stream])
    assert line
    assert "\n" not in line
    return line


def assert_safe(run: Run, api: Api, stream: str) -> None:
    """Everything the provider places before the bookmark has been handed over."""
    bookmark, table, truth = run.bookmark(stream) or "", run.table(stream), api.truth(stream)
    keys = [key_of(api, stream, row) for row in api.of(stream).rows if text(row.at) < bookmark]
    lost = [key for key in keys if key in truth and key not in table]
    assert not lost, f"{len(lost)} rows before the bookmark {bookmark} are lost: {lost[:5]}"


def key_of(api: Api, stream: str, row: Row) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(row.canonical[name] for name in api.keys[stream])


def assert_complete_or_loud(run: Run, api: Api, stream: str) -> None:
    """Never a short table in silence: complete, or failed with a line and a safe bookmark."""
    if run.code == 0:
        assert_complete(run, api, stream)
        return
    assert failure(run, stream)
    assert_safe(run, api, stream)


def busiest_second(api: Api, stream: str = "") -> int:
    """The most rows that share one second; of the provider's calls, unless a stream is named."""
    rows = api.of(stream or api.streams[0]).rows
    return max(Counter(text(row.sort_at)[:19] for row in rows).values())


def asked(api: Api, path: str = "") -> list[LoggedRequest]:
    """The requests whose path contains this, oldest first."""
    return [request for request in api.requests if path in request.path]


def answer_with(api: Api, path: str, body: JSON | list[JSON]) -> None:
    """From now on every request of a path is answered 200 with this body."""
    api.faults.add(Fault("error_object", times=10**9, body=json.dumps(body)), path)


def after_requests(api: Api, count: int, path: str, then: Callable[[], None]) -> None:
    """Call `then` when the request after the first `count` ones of a path comes in."""
    seen = 0

    def listen(_: Request) -> bool:
        nonlocal seen
        seen += 1
        if seen == count + 1:
            then()
        return False

    api.faults.add(Fault("slow"), path, when=listen)


def partition_bookmarks(run: Run, stream: str) -> dict[str, str]:
    """The bookmark of each form or survey in the last STATE, by its id."""
    partitions = run.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
    return {
        definition: partition["replication_key_value"]
        for partition in partitions
        for definition in partition["context"].values()
        if "replication_key_value" in partition
    }


def warnings_in(caplog: pytest.LogCaptureFixture, about: str = "") -> list[str]:
    """The warnings that contain a text."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and about in record.getMessage()
    ]


def shifted(
    truth: dict[tuple[Any, ...], JSON], column: str, move: Callable[[str], str]
) -> dict[tuple[Any, ...], JSON]:
    """A truth with one column of each record changed."""
    return {key: {**record, column: move(record[column])} for key, record in truth.items()}
