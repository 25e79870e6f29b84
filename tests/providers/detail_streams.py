"""The streams that ask call by call, as the tests that hold for all of them know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from provider_runs import export

from sandbox import Fault
from sandbox.instants import UTC
from tap_callexports.compat import override

if TYPE_CHECKING:
    from support import Run

    from sandbox import Api, Row, Sandbox

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class Details:
    """A stream that asks call by call.

    Attributes:
        stream: The stream.
        api: The provider.
        listed: Path of the list.
        path: Path of one call, `{}` for its id.
        one: Part of it that no other path has.
        key: Column of the provider's calls that holds the id.
        call: Column of this stream that holds it.
        setting: What a wrong path is blamed on.
        status: Column that says how far a call is.
        open: Columns of a call that is not over.
        over: What changes in them when it is.
    """

    stream: str
    api: str
    listed: str
    path: str
    one: str
    key: str
    call: str
    setting: str
    status: str
    open: dict[str, Any]
    over: dict[str, Any]

    @override
    def __str__(self) -> str:
        return self.stream

    def of(self, box: Sandbox) -> Api:
        """The provider in a sandbox."""
        return box.apis[self.api]

    def id_of(self, row: Row) -> str:
        """The id of a provider's call, as a path holds it."""
        return str(row.canonical[self.key])

    def add(self, box: Sandbox, count: int, step: timedelta = 7 * MINUTE) -> list[Row]:
        """Calls that are over, one each `step` from NOON on."""
        return self.of(box).add_at(*[NOON + number * step for number in range(count)])

    def run(self, box: Sandbox, **changes: Any) -> Run:
        """One run of the stream."""
        return export(self.of(box), **{"streams": [self.stream], **changes})

    def refuse(self, box: Sandbox, rows: list[Row], status: int) -> None:
        """From now on these calls are not found."""
        for row in rows:
            fault = Fault("status", status=status, times=10**9)
            self.of(box).faults.add(fault, self.path.format(self.id_of(row)))


ANUNZI = Details(
    "anunzi_call_details",
    "anunzi",
    "/v3/list-calls",
    "/v2/get-call/{}",
    "/get-call/",
    "call_id",
    "call_id",
    "anunzi.call_details_path",
    "call_status",
    open={"call_status": "ongoing", "end_timestamp": None},
    over={"call_status": "ended", "end_timestamp": NOON + HOUR},
)
BURKI = Details(
    "burki_call_transcripts",
    "burki",
    "/api/v1/calls/",
    "/api/v1/calls/{}/transcripts",
    "/transcripts",
    "id",
    "call_id",
    "burki.api_url",
    "status",
    open={"status": "ongoing", "ended_at": None, "duration": None},
    over={"status": "completed", "ended_at": NOON + HOUR, "duration": 60},
)
KINDS = (ANUNZI, BURKI)
EACH = pytest.mark.parametrize("kind", KINDS, ids=str)
