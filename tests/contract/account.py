"""One stream's account at a running sandbox, and the tap pointed at it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import pytest
from expected_streams import Stream
from support import (
    DAY,
    HOUR,
    JSON,
    SECOND,
    UTC,
    Run,
    Table,
    assert_table_is,
    catalog_of,
    clock_at,
    entry_in,
    root_of,
    run_tap,
    text,
    upserted,
)

from sandbox import Api, Fault, LoggedRequest, Row, Sandbox

#: The month the calls lie in; runs that end in it start five minutes later (`settle_minutes`).
START = datetime(2024, 5, 1, tzinfo=UTC)
MIDDLE = datetime(2024, 5, 20, 12, tzinfo=UTC)
END = datetime(2024, 6, 1, tzinfo=UTC)
#: As often as anybody asks.
FOR_EVER = 100_000

#: What discovery has found, by provider and selected streams: it is the same each time.
_catalogs: dict[tuple[str, tuple[str, ...]], JSON] = {}


class Account:
    """A stream's rows at its provider. What is said of calls here holds of any other rows."""

    def __init__(self, stream: Stream, box: Sandbox) -> None:
        self.stream = stream
        self.name = stream.name
        self.box = box
        self.api: Api = box.apis[stream.api]
        self.handle = self.api.of(stream.name)

    # What the provider has.

    @property
    def rows(self) -> list[Row]:
        """Every call there is."""
        return self.handle.rows

    def add(self, *instants: datetime, **columns: object) -> list[Row]:
        """One call at each of these instants."""
        return self.handle.add_at(*instants, **{**self.stream.columns, **columns})

    def amend(self, row: Row, **columns: object) -> None:
        """Change columns of a call."""
        self.handle.amend(row, **columns)

    def key(self, row: Row) -> tuple[Any, ...]:
        """The primary key of a call."""
        return tuple(row.canonical[name] for name in self.stream.keys)

    def keys(self, rows: list[Row]) -> set[tuple[Any, ...]]:
        """The primary keys of calls."""
        return {self.key(row) for row in rows}

    def truth(self, start: datetime | None = None, end: datetime = END) -> Table:
        """The records of the calls whose time, as the server filters it, is in [start, end)."""
        wanted = [row for row in self.rows if (start is None or start <= row.at) and row.at < end]
        truth, keys = self.handle.truth(), self.keys(wanted)
        return {key: record for key, record in truth.items() if key in keys}

    def assert_exported(
        self, table: Mapping[tuple[Any, ...], JSON], start: datetime = START, end: datetime = END
    ) -> None:
        """A table holds every call of [start, end) as it is, and none from outside.

        Where the server's filter field is not known, calls just beside the ends may come.
        """
        slack = 0 * SECOND if self.stream.filtered else 2 * SECOND
        needed = self.truth(start, end)
        allowed = self.truth(start - slack, end + slack)
        assert needed, "no calls to export: the test shows nothing"
        missing = needed.keys() - table.keys()
        assert not missing, f"{len(missing)} of {len(needed)} calls are lost"
        assert_table_is(table, {key: allowed[key] for key in table if key in allowed})

    def assert_complete(self, *runs: Run) -> None:
        """After these runs a target holds every call as it is; the last of them ended well."""
        table: Table = {}
        for run in runs:
            table = upserted(table, run, self.name)
        assert (runs[-1].code, runs[-1].error) == (0, None), runs[-1].complaints
        assert_table_is(table, self.truth())

    def assert_each_once(self, run: Run) -> None:
        """A run exported every call as it is, and none twice."""
        self.assert_complete(run)
        assert len(run.records(self.name)) == len(self.truth())

    def take_key(self, row: Row) -> None:
        """Let a row lack its key."""
        stream = self.stream
        row.extra_wire = dict(stream.keyless_wire)
        if not stream.keyless_wire:
            self.amend(row, **(stream.keyless or {stream.keys[0]: ""}))

    # What it is asked, and what goes wrong.

    @property
    def requests(self) -> list[LoggedRequest]:
        """Requests so far, logins apart."""
        return [request for request in self.api.requests if "auth/login" not in request.path]

    @property
    def lists(self) -> list[LoggedRequest]:
        """Those of them that are not about a single call."""
        return [r for r in self.requests if not (self.stream.per_call and self.is_meant(r))]

    @property
    def asked(self) -> int:
        """How often the stream's endpoint was asked so far."""
        return sum(map(self.is_meant, self.requests))

    def is_meant(self, request: Any) -> bool:
        """Whether a request is to the stream's endpoint."""
        return bool(re.search(self.stream.path, request.path))

    def trouble(
        self, fault: Fault, skip: int = 0, *, path: str = "", among: Iterable[str] = ()
    ) -> None:
        """Put trouble in the way of requests to the stream's endpoint, the first `skip` spared.

        Args:
            fault: The trouble.
            skip: How many requests are spared.
            path: Pattern of another endpoint's path.
            among: The only paths that are meant.
        """
        pattern, only = re.compile(path or self.stream.path), {*among}
        self.api.faults.add(
            fault,
            skip=skip,
            when=lambda r: bool(pattern.search(r.path)) and (not only or r.path in only),
        )

    def reword(self, change: Callable[[JSON], JSON]) -> list[JSON]:
        """Change every JSON object the stream's endpoint responds with; the objects as sent."""
        serve, sent = self.api.serve, []

        def changed(request: Any) -> Any:
            reply = serve(request)
            body = json.loads(reply.body or "null") if b"{" in reply.body[:1] else None
            if body is not None and reply.status < 300 and self.is_meant(request):
                sent.append(change(body))
                reply.body = json.dumps(sent[-1]).encode()
            return reply

        self.api.serve = changed  # type: ignore[method-assign] # of this one server
        return sent

    # The tap.

    def config(
        self,
        *,
        start: datetime | None = START,
        end: datetime | None = END,
        settings: Mapping[str, Any] | None = None,
        **top: object,
    ) -> JSON:
        """A config with this provider on, and `settings` in its object."""
        ends = {"start_date": start, "end_date": end}
        return {
            self.stream.api: {**self.api.config(), **self.stream.settings, **(settings or {})},
            **{name: value.isoformat() for name, value in ends.items() if value},
            **top,
        }

    def catalog(self, *streams: str) -> JSON:
        """What discovery finds, with these streams selected."""
        known = self.stream.api, streams
        if known not in _catalogs:
            _catalogs[known] = catalog_of(self.config(), streams)
        return copy.deepcopy(_catalogs[known])

    def run(
        self,
        state: JSON | None = None,
        *,
        start: datetime | None = START,
        end: datetime | None = END,
        settings: Mapping[str, Any] | None = None,
        **top: object,
    ) -> Run:
        """One run of the tap with this stream selected."""
        config = self.config(start=start, end=end, settings=settings, **top)
        with clock_at(end):
            return run_tap(config, state=state, catalog=self.catalog(self.name))

    def run_full_table(self, state: JSON | None = None, *, by_metadata: bool = False) -> Run:
        """One run with the catalog forcing FULL_TABLE, in either of the two places it may."""
        catalog = self.catalog(self.name)
        entry = entry_in(catalog, self.name)
        if by_metadata:
            del entry["replication_method"]
            root_of(entry)["forced-replication-method"] = "FULL_TABLE"
        else:
            entry["replication_method"] = "FULL_TABLE"
        return run_tap(self.config(), state=state, catalog=catalog)

    def state(self, bookmark: datetime) -> JSON:
        """A state as a run that ended at `bookmark` leaves it."""
        entry: JSON = {"replication_key": self.stream.time, "replication_key_value": text(bookmark)}
        if self.stream.partition:
            entry = {"partitions": [{"context": dict(self.stream.partition), **entry}]}
        return {"bookmarks": {self.name: entry}}

    def bookmarks(self, run: Run) -> list[str]:
        """The bookmark of every STATE of a run that has one, in order."""
        return [value for state in run.states if (value := self._bookmark(state))]

    def bookmark(self, run: Run) -> str | None:
        """The bookmark in the last STATE of a run."""
        return self._bookmark(run.state)

    def _bookmark(self, state: JSON) -> str | None:
        entry: JSON = state.get("bookmarks", {}).get(self.name, {})
        if self.stream.partition and "partitions" in entry:
            [entry] = entry["partitions"]
            assert entry["context"] == self.stream.partition
        value: str | None = entry.get("replication_key_value")
        return value


@contextmanager
def opened(stream: Stream, *, empty: bool = False) -> Iterator[Account]:
    """An account with some calls from START to END, at a server that runs for this long."""
    days = () if empty else range(1, 31, 3)
    rows = 0 if empty else stream.rows - len(days)
    with Sandbox(seed=5, rows=rows, start=START, end=END) as box:
        account = Account(stream, box)
        for name, value in stream.options.items():
            setattr(cast("Any", account.api).options, name, value)
        account.add(*(START + day * DAY + 10 * HOUR for day in days))
        yield account


def tried(streams: Iterable[Stream], *ways: tuple[object, ...]) -> list[Any]:
    """These streams in each of some ways; one that is like another stream in the last only."""
    return [
        pytest.param(stream, *way, id="-".join(map(str, (stream, *way))))
        for stream in streams
        for way in (ways[-1:] if stream.like else ways)
    ]
