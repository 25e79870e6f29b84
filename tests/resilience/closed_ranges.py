"""Runs over a closed range of time of an account that does not change: as a whole and in parts.

The records of such a run are a function of the range: whatever the pace of the server, the faults
on the way and the settings of the requests, and however the range is cut into parts. What a run
must hold is the sandbox's truth; nothing here shares code with the tap.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import requests
from expected_streams import BY_NAME, TIMED, entry_of
from faulty import add_passing, excused
from inprocess import START, Place, Ran, opened
from oracle import Key, Ledger, Problem, bookmarks, facts_of
from schedules import Report
from servers import lasting, passing
from support import JSON
from transport import Wire

from sandbox.instants import MICROSECOND, MILLISECOND, SECOND, floor, parse

DAY = timedelta(days=1)
#: What a range may end in, and what rows may begin in, between two seconds.
FRACTIONS = (timedelta(), 500 * MILLISECOND, 250 * MILLISECOND, 123_456 * MICROSECOND)
#: Seconds a response may take.
_SLOWEST = 0.002
_MOST_CUTS = 8
_NEAR = (-SECOND, -MILLISECOND, -MICROSECOND, MICROSECOND, MILLISECOND, SECOND)
#: When a run read: the only part of its output that may differ between two runs.
_READ_AT = re.compile(r',"(time_extracted|as_of)":"[^"]*"')


@dataclass(frozen=True)
class Range:
    """A half-open range of time, `[start, end)`."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= at < self.end


class Account:
    """One stream of a provider whose rows do not change. Made by `account`.

    Args:
        place: The provider.
        stream: The stream.
        whole: The time that has rows; the provider's clock is beyond it.
        settings: Of the provider, beside those that reach it.

    Attributes:
        truth: Every record that can be exported, without its columns of null.
        at: When the provider's range places each of them.
        also: Rows without a time, which a server sends along that does not filter.
    """

    def __init__(self, place: Place, stream: str, whole: Range, settings: JSON) -> None:
        self.place, self.stream, self.whole, self.settings = place, stream, whole, settings
        self.entry = entry_of(stream)
        # No run without a state looks back.
        facts = facts_of(stream, {**self.entry.no_lookback, **settings})
        ledger = Ledger(place.api, stream, facts)
        ledger.look()
        self.truth = {key: _filled(row) for key, row in place.api.truth(stream).items()}
        self.at = {
            key: parse(row[column])
            if (column := self.entry.filtered_by) and column in row
            else ledger.at[key]
            for key, row in self.truth.items()
        }
        unfiltered = getattr(place.options, "wrong_dialect", "") == "ignore" and facts.also
        rows = place.api.truth(facts.also) if unfiltered and not self.entry.per_call else {}
        self.also = {key: _filled(row) for key, row in rows.items()}

    def run(self, part: Range, **settings: object) -> Ran:
        """One run over a range, from no state; `settings` take the place of the provider's."""
        api = self.place.api
        config = {
            api.name: {**api.config(), **self.settings, **settings},
            "start_date": part.start.isoformat(),
            "end_date": part.end.isoformat(),
        }
        return self.place.run(config, streams=(self.stream,))

    def allowed(self, part: Range, key: Key) -> Range:
        """From which time a row may come with a range.

        One that shows the time it is placed by comes from the range. Others may also come from
        the second before it, and from the rest of the second it ends in.
        """
        if self.shows_its_place(self.truth[key]):
            return part
        last = floor(part.end + SECOND - MICROSECOND, SECOND)
        return Range(floor(part.start, SECOND) - SECOND, last + MICROSECOND)

    def shows_its_place(self, record: JSON) -> bool:
        """Whether a record has the time that its provider's range is known to act on."""
        return record.get(self.entry.filtered_by or "") is not None

    @property
    def unique(self) -> bool:
        """Whether no record comes twice in a run.

        Where the range acts on a time that rows do not show, and a response is cut, some come
        early and again with their own time.
        """
        return getattr(self.place.options, "filter_field", "start_time") == "start_time"


@contextmanager
def account(stream: str, dice: random.Random) -> Iterator[Account]:
    """A provider as the dice want it, with rows of a stream that do not change."""
    whole = Range(START, START + dice.choice([1, 5, 40]) * DAY)
    with opened(
        entry_of(stream).api,
        whole.end,
        seed=dice.randrange(1000),
        rows=dice.choice([0, 3, 20, 60, 120]),
        window_rows=dice.choice([3, 10, 40, None]),
    ) as place:
        settings = {**lasting(dice, place.api), **passing(dice, place.api, (stream,))}
        if "timezone" in settings:
            settings["timezone"] = "UTC"  # an hour that comes twice may be either
        if hasattr(place.options, "shift"):
            place.options.shift = 0  # rows that are added while others are read
        _add_rows(place, stream, whole, dice)
        place.clock.now += DAY
        yield Account(place, stream, whole, settings)


def _add_rows(place: Place, stream: str, whole: Range, dice: random.Random) -> None:
    """Add rows that share a time, that nearly do, and some where clocks are set back."""
    at = _any_second(whole, dice) + dice.choice(FRACTIONS)
    times = [at] * dice.choice([1, 2, 5])
    times += [at + dice.choice([-1, 1]) * step for step in (MICROSECOND, MILLISECOND, SECOND)]
    handle = place.api.of(stream)
    handle.add_at(*(time for time in times if whole.holds(time)))
    # Calls without a time are another stream's where there is one for them.
    untimed = any(not BY_NAME[name].time for name in place.api.streams)
    if BY_NAME[stream].time_in_rows and not untimed and dice.random() < 0.2:
        for row in dice.sample(handle.rows, min(2, len(handle.rows))):
            handle.amend(row, **{handle.table.time_column: None})


