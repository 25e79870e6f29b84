"""A provider at which nothing happens any more, and runs over parts of its time.

What a run must hold is the sandbox's truth; nothing here shares code with the tap.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from expected_streams import BY_NAME, TIMED, UNTOLD, entry_of
from inprocess import Place, Ran, opened
from oracle import Key, Ledger
from servers import facts, lasting, passing
from zone_changes import local

from sandbox.anunzi import AnunziApi
from sandbox.burki import BurkiApi
from sandbox.instants import UTC, floor, parse
from sandbox.twin24 import Twin24Api
from sandbox.videsk import VideskApi

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from support import JSON

MICROSECOND, MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

STREAMS = tuple(BY_NAME)
#: The streams whose rows are placed by a column that they show, and that column. Rows of others
#: are placed by a time that they may not show.
FILTERED = {name: each.filtered_by for name, each in BY_NAME.items() if each.filtered_by}
#: The streams without a time.
UNTIMED = set(STREAMS) - set(TIMED)

#: Where the clocks of a zone are set back: the hour before it and the one after it look the same.
ZONE, SET_BACK = "America/Santiago", datetime(2024, 4, 7, 3, tzinfo=UTC)
_STARTS = (datetime(2024, 5, 1, tzinfo=UTC), SET_BACK - DAY / 2)
#: Rows that a server which does not filter sends along with the calls.
_UNSTARTED = "anunzi_unstarted_calls"
#: Streams of which no server has a row without its time; others show one without.
_ALWAYS_TIMED = {"anunzi_calls", "anunzi_call_details", "burki_call_transcripts", *UNTIMED}
#: What a range may end in, and what rows may begin in, between two seconds.
FRACTIONS = (timedelta(), 500 * MILLISECOND, 250 * MILLISECOND, 123_456 * MICROSECOND)


@dataclass(frozen=True)
class Range:
    """A half-open range of time, `[start, end)`."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= at < self.end


class Standing:
    """One stream of a provider that stands still. Made by `standing`.

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
        api = place.api
        # No run without a state looks back.
        known = {**entry_of(stream).no_lookback, **settings}
        ledger = Ledger(api, stream, facts(stream, known))
        ledger.look()
        self.truth = {key: _filled(record) for key, record in api.truth(stream).items()}
        column = FILTERED.get(stream, "")
        self.at = {
            key: parse(record[column]) if column in record else ledger.at[key]
            for key, record in self.truth.items()
        }
        ignored = isinstance(api, AnunziApi) and api.options.wrong_dialect == "ignore"
        unplaced = api.truth(_UNSTARTED) if ignored and stream == "anunzi_calls" else {}
        self.also = {key: _filled(record) for key, record in unplaced.items()}

    def run(self, part: Range, **settings: object) -> Ran:
        """One run over a range, from no state; `settings` take the place of the provider's."""
        api = self.place.api
        config = {
            api.name: {**api.config(), **self.settings, **settings},
            "start_date": part.start.isoformat(),
            "end_date": part.end.isoformat(),
        }
        return self.place.run(config, streams=(self.stream,))

    def asked(self, part: Range, key: Key) -> Range:
        """From which time a row may come with a range.

        One that shows the time it is placed by: from the range. Else Videsk is asked from a
        second before it to its end, both rounded to whole milliseconds, and the end may belong
        to the answer; Twin24 from the second before that of the start to the whole second behind
        the end.
        """
        if self.shows_its_place(self.truth[key]):
            return part
        step = MILLISECOND if isinstance(self.place.api, VideskApi) else SECOND
        last = floor(part.end + step - MICROSECOND, step)
        return Range(floor(part.start, step) - SECOND, last + MICROSECOND)

    def shows_its_place(self, record: JSON) -> bool:
        """Whether a record has a time that its provider's range is known to act on."""
        return record.get(FILTERED.get(self.stream, "")) is not None

    def told(self, record: JSON, schema: JSON) -> JSON:
        """What of a record a provider tells; a repeated hour by itself may be either.

        Args:
            record: Columns with a value.
            schema: The message of its stream.
        """
        if self.settings.get("timezone") != ZONE:
            return record
        sure = () if self.stream in UNTOLD else schema["bookmark_properties"]
        columns = schema["schema"]["properties"]
        return {
            name: str(local(parse(value), ZONE))
            if columns[name].get("format") == "date-time" and name not in sure
            else value
            for name, value in record.items()
        }

    @property
    def once(self) -> bool:
        """Whether no record comes twice in a run.

        Where Videsk goes by a time that rows do not show, and cuts an answer, some come early and
        again with their own time.
        """
        api = self.place.api
        return not isinstance(api, VideskApi) or api.options.filter_field == "start_time"

    @property
    def in_order(self) -> bool:
        """Whether records are surely in one order, however the range is read.

        They are where they show when the provider places them. Of any that do not, and of a
        provider that does not sort as it is asked, only windows come in the order of time.
        """
        api, own = self.place.api, BY_NAME[self.stream].time
        if own is None:
            return True
        if isinstance(api, AnunziApi) and api.options.sort == "ignored":
            return False
        misread = self.stream in UNTOLD and self.settings.get("timezone") == ZONE
        shown = sorted((record.get(own, ""), key) for key, record in self.truth.items())
        places = [self.at[key] for _, key in shown]
        return places == sorted(places) and not misread

    def otherwise(self, dice: random.Random) -> JSON:
        """Settings that change how a run asks, and nothing of what there is."""
        api = self.place.api
        settings: JSON = {"max_concurrency": dice.choice([1, 2, 4])}
        if isinstance(api, BurkiApi):
            settings["format"] = dice.choice(["json", "csv"])
        if isinstance(api, Twin24Api):
            settings["page_size"] = dice.choice([7, 100, 1000])
            # Workers may use a token up between them that one has just got.
            if api.options.tokens_valid_requests:
                settings["max_concurrency"] = 1
        # One cursor has to last for the calls of one instant.
        if isinstance(api, AnunziApi) and not api.options.cursor_ttl_pages:
            settings["page_size"] = dice.choice([3, 50, 1000])
        return settings


