"""The table of all calls: what providers need to work its rows out of their own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

#: A row of the table.
Call = dict[str, Any]
COLUMNS = (
    "provider",
    "call_id",
    "direction",
    "started_at",
    "ended_at",
    "duration_seconds",
    "waited_seconds",
    "status",
    "raw_status",
    "disconnection_reason",
    "agent",
    "customer_number",
    "from_number",
    "to_number",
    "sentiment",
    "raw_sentiment",
    "cost",
    "currency",
    "recording",
    "transcript_table",
    "source_table",
)
_BLANK: Call = dict.fromkeys(COLUMNS)
_SENTIMENTS = ("positive", "neutral", "negative", "unknown")


class Sparse(dict[str, Any]):
    """A record: what it does not name is unknown."""

    def __missing__(self, key: str) -> None:
        return None


#: Records by stream.
Rows = Mapping[str, list[Sparse]]


def call(stream: str, row: Sparse, same: str, **columns: Any) -> Call:  # noqa: ANN401 - any value
    """A row of the table, from a record of a stream; the provider is in the stream's name.

    `same` names the columns that are the record's: `direction started_at=start_time`; of
    `agent=agent_name|agent_id` the first one that is there. The others are given.
    """
    taken: Call = {}
    for name, _, theirs in (each.partition("=") for each in same.split()):
        values = [row[other] for other in (theirs or name).split("|")]
        taken[name] = next(filter(None, values), values[-1])
    word = columns.get("raw_sentiment") or taken.get("raw_sentiment")
    felt = word.lower() if word else None
    sentiment = felt if felt is None or felt in _SENTIMENTS else "other"
    provider = stream.partition("_")[0]
    named = {"provider": provider, "source_table": stream, "sentiment": sentiment}
    return {**_BLANK, **taken, **columns, **named}


def best(
    rows: Rows, streams: tuple[str, ...], key: str, status: str, unfinished: tuple[str, ...]
) -> Iterator[tuple[str, Sparse]]:
    """Each call once, with its stream: a row that knows the call's end, else from the first."""
    found: dict[Any, tuple[str, Sparse]] = {}
    for stream in streams:
        for row in rows[stream]:
            known = found.get(row[key])
            ended = row[status] not in unfinished
            if known is None or (ended and known[1][status] in unfinished):
                found[row[key]] = stream, row
    yield from found.values()


def times(amount: float | None, factor: int | str = 1) -> Decimal | None:
    """An exact product: what the provider has written, not what a float makes of it."""
    return None if amount is None else Decimal(str(amount)) * Decimal(factor)


def statuses(**words: str) -> dict[str, str]:
    """The status of the table for each of a provider's words, which are parted by spaces."""
    return {word: status for status, given in words.items() for word in given.split()}
