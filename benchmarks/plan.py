"""What a benchmark server holds, and when those calls were. Pure, the same from the same seed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECOND_MS = 1000

Provider = Literal["anunzi", "burki", "videsk"]


@dataclass(frozen=True)
class Plan:
    """A server and its rows.

    Attributes:
        provider: Whose API it serves.
        rows: How many calls there are.
        days: Over how many days, from `begin` on.
        begin: First instant, epoch milliseconds; the first call is at or soon after it.
        cap: Most rows of a Videsk answer.
        latency: Seconds every answer takes longer than it has to.
    """

    provider: Provider
    rows: int
    days: int
    begin: int = 1_704_067_200_000
    cap: int = 5000
    latency: float = 0.0

    @property
    def start(self) -> datetime:
        """First instant."""
        return EPOCH + self.begin * MILLISECOND

    @property
    def end(self) -> datetime:
        """First instant behind the rows."""
        return self.start + timedelta(days=self.days)

    def of_rows(self, rows: int) -> Plan:
        """As dense, but with another number of rows, in whole days."""
        return replace(self, rows=rows, days=max(1, self.days * rows // self.rows))

    def times(self) -> list[int]:
        """When the calls started: sorted epoch milliseconds, whole seconds at Videsk."""
        span = int(timedelta(days=self.days) / MILLISECOND)
        times = [self.begin + number * span // self.rows for number in range(self.rows)]
        if self.provider == "videsk":
            return [time // SECOND_MS * SECOND_MS for time in times]
        return times

    def ids(self) -> Iterator[str | int]:
        """Id of every call, in the order of time."""
        return (self.id_of(number, time) for number, time in enumerate(self.times()))

    def id_of(self, number: int, time: int) -> str | int:
        """Id of a call, by its place in time."""
        if self.provider == "burki":
            return number + 1
        if self.provider == "videsk":
            # The id of a document begins with the second it was made in.
            return f"{time // SECOND_MS:08x}{number:016x}"
        return f"call_{number:027x}"

    def to_json(self) -> str:
        """As text, to hand to another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The reverse of `to_json`."""
        return cls(**json.loads(text))