@contextmanager
def standing(stream: str, dice: random.Random) -> Iterator[Standing]:
    """A provider as the dice want it, with rows of a stream that do not change.

    Args:
        stream: Which one.
        dice: Decide on its rows, its server and the settings.
    """
    start = dice.choice(_STARTS)
    whole = Range(start, start + dice.choice([1, 5, 40]) * DAY)
    with opened(
        stream.split("_", 1)[0],
        whole.end,
        seed=dice.randrange(1000),
        rows=dice.choice([0, 3, 20, 60, 120]),
        start=start,
        window_rows=dice.choice([3, 10, 40, None]),
    ) as place:
        api = place.api
        settings = {**lasting(dice, api), **passing(dice, api, (stream,))}
        if isinstance(api, Twin24Api):
            api.options.shift = 0  # rows that come while others are read
        place.zipped = dice.random() < 0.3
        _add_rows(place, stream, whole, dice)
        place.clock.now += DAY
        yield Standing(place, stream, whole, settings)


def _add_rows(place: Place, stream: str, whole: Range, dice: random.Random) -> None:
    """Add rows that share a time, that nearly do, and some where clocks are set back."""
    second = dice.randrange((whole.end - whole.start) // SECOND)
    at = whole.start + second * SECOND + dice.choice(FRACTIONS)
    times = [at] * dice.choice([1, 2, 5])
    times += [at + dice.choice([-1, 1]) * step for step in (MICROSECOND, MILLISECOND, SECOND)]
    if whole.holds(SET_BACK):
        times += [SET_BACK + dice.choice([-1, 1]) * share * HOUR for share in (0, 0.25, 0.5)]
    handle = place.api.of(stream)
    handle.add_at(*(time for time in times if whole.holds(time)))
    if stream not in _ALWAYS_TIMED and dice.random() < 0.2:
        for row in dice.sample(handle.rows, min(2, len(handle.rows))):
            handle.amend(row, **{handle.table.time_column: None})


def _filled(record: JSON) -> JSON:
    return {name: value for name, value in record.items() if value is not None}
