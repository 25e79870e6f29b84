"""A range of time in parts: where it is cut, and what the parts must come to."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from one_stream import options
from oracle import Key, bookmarks
from standing import (
    FILTERED,
    FRACTIONS,
    MICROSECOND,
    MILLISECOND,
    SECOND,
    SET_BACK,
    UNTIMED,
    Range,
    Standing,
    standing,
)
from support import without_extra

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from inprocess import Ran
    from support import JSON

    Table = Mapping[Key, JSON]

#: Kinds of cuts.
KINDS = (
    "any microsecond", "whole second", "millisecond", "at a row", "before a row", "behind a row",
    "near a row", "among tied rows", "a microsecond apart", "repeated hour", "edge of a window",
)  # fmt: skip
_NEAR = (-SECOND, -MILLISECOND, MILLISECOND, SECOND)
_MOST_CUTS = 8


@dataclass
class Report:
    """What came of a case.

    Attributes:
        counts: Runs, requests, records, and cuts by their kind.
        problems: What no partition may do.
        story: What was read, and how.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


def play(stream: str, dice: random.Random) -> Report:
    """Read a range as a whole and in parts, and compare.

    Args:
        stream: Whose.
        dice: Decide everything else.
    """
    with standing(stream, dice) as place:
        return Partition(place, dice).play()


