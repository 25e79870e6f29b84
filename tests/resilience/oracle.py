"""What a target holds, and what it has to hold. Shares no code with the tap.

A ledger notes every version of every record a server ever had. A record is owed from the moment
it appears or changes, unless that happens further back than any run would look. Tables hold which
version came last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from expected_streams import STREAMS, entry_of
from support import JSON, Run

from sandbox import Api, Row

Key = tuple[Any, ...]
#: Which partition of a stream; "" where there is only one.
Part = str
#: Which version of a record is the last one that came.
Table = dict[Key, int]
LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MADE_BY_THE_SECOND = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Facts:
    """What the contract says of a stream.

    Attributes:
        partition: The column that says which partition a record is of.
        timed: Whether it is read by time; else it is read whole in each run.
        lookback: How far before `as_of` each run reads.
        ahead: How far after the cutoff it reads, where no `end_date` is set.
        also: A stream whose records may come with it, where the server does not filter.
    """

    partition: str = ""
    timed: bool = True
    lookback: timedelta = timedelta()
    ahead: timedelta = timedelta()
    also: str = ""


def facts_of(stream: str, settings: JSON) -> Facts:
    """What the contract says of a stream under these settings."""
    entry = entry_of(stream)
    ahead = timedelta(days=settings[entry.ahead] if entry.ahead else 0)
    untimed = (
        other.name
        for other in STREAMS
        if entry.time and not other.time and (other.api, other.path) == (entry.api, entry.path)
    )
    return Facts(
        partition=next(iter(entry.partition), ""),
        timed=entry.time is not None,
        lookback=max(timedelta(hours=settings[entry.lookback]), ahead),
        ahead=ahead,
        also=next(untimed, ""),
    )


@dataclass(frozen=True)
class Problem:
    """Something no run may do: lost, invented, unsafe, or broken in another way."""

    kind: str
    text: str


class Ledger:
    """Every version of every record of one stream."""

    def __init__(self, api: Api, stream: str, facts: Facts) -> None:
        self.stream, self.facts = stream, facts
        self._api = api
        self._handle = api.of(stream)
        self._versions: dict[Key, list[JSON]] = {}
        self._changed: dict[Key, int] = {}
        self._new: set[Key] = set()
        self.at: dict[Key, datetime] = {}
        #: The oldest version of each record that a complete table may hold.
        self.owed: Table = {}
        self.there: set[Key] = set()
        #: What was gone for a while, or got another time, since a judge last asked.
        self.gone: set[Key] = set()

    @property
    def none_found(self) -> bool:
        """Whether each call that the last run asked for was gone: then the bookmark stays."""
        entry, requests = entry_of(self.stream), self._api.requests
        # The last response counts: an earlier one may not have arrived.
        last = {r.path: r.status for r in requests if re.search(entry.path, r.path)}
        statuses = set(last.values())
        return entry.per_call and bool(statuses & {404, 422}) and 200 not in statuses

    def look(self) -> None:
        """Note what the server has now."""
        truth, keys = self._api.truth(self.stream), self._api.keys[self.stream]
        for row in self._handle.rows:
            key, at = tuple(row.canonical[name] for name in keys), self._filtered_by(row)
            if self.at.get(key, at) != at:
                # It is gone from where it was, and new where it is.
                self.gone.add(key)
                self._new.add(key)
            self.at[key] = at
        for key, record in truth.items():
            value = {name: part for name, part in record.items() if part is not None}
            versions = self._versions.setdefault(key, [])
            if key not in self.there:
                self._new.add(key)
            if not versions or versions[-1] != value:
                versions.append(value)
            elif key in self.there:
                continue
            self._changed[key] = len(versions) - 1
        self.gone |= self.there - set(truth)
        self.there = set(truth)
        if self.facts.also:
            for key, record in self._api.truth(self.facts.also).items():
                value = {name: part for name, part in record.items() if part is not None}
                self._versions.setdefault(key, []).append(value)

    def owe(self, starts: Mapping[Part, datetime]) -> None:
        """Decide what of the changes so far every later run has to deliver."""
        for key, version in self._changed.items():
            start = starts.get(self.part_of(key))
            if not self.facts.timed or start is None or self.at[key] >= start:
                self.owed[key] = version
            elif key in self._new:
                self.owed.pop(key, None)
        self._changed.clear()
        self._new.clear()

    def due(self) -> Table:
        """What a run that starts now has to deliver, and the oldest version that will do."""
        return {key: version for key, version in self.owed.items() if key in self.there}

    def version_of(self, key: Key, record: JSON) -> int | Problem:
        """Which version a record is."""
        value = {n: part for n, part in record.items() if part is not None and n != "extra"}
        versions = self._versions.get(key, [])
        if record.get("extra"):
            return Problem("invented", f"{self.stream} {key} has extra {record['extra']}")
        for number in range(len(versions) - 1, -1, -1):
            if versions[number] == value:
                return number
        if not versions:
            return Problem("invented", f"{self.stream} {key} never was there")
        others = {
            name: (versions[-1].get(name), value.get(name))
            for name in {*versions[-1], *value}
            if versions[-1].get(name) != value.get(name)
        }
        return Problem("invented", f"{self.stream} {key} never was like that: {others}")

    def part_of(self, key: Key) -> Part:
        """The partition of a record; its column is the first of the key."""
        return str(key[0]) if self.facts.partition else ""

    def _filtered_by(self, row: Row) -> datetime:
        """The time the server's range acts on."""
        options = getattr(self._api, "options", None)
        if (
            self.stream == "videsk_appointments"
            and getattr(options, "appointments_filter", "") == "created"
            and _MADE_BY_THE_SECOND.fullmatch(row.canonical["id"])
        ):
            return datetime.fromtimestamp(int(row.canonical["id"][:8], 16), timezone.utc)
        return row.at


