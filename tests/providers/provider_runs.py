"""What the provider tests share: runs against one provider of the sandbox, and how they ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from support import JSON, Run, assert_table_is, run_tap

from sandbox import Fault, Sandbox
from sandbox.instants import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from sandbox.api import Api
    from sandbox.http import LoggedRequest, Request

#: No honest test needs more requests; a run that never ends is refused from here on.
MOST_REQUESTS = 3000

_KEYS = {"videsk_calls": "id", "burki_calls": "id"}


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
    end_date: str = "2024-06-01",
    **settings: object,
) -> Run:
    """One run of one provider over May 2024, with these settings changed (None: left out)."""
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
    bookmark, table = run.bookmark(stream) or "", run.table(stream)
    key = _KEYS.get(stream, "call_id")
    lost = [
        row.canonical[key]
        for row in api.rows
        if text(row.at) < bookmark and (row.canonical[key],) not in table
    ]
    assert not lost, f"{len(lost)} rows before the bookmark {bookmark} are lost: {lost[:5]}"


def assert_complete_or_loud(run: Run, api: Api, stream: str) -> None:
    """Never a short table in silence: complete, or failed with a line and a safe bookmark."""
    if run.code == 0:
        assert_complete(run, api, stream)
        return
    assert failure(run, stream)
    assert_safe(run, api, stream)


def busiest_second(api: Api) -> int:
    """The most rows that share one second."""
    return max(Counter(text(row.sort_at)[:19] for row in api.rows).values())


def asked(api: Api, path: str = "") -> list[LoggedRequest]:
    """The requests whose path contains this, oldest first."""
    return [request for request in api.requests if path in request.path]


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