def run_closed_range(stream: str, seed: int) -> Report:
    """Read a range as a whole, again in other ways, and in parts, and compare."""
    dice = random.Random(f"{stream}:{seed}")
    with account(stream, dice) as place:
        return Comparison(place, dice).run()


class Comparison:
    """Several readings of one range, which have to agree."""

    def __init__(self, place: Account, dice: random.Random) -> None:
        self._place, self._dice = place, dice
        self.report = Report()

    def run(self) -> Report:
        """Read the range in every way, and say what is wrong."""
        place, dice = self._place, self._dice
        whole = self._range()
        self.report.story.append(f"{place.stream} {place.settings} {place.place.options}")
        read = self._read(whole, {})
        ends = [whole.start, *self._cuts(whole, read), whole.end]
        for start, end in pairwise(ends):
            self._read(Range(start, end), self._other_settings())
        self._read(whole, self._other_settings())
        place.place.clock.now += dice.randrange(10**7) * MICROSECOND + 200 * DAY
        with slow_responses(dice.randrange(100)):
            if written(self._read(whole, {})) != written(read):
                self._wrong("the same range gives other bytes later, from a slower server")
        add_passing(dice, place.place)
        self._read(whole, {})
        return self.report

    def _wrong(self, what: str) -> None:
        self.report.problems.append(Problem("wrong", what))

    def _read(self, part: Range, settings: JSON) -> Ran:
        """One run, and what is wrong with it."""
        ran = self._place.run(part, **settings)
        counts = self.report.counts
        counts["runs"] += 1
        counts["requests"] += len(ran.wire.sent)
        counts["faults"] += len(self._place.place.faults.served)
        story = f"{part.start} to {part.end} {settings}: {len(ran.lines)} lines {ran.complaints}"
        self.report.story.append(story)
        if ran.code == 0:
            for what in self._wrong_in(part, ran):
                self._wrong(f"{part.start} to {part.end}: {what}")
        elif not excused(self._place.place, ran):
            self._wrong(f"exit {ran.code}")
        return ran

    def _wrong_in(self, part: Range, ran: Ran) -> Iterator[str]:
        """Every record is true and from its own time, none is missing, the bookmark is the end."""
        place, table = self._place, ran.table(self._place.stream)
        known = {**place.also, **place.truth}
        for key, record in table.items():
            if key not in known:
                yield f"invented {key}"
            elif _filled(record) != known[key]:
                yield f"{key} is {_filled(record)} and not {known[key]}"
        duplicates = len(ran.records(place.stream)) - len(table)
        if duplicates and place.unique:
            yield f"{duplicates} duplicates"
        timed = place.stream in TIMED
        for key, at in place.at.items():
            if key not in table and (not timed or part.holds(at)):
                yield f"lost {key} of {at}"
            if timed and key in table and not place.allowed(part, key).holds(at):
                yield f"{key} of {at} is from beside the range"
        ends = set(bookmarks(ran.state, place.stream).values())
        if timed and ends != {part.end}:
            yield f"the bookmark is {ends}"

    def _other_settings(self) -> JSON:
        """Settings that change the requests of a run, and no record."""
        place, settings = self._place, {"max_concurrency": self._dice.choice([1, 2, 4])}
        # Workers may use a token up between them that one has just got.
        if getattr(place.place.options, "tokens_valid_requests", None):
            settings["max_concurrency"] = 1
        # One cursor has to last for the calls of one instant.
        if "page_size" in place.settings and not getattr(
            place.place.options, "cursor_ttl_pages", None
        ):
            settings["page_size"] = self._dice.choice([7, 50, 100])
        return settings

    def _range(self) -> Range:
        """The whole time that has rows, or a part of it."""
        whole, dice = self._place.whole, self._dice
        if dice.random() < 0.5:
            return whole
        ends = [_any_second(whole, dice) + dice.choice(FRACTIONS) for _ in "12"]
        start, end = min(ends), max(ends)
        return Range(start, max(end, start + SECOND))

    def _cuts(self, whole: Range, read: Ran) -> list[datetime]:
        """One to eight instants inside of a range."""
        place, dice = self._place, self._dice
        edges = [end for state in read.states for end in bookmarks(state, place.stream).values()]
        tied = [at for at, rows in Counter(place.at.values()).items() if rows > 1]
        cuts: list[datetime] = []
        for _ in range(dice.randint(1, _MOST_CUTS)):
            second = _any_second(whole, dice)
            row = dice.choice(sorted(place.at.values()) or [second])
            cuts += dice.choice(
                [
                    [second + dice.randrange(10**6) * MICROSECOND],
                    [second],
                    [second + dice.randrange(1000) * MILLISECOND],
                    [row],
                    [row + dice.choice(_NEAR)],
                    [dice.choice(tied or [row])],
                    [second, second + MICROSECOND],
                    [dice.choice(edges or [second])],
                ]
            )
        return sorted({at for at in cuts if whole.start < at < whole.end})


def written(ran: Ran) -> list[str]:
    """The lines of a run, without the moments at which its rows were read."""
    return _READ_AT.sub("", ran.text).splitlines()


@contextmanager
def slow_responses(seed: int) -> Iterator[None]:
    """Responses that take a while, each another one, so that workers overtake each other."""
    dice, honest = random.Random(seed), Wire.send

    def send(wire: Wire, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        time.sleep(dice.random() * _SLOWEST)
        return honest(wire, request, **how)

    with patch.object(Wire, "send", send):
        yield


def _any_second(whole: Range, dice: random.Random) -> datetime:
    return whole.start + dice.randrange((whole.end - whole.start) // SECOND) * SECOND


def _filled(record: JSON) -> JSON:
    """A record without its columns of null."""
    return {name: value for name, value in record.items() if value is not None}