class Partition:
    """A range of one stream, and random cuts of it.

    Args:
        place: The stream.
        dice: Decide where it is cut, and how parts are read.
    """

    def __init__(self, place: Standing, dice: random.Random) -> None:
        self._place, self._dice = place, dice
        self._tied = [at for at, rows in Counter(place.at.values()).items() if rows > 1]
        self._edges: list[datetime] = []
        self.report = Report()

    def play(self) -> Report:
        """Read the whole, then its parts in any order, and say what is wrong."""
        place, dice = self._place, self._dice
        whole = self._range()
        self.report.story.append(f"{place.stream} {place.settings} {options(place.place)}")
        read = self._read(whole, {})
        ends = [whole.start, *self._cuts(whole, read), whole.end]
        parts = [Range(*ends_of_part) for ends_of_part in pairwise(ends)]
        runs = {
            part: self._read(part, place.otherwise(dice)) for part in dice.sample(parts, len(parts))
        }
        self._compare(whole, read, [runs[part] for part in parts])
        return self.report

    def _read(self, part: Range, settings: JSON) -> Ran:
        """One run, and what is wrong with it alone."""
        ran = self._place.run(part, **settings)
        counts = self.report.counts
        counts["runs"] += 1
        counts["requests"] += len(ran.wire.sent) if ran.wire else 0
        counts["records"] += len(ran.records(self._place.stream))
        self.report.story.append(
            f"{part.start} to {part.end} {settings}: {len(ran.lines)} lines {ran.complaints}"
        )
        wrong = [f"exit {ran.code}"] if ran.code else [*self._wrong(part, ran)]
        self.report.problems += [f"{part.start} to {part.end}: {what}" for what in wrong]
        return ran

    def _wrong(self, part: Range, ran: Ran) -> Iterator[str]:
        """Every record is true and from its own time, none is missing, the bookmark is the end."""
        place, table = self._place, ran.table(self._place.stream)
        yield from self._untrue(ran, table)
        if place.stream in UNTIMED:
            yield from (f"lost {key}" for key in place.truth.keys() - table)
            return
        for key, at in place.at.items():
            if key not in table and part.holds(at):
                yield f"lost {key} of {at}"
            if key in table and not place.asked(part, key).holds(at):
                yield f"{key} of {at} is from beside the range"
        ends = set(bookmarks(ran.state, place.stream).values())
        if ends != {part.end}:
            yield f"the bookmark is {ends}"

    def _untrue(self, ran: Ran, table: Table) -> Iterator[str]:
        """Records that are not the provider's, or come twice."""
        place, known = self._place, {**self._place.also, **self._place.truth}
        (schema,) = (line for line in ran.lines if line["type"] == "SCHEMA")
        for key, record in table.items():
            if key not in known:
                yield f"invented {key}"
            elif place.told(without_extra(record), schema) != place.told(known[key], schema):
                yield f"{key} is {without_extra(record)} and not {known[key]}"
            if record["extra"]:
                yield f"{key} has extra {record['extra']}"
        doubles = len(ran.records(place.stream)) - len(table)
        if doubles and place.once:
            yield f"{doubles} doubles"

    def _compare(self, whole: Range, read: Ran, runs: list[Ran]) -> None:
        """The parts together are the whole."""
        stream, problems = self._place.stream, self.report.problems
        union: dict[Key, JSON] = {}
        for ran in runs:
            union |= ran.table(stream)
        table = read.table(stream)
        if any(table[key] != union[key] for key in table.keys() & union.keys()):
            problems.append("the parts tell it otherwise than the whole")
        if stream in FILTERED:
            one = Counter(map(_text, self._placed(read)))
            many = Counter(_text(record) for ran in runs for record in self._placed(ran))
            if one != many:
                problems.append(f"{len(one - many)} records missing, {len(many - one)} too many")
        if stream in UNTIMED and any(ran.table(stream) != table for ran in runs):
            problems.append("a part does not hold every row without a time")
        # The granule in front of a first part that is short is short, too.
        for key in table.keys() ^ union.keys():
            if key not in self._place.at or whole.start <= self._place.at[key]:
                problems.append(f"{key} is in the whole or in a part, not in both")

    def _placed(self, ran: Ran) -> list[JSON]:
        """The records of a run that show the time they are placed by."""
        place = self._place
        return [r for r in ran.records(place.stream) if place.shows_its_place(r)]

    # Where a range ends, and where it is cut.

    def _range(self) -> Range:
        whole, dice = self._place.whole, self._dice
        if dice.random() < 0.5:
            return whole
        ends = [self._any_second(whole) + dice.choice(FRACTIONS) for _ in "12"]
        start, end = min(ends), max(ends)
        return Range(start, max(end, start + SECOND))

    def _cuts(self, whole: Range, read: Ran) -> list[datetime]:
        """One to eight instants inside of a range."""
        place, dice = self._place, self._dice
        states = (bookmarks(state, place.stream).values() for state in read.states)
        self._edges = [end for ends in states for end in ends]
        found: set[datetime] = set()
        for _ in range(dice.randint(1, _MOST_CUTS)):
            kind = dice.choice(KINDS)
            cuts = {at for at in self._cut(kind, whole) if whole.start < at < whole.end}
            self.report.counts[kind] += len(cuts - found)
            found |= cuts
        return sorted(found)

    def _cut(self, kind: str, whole: Range) -> list[datetime]:
        """An instant of a kind, or two; it may lie beside the range."""
        dice, second = self._dice, self._any_second(whole)
        row = dice.choice(sorted(self._place.at.values()) or [second])
        return {
            "any microsecond": lambda: [second + dice.randrange(10**6) * MICROSECOND],
            "whole second": lambda: [second],
            "millisecond": lambda: [second + dice.randrange(1000) * MILLISECOND],
            "at a row": lambda: [row],
            "before a row": lambda: [row - MICROSECOND],
            "behind a row": lambda: [row + MICROSECOND],
            "near a row": lambda: [row + dice.choice(_NEAR)],
            "among tied rows": lambda: [dice.choice(self._tied or [row])],
            "a microsecond apart": lambda: [second, second + MICROSECOND],
            "repeated hour": lambda: [SET_BACK + dice.randrange(-3600, 3600) * SECOND],
            "edge of a window": lambda: [dice.choice(self._edges or [second])],
        }[kind]()

    def _any_second(self, whole: Range) -> datetime:
        return whole.start + self._dice.randrange((whole.end - whole.start) // SECOND) * SECOND


def _text(record: JSON) -> str:
    return json.dumps(record, sort_keys=True)
