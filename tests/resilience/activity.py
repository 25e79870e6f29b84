"""What happens at a provider between and during runs: new, late, changed and deleted records."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from inprocess import Place
from oracle import LONG_AGO, Ledger, bookmarks, starts
from support import JSON

from sandbox.handle import Handle

_HOUR, _SECOND, _MILLISECOND = timedelta(hours=1), timedelta(seconds=1), timedelta(milliseconds=1)


class Activity:
    """Changes a provider's records at random, and notes the changes in ledgers."""

    def __init__(
        self,
        place: Place,
        dice: random.Random,
        ledgers: list[Ledger],
        tell: Callable[[str], None],
    ) -> None:
        self._place, self._dice, self._tell = place, dice, tell
        self._api = place.api
        self.ledgers = ledgers
        #: Whether a run is under way, which need not see what happens now.
        self.reading = False
        self._starts: dict[str, dict[str, datetime]] = {ledger.stream: {} for ledger in ledgers}
        self._seams: list[datetime] = []

    def look(self) -> None:
        """Note what there is now; while a run is under way nothing new is owed."""
        for ledger in self.ledgers:
            ledger.look()
            if not self.reading:
                ledger.owe(self._starts[ledger.stream])

    def note(self, state: JSON) -> None:
        """Remember where a run may start at the latest, and places to put records at."""
        for ledger in self.ledgers:
            latest = self._starts[ledger.stream]
            for part, start in starts(state, ledger).items():
                latest[part] = max(start, latest.get(part, LONG_AGO))
            self._seams += bookmarks(state, ledger.stream).values()

    def grow(self) -> None:
        """Time passes, with new, late and changed records."""
        old = self._place.clock.now
        self._pass(self._dice.choice([1, 5, 20, 90]) * _HOUR)
        seed = self._dice.getrandbits(30)
        for table in {id(handle.table): handle.table for handle in self._handles}.values():
            table.grow(seed, old, self._place.clock.now)
        self.look()

    def advance(self) -> None:
        """Time passes, and nothing else."""
        self._pass(self._dice.choice([0.1, 2, 30, 400, 1500]) * _HOUR)

    def _pass(self, time: timedelta) -> None:
        self._place.pass_time(time)
        self._tell(f"now {self._place.clock.now:%m-%dT%H:%M:%S}")
        self.look()

    def add(self) -> None:
        """Add ordinary calls."""
        now, back = self._place.clock.now, self._dice.choice([0.2, 3, 48]) * _HOUR
        self._handle().add(self._dice.randint(1, 6), now - back, now)
        self.look()

    def add_late(self) -> None:
        """Add records of any time that has passed, perhaps before any lookback."""
        now = self._place.clock.now
        handle = self._handle()
        for _ in range(self._dice.randint(1, 3)):
            handle.add_at(now - self._dice.choice([1, 10, 80, 900]) * self._dice.random() * _HOUR)
        self.look()

    def add_burst(self) -> None:
        """Add several at one instant, or in one second."""
        now = self._place.clock.now
        at = now - self._dice.random() * 30 * _HOUR
        same = self._dice.random() < 0.5
        largest = self._api.largest_bursts[not same]
        amount = self._dice.choice([self._dice.randint(2, 6), largest])
        times = [at + (0 if same else self._dice.random()) * _SECOND for _ in range(amount)]
        self._handle().add_at(*times)
        self.look()

    def add_at_seam(self) -> None:
        """Add records just where windows, spans and lookbacks end."""
        if not self._seams:
            return
        ledger = self._dice.choice(self.ledgers)
        end = self._dice.choice(self._seams) - self._dice.choice([0, 0, 1]) * ledger.facts.lookback
        beside = (timedelta(), _MILLISECOND, -_MILLISECOND, _SECOND, -_SECOND)
        times = [end + self._dice.choice(beside) for _ in range(self._dice.randint(1, 3))]
        self._api.of(ledger.stream).add_at(*(at for at in times if at < self._place.clock.now))
        self.look()

    def mature(self) -> None:
        """Calls end; those that have ended are billed, analysed, commented."""
        for handle in self._handles:
            recent = [row for row in handle.rows if row.at < self._place.clock.now]
            recent = sorted(recent, key=lambda row: row.at)[-8:] + recent[:2]
            for row in self._dice.sample(recent, min(len(recent), self._dice.randint(0, 4))):
                handle.table.mature(self._dice, row)
        self.look()

    def delete(self) -> None:
        """Delete a record."""
        handle = self._handle()
        if rows := handle.rows:
            handle.remove(self._dice.choice(rows))
        self.look()

    def hide_some(self) -> None:
        """Hide records that will be published later."""
        if self._dice.random() < 0.5:
            for handle in self._handles:
                for row in handle.rows:
                    row.visible = self._dice.random() > 0.2

    def publish(self) -> None:
        """Publish some of the hidden records."""
        hidden = [row for handle in self._handles for row in handle.rows if not row.visible]
        for row in self._dice.sample(hidden, min(len(hidden), self._dice.randint(1, 5))):
            row.visible = True
        self.look()

    @property
    def _handles(self) -> list[Handle]:
        return [self._api.of(ledger.stream) for ledger in self.ledgers]

    def _handle(self) -> Handle:
        return self._dice.choice(self._handles)
