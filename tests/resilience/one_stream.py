"""One stream of one provider over May, run without sockets, and what has to be true afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inprocess import Place, Ran, opened
from support import JSON, assert_table_is

from sandbox.instants import UTC, text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

START, END = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC)
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def provider_of(stream: str) -> str:
    """The provider a stream is of."""
    return stream.split("_", 1)[0]


def empty(stream: str, *, window_rows: int | None = None) -> AbstractContextManager[Place]:
    """The provider of a stream, without a call, at the end of May."""
    provider = provider_of(stream)
    return opened(provider, END, seed=1, rows=0, start=START, window_rows=window_rows)


def options(place: Place) -> Any:
    """How the server behaves; each provider has its own."""
    return place.api.options  # type: ignore[attr-defined] # each provider has its own


def run(place: Place, stream: str, state: JSON | None = None, **settings: object) -> Ran:
    """One run over May."""
    config = {
        place.api.name: {**place.api.config(), **settings},
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    }
    return place.run(config, streams=(stream,), state=state)


def assert_complete(ran: Ran, place: Place, stream: str) -> None:
    """It ended well, its table is the truth, and no row came twice."""
    assert ran.code == 0, ran.complaints
    assert_table_is(ran.table(stream), place.api.truth(stream))
    assert len(ran.records(stream)) == len(ran.table(stream))


def assert_safe(ran: Ran, place: Place, stream: str) -> None:
    """All that the provider places before the bookmark has come."""
    bookmark, table, keys = ran.bookmark(stream) or "", ran.table(stream), place.api.keys[stream]
    due = [row for row in place.api.of(stream).rows if row.visible and text(row.at) < bookmark]
    lost = [row.at for row in due if tuple(row.canonical[key] for key in keys) not in table]
    assert not lost, f"{len(lost)} rows before the bookmark {bookmark} are lost: {lost[:5]}"
