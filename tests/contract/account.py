"""One stream's account at a running sandbox, and the tap pointed at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

from support import JSON, Run, assert_table_is, catalog_of, run_tap

from sandbox import Sandbox

if TYPE_CHECKING:
    from streams import Stream

    from sandbox.api import Api
    from sandbox.http import LoggedRequest
    from sandbox.table import Row

Table = dict[tuple[Any, ...], JSON]

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
#: The month the calls lie in; `end_date` plays the clock.
START = datetime(2024, 5, 1, tzinfo=timezone.utc)
MIDDLE = datetime(2024, 5, 20, 12, tzinfo=timezone.utc)
END = datetime(2024, 6, 1, tzinfo=timezone.utc)


def text(instant: datetime) -> str:
    """An instant as records and bookmarks hold it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(bookmark: str) -> datetime:
    """The reverse of `text`."""
    return datetime.fromisoformat(bookmark.replace("Z", "+00:00"))


class Account:
    """A stream's calls at its provider."""

    def __init__(self, stream: Stream, box: Sandbox) -> None:
        self.stream = stream
        self.name = stream.name
        self.box = box
        self.api: Api = box.apis[stream.api]

    # What the provider has.

    def add(self, *instants: datetime, **columns: object) -> list[Row]:
        """One call at each of these instants."""
        return self.api.add_at(*instants, **{**self.stream.columns, **columns})

    def key(self, row: Row) -> tuple[Any, ...]:
        """The primary key of a call."""
        return tuple(row.canonical[name] for name in self.stream.keys)

    def keys(self, rows: list[Row]) -> set[tuple[Any, ...]]:
        """The primary keys of calls."""
        return {self.key(row) for row in rows}

    def truth(self, start: datetime | None = None, end: datetime | None = None) -> Table:
        """The records of the calls whose time, as the server filters it, is in [start, end)."""
        wanted = [
            row
            for row in self.api.rows
            if (start is None or start <= row.at) and (end is None or row.at < end)
        ]
        truth, keys = self.api.truth(self.name), self.keys(wanted)
        return {key: record for key, record in truth.items() if key in keys}

    def assert_exported(
        self, table: Mapping[tuple[Any, ...], JSON], start: datetime = START, end: datetime = END
    ) -> None:
        """A table holds every call of [start, end) as it is, and none from outside.

        Where the server's filter field is not known, calls just beside the ends may come.
        """
        slack = timedelta() if self.stream.filtered else 2 * SECOND
        needed = self.truth(start, end)
        allowed = self.truth(start - slack, end + slack)
        assert needed, "no calls to export: the test shows nothing"
        missing = needed.keys() - table.keys()
        assert not missing, f"{len(missing)} of {len(needed)} calls are lost"
        assert_table_is(table, {key: allowed[key] for key in table if key in allowed})

    @property
    def requests(self) -> list[LoggedRequest]:
        """Requests so far, logins apart."""
        return [request for request in self.api.requests if "auth/login" not in request.path]

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
        return run_tap(config, state=state, streams=[self.name])

    def run_full_table(self, state: JSON | None = None, *, by_metadata: bool = False) -> Run:
        """One run with the catalog forcing FULL_TABLE, in either of the two places it may."""
        catalog = catalog_of(self.config(), [self.name])
        for entry in catalog["streams"]:
            if by_metadata:
                del entry["replication_method"]
                [root] = [part for part in entry["metadata"] if not part["breadcrumb"]]
                root["metadata"]["forced-replication-method"] = "FULL_TABLE"
            else:
                entry["replication_method"] = "FULL_TABLE"
        return run_tap(self.config(), state=state, catalog=catalog)

    def state(self, bookmark: datetime) -> JSON:
        """A state as a run that ended at `bookmark` leaves it."""
        value = {"replication_key": self.stream.time, "replication_key_value": text(bookmark)}
        return {"bookmarks": {self.name: value}}

    def bookmarks(self, run: Run) -> list[str]:
        """The bookmark of every STATE of a run that has one, in order."""
        entries = [state["bookmarks"].get(self.name, {}) for state in run.states]
        return [
            entry["replication_key_value"] for entry in entries if "replication_key_value" in entry
        ]


@contextmanager
def opened(stream: Stream, rows: int = 40) -> Iterator[Account]:
    """An account with some `rows` calls from START to END, at a server that runs for this long."""
    with Sandbox(seed=5, rows=rows, start=START, end=END) as box:
        account = Account(stream, box)
        for name, value in stream.options.items():
            setattr(cast("Any", account.api).options, name, value)
        if rows:
            account.add(*(START + day * DAY + 10 * HOUR for day in range(1, 31, 3)))
        yield account