@dataclass
class Target:
    """What a target keeps: a table of each stream, and the last state it has committed."""

    tables: dict[str, Table]
    state: JSON = field(default_factory=dict)

    def copy(self) -> Target:
        """The same, to go back to."""
        return Target({name: dict(table) for name, table in self.tables.items()}, self.state)


def bookmarks(
    state: JSON, stream: str, name: str = "replication_key_value"
) -> dict[Part, datetime]:
    """The bookmark of each partition of a stream, or another instant beside it."""
    entry = state.get("bookmarks", {}).get(stream, {})
    found: dict[Part, str | None] = {"": entry.get(name)}
    for partition in entry.get("partitions", []):
        (part,) = partition["context"].values()
        found[part] = partition.get(name)
    return {
        part: datetime.fromisoformat(value.replace("Z", "+00:00"))
        for part, value in found.items()
        if value
    }


def starts(state: JSON, ledger: Ledger) -> dict[Part, datetime]:
    """Where a run that has this state begins, at the latest, in each partition of a stream."""
    as_of = bookmarks(state, ledger.stream, "as_of")
    return {
        part: min(bookmark, as_of.get(part, bookmark) - ledger.facts.lookback)
        for part, bookmark in bookmarks(state, ledger.stream).items()
    }


@dataclass
class Judge:
    """Looks at one run.

    Attributes:
        ledgers: Of the selected streams.
        start: First instant to export.
        end: First instant not to export.
        beyond: The same, where rows of the future are read.
        as_of: What `as_of` is in a state that this run writes.
        ahead: How far this machine's clock is ahead: before the first response has come, requests
            may be for as much later.
        problems: What was wrong.
    """

    ledgers: list[Ledger]
    start: datetime
    end: datetime
    beyond: bool
    as_of: datetime
    ahead: timedelta = timedelta()
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Note what is due before the run starts."""
        for ledger in self.ledgers:
            ledger.gone.clear()
        self._due = {
            ledger.stream: sorted(
                ((ledger.at[key], key, version) for key, version in ledger.due().items()),
                key=lambda item: item[0],
            )
            for ledger in self.ledgers
        }

    def replay(self, run: Run, target: Target) -> list[Target]:
        """Let a target read a run's output; what it held at each STATE."""
        kept: list[Target] = []
        known = {ledger.stream: ledger for ledger in self.ledgers}
        keys: dict[str, list[str]] = {}
        before = target.state
        checked: dict[tuple[str, Part], datetime] = {}
        for line in run.lines:
            stream = line.get("stream", "")
            if line["type"] == "SCHEMA":
                keys[stream] = line["key_properties"]
            elif line["type"] == "RECORD":
                record = line["record"]
                key = tuple(record[name] for name in keys[stream])
                version = known[stream].version_of(key, record)
                if isinstance(version, Problem):
                    self.problems.append(version)
                else:
                    target.tables[stream][key] = version
            elif line["type"] == "STATE":
                target.state = line["value"]
                self._check_state(target, before, checked)
                kept.append(target.copy())
        return kept

    def lacks(
        self, ledger: Ledger, table: Table, low: datetime, high: datetime, part: Part | None = None
    ) -> Iterator[str]:
        """The records a table should hold of a time, and does not."""
        for at, key, version in self._due[ledger.stream]:
            if ledger.facts.timed and not low <= at < high:
                continue
            if key in ledger.gone or part not in {None, ledger.part_of(key)}:
                continue
            if key not in table:
                yield f"{ledger.stream} {key} of {at}"
            elif table[key] < version:
                yield f"{ledger.stream} {key} of {at} in a version that was replaced"

    def end_of(self, ledger: Ledger) -> datetime:
        """First instant that is not read of a stream."""
        return self.end + ledger.facts.ahead if self.beyond else self.end

    def check_complete(self, ledger: Ledger, target: Target, before: JSON) -> None:
        """After a run that calls itself complete."""
        table, high = target.tables[ledger.stream], self.end_of(ledger)
        for what in self.lacks(ledger, table, self.start, high):
            self.problems.append(Problem("lost", what))
        if not ledger.facts.timed or ledger.none_found:
            return
        old, new = bookmarks(before, ledger.stream), bookmarks(target.state, ledger.stream)
        if self.start < high and not new:
            self.problems.append(Problem("broken", f"{ledger.stream} has no bookmark"))
        for part, bookmark in new.items():
            wanted = max(old.get(part, LONG_AGO), self.end)
            if bookmark != wanted and self.start < self.end:
                text = f"the bookmark of {ledger.stream} is {bookmark} and not {wanted}"
                self.problems.append(Problem("broken", text))

    def _check_state(
        self, target: Target, before: JSON, checked: dict[tuple[str, Part], datetime]
    ) -> None:
        """A bookmark only rises, and all that lies before one that rose is there.

        `as_of` is this run's where the bookmark rose or all before it was read, else as it was.
        """
        for ledger in self.ledgers:
            old = bookmarks(before, ledger.stream)
            old_as_of = bookmarks(before, ledger.stream, "as_of")
            new_as_of = bookmarks(target.state, ledger.stream, "as_of")
            for part, bookmark in bookmarks(target.state, ledger.stream).items():
                place = (ledger.stream, part)
                low = checked.get(place, old.get(part, LONG_AGO))
                if bookmark < low:
                    text = f"the bookmark of {ledger.stream} {part} fell from {low} to {bookmark}"
                    self.problems.append(Problem("broken", text))
                as_of = new_as_of.get(part)
                read_anew = as_of != old_as_of.get(part)
                if as_of != self.as_of and (read_anew or bookmark > low):
                    text = f"the as_of of {ledger.stream} {part} is {as_of} and not {self.as_of}"
                    self.problems.append(Problem("broken", text))
                if bookmark > low or (read_anew and place not in checked):
                    table = target.tables[ledger.stream]
                    since = checked.get(place, self.start)
                    for what in self.lacks(ledger, table, since, bookmark, part):
                        self.problems.append(Problem("unsafe", f"{bookmark}: {what}"))
                    checked[place] = bookmark
