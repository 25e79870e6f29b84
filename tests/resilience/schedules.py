"""Random schedules: a server that changes, a tap that is run, killed and restarted, and an oracle.

The same provider and seed give the same schedule, as long as this code stays the same.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activity import Activity
from checks import check_refused, check_run
from faulty import add_fatal, add_passing, excused
from inprocess import START, Place, Ran, opened
from oracle import Judge, Ledger, Problem, Target, facts_of
from servers import lasting, passing
from support import JSON, secret_settings

_DAY = timedelta(days=1)
#: How many of the last restart points are kept to choose from.
_KEPT = 200


@dataclass
class Report:
    """The result of a schedule."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


def run_schedule(provider: str, seed: int, *, probes: int = 1) -> Report:
    """Run one schedule.

    Args:
        provider: Whose streams.
        seed: Decides everything else.
        probes: STATE lines of each run, at most, from which a restart is tried on the side.
    """
    dice = random.Random(f"{provider}:{seed}")
    days = dice.choice([1, 5, 40])
    with opened(
        provider,
        START + days * _DAY,
        seed=seed,
        rows=dice.choice([0, 3, 20, 20, 60]),
        start=START,
        window_rows=dice.choice([3, 10, 40, None]),
    ) as place:
        return Schedule(place, dice, probes).run()


class Schedule:
    """Random steps at one provider, and a target that follows it."""

    def __init__(self, place: Place, dice: random.Random, probes: int) -> None:
        self._place, self._dice, self._probes = place, dice, probes
        self._api = place.api
        names = self._api.streams
        amount = dice.choice([1, 1, 1, 2, 2, len(names) if dice.random() < 0.5 else 3])
        self._streams = tuple(sorted(dice.sample(names, min(amount, len(names)))))
        self._lasting = lasting(dice, self._api)
        self._passing = passing(dice, self._api, self._streams)
        settings = {"appointments_ahead_days": 90, **self._lasting}
        self._ledgers = [
            Ledger(self._api, stream, facts_of(stream, settings)) for stream in self._streams
        ]
        self._activity = Activity(place, dice, self._ledgers, self._tell)
        self._start = START + dice.choice([-3, 0, 0, 0, 0.3]) * _DAY
        self._target = Target({stream: {} for stream in self._streams})
        self._kept = [self._target.copy()]
        self.report = Report()
        self._tell(f"{self._streams} {self._lasting} from {self._start:%m-%dT%H:%M}")

    def run(self) -> Report:
        """Everything, to the last run, which has to be complete."""
        activity = self._activity
        activity.hide_some()
        activity.look()
        steps: list[tuple[Callable[[], None], float]] = [
            (activity.grow, 3),
            (activity.advance, 2),
            (activity.add, 2),
            (activity.add_late, 3),
            (activity.add_burst, 1),
            (activity.add_at_seam, 2),
            (activity.mature, 3),
            (activity.delete, 1),
            (activity.publish, 2),
            (self._change_server, 2),
            (self._change_clock, 1),
            (self._run, 6),
            (self._run_and_kill, 3),
            (self._go_back, 2),
            (self._run_with_wrong_credential, 0.3),
        ]
        weights = [weight for _, weight in steps]
        for _ in range(self._dice.randint(6, 14)):
            ((step, _),) = self._dice.choices(steps, weights)
            step()
            if self.report.problems:
                return self.report
        self._place.clock.ahead = timedelta()
        activity.advance()
        self._carry_out()
        return self.report

    def _change_clock(self) -> None:
        """The tap runs on a machine whose clock is far ahead, or behind, or right."""
        self._place.clock.ahead = self._dice.choice([0, 0, 3 * 24, -2]) * timedelta(hours=1)
        self._tell(f"this machine's clock is {self._place.clock.ahead} ahead")

    def _change_server(self) -> None:
        self._passing = passing(self._dice, self._api, self._streams)
        self._activity.look()

    def _run(self) -> None:
        self._arm()
        self._carry_out()

    def _run_and_kill(self) -> None:
        """The process ends after some line, or its target does not get all that it wrote."""
        self._arm()
        if self._dice.random() < 0.5:
            self._carry_out(dies_after=int(self._dice.random() ** 3 * 40))
        else:
            self._carry_out(arrives=self._dice.random())

    def _go_back(self) -> None:
        """The target starts again from a state it once had, with or without what came after."""
        number = self._dice.randrange(len(self._kept))
        chosen = self._kept[number]
        if self._dice.random() < 0.5:
            self._target = chosen.copy()
            del self._kept[number + 1 :]
            self._tell("go back, later records are gone")
        else:
            self._target.state = chosen.state
            self._tell("go back, later records are kept")
        self._run()

    def _run_with_wrong_credential(self) -> None:
        ran = self._place.run(self._config(wrong=True), streams=self._streams)
        self.report.counts["runs"] += 1
        self.report.problems += check_refused(self._place, ran)

    def _arm(self) -> None:
        """Faults in the next run, and changes while it reads."""
        if self._dice.random() < 0.5:
            add_passing(self._dice, self._place)
        if self._dice.random() < 0.2:
            add_fatal(self._dice, self._place)
        if self._dice.random() < 0.3:
            activity = self._activity
            changes = (
                activity.publish,
                activity.mature,
                activity.delete,
                activity.add,
                activity.add_late,
            )
            for _ in range(self._dice.randint(1, 3)):
                change = self._dice.choice(changes)
                self._place.events[self._dice.randint(1, 15)] = self._unowed(change)

    def _unowed(self, change: Callable[[], None]) -> Callable[[], None]:
        """A change in the middle of a run, which need not see it."""

        def event() -> None:
            self._tell(f"while it reads: {change.__name__}")
            self._activity.look()  # the server may have added rows by itself
            change()

        return event

    def _carry_out(self, dies_after: int | None = None, arrives: float = 1.0) -> None:
        config = self._config()
        judge = self._judge(config)
        before = self._target.state
        self._activity.reading = True
        ran = self._place.run(
            config, streams=self._streams, state=before or None, dies_after=dies_after
        )
        served, allowed = len(self._place.faults.served), excused(self._place, ran)
        self._place.faults.clear()
        self._place.faults.served.clear()
        self._place.events.clear()
        self._activity.look()
        self._activity.reading = False
        if arrives < 1:
            ran.died, ran.lines = True, ran.lines[: int(arrives * len(ran.lines))]
        self._count(ran, served)
        kept = judge.replay(ran, self._target)
        self.report.problems += check_run(self._place, ran, self._ledgers, judge)
        self._decide(ran, judge, before, allowed=allowed)
        for one in kept:
            self._activity.note(one.state)
        self._kept = (self._kept + kept)[-_KEPT:]
        self._activity.look()
        self.report.problems += judge.problems
        for one in self._dice.sample(kept, min(self._probes, len(kept))):
            self._probe(one)
        self._activity.look()

    def _decide(self, ran: Ran, judge: Judge, before: JSON, *, allowed: bool) -> None:
        """Exit 0 means complete, and everything else needs a reason."""
        failed = set(ran.tap.failures) if ran.tap else set()
        if ran.died:
            return
        if ran.error is None:
            for ledger in self._ledgers:
                if ledger.stream not in failed:
                    judge.check_complete(ledger, self._target, before)
        if (ran.code == 0) != (not failed and ran.error is None):
            judge.problems.append(Problem("broken", f"exit {ran.code}, failures {failed}"))
        if ran.code != 0:
            self.report.counts["failed loudly"] += 1
            if not allowed:
                judge.problems.append(Problem("broken", f"failed for nothing: {ran.complaints}"))

    def _probe(self, point: Target) -> None:
        """Restart from a STATE, with a target that kept what came before it and no more."""
        self.report.counts["restarts"] += 1
        config = self._config()
        judge = self._judge(config, newest_end=True)
        target = point.copy()
        self._activity.reading = True
        ran = self._place.run(config, streams=self._streams, state=point.state or None)
        self._activity.look()
        self._activity.reading = False
        self._count(ran, 0)
        judge.replay(ran, target)
        if ran.code != 0:
            judge.problems.append(Problem("unsafe", f"a restart failed: {ran.complaints}"))
        for ledger in self._ledgers:
            judge.check_complete(ledger, target, point.state)
        self.report.problems += [
            Problem("unsafe" if problem.kind == "lost" else problem.kind, f"probe: {problem.text}")
            for problem in judge.problems
        ]

    def _config(self, *, wrong: bool = False) -> JSON:
        settings: dict[str, Any] = {**self._api.config(), **self._lasting, **self._passing}
        if wrong:
            for name in secret_settings(self._api.name) & settings.keys():
                settings[name] = f"wrong-{settings[name]}"
        config: JSON = {self._api.name: settings, "start_date": self._start.isoformat()}
        now, ending = self._place.clock.now, self._dice.random()
        if ending > 0.9:
            now = self._start + (0.1 + 0.9 * self._dice.random()) * (now - self._start)
        if ending > 0.6:
            config["end_date"] = now.isoformat()
        return config

    def _judge(self, config: JSON, *, newest_end: bool = False) -> Judge:
        if newest_end:
            config.pop("end_date", None)
        clock = self._place.clock
        as_of = min(clock.now, clock.local).replace(microsecond=0)
        as_of -= timedelta(minutes=self._lasting["settle_minutes"])
        beyond = "end_date" not in config
        end = as_of if beyond else min(as_of, datetime.fromisoformat(config["end_date"]))
        ahead = max(clock.ahead, timedelta())
        return Judge(self._ledgers, self._start, end, beyond, as_of, ahead)

    def _count(self, ran: Ran, served: int) -> None:
        counts = self.report.counts
        counts["runs"] += 1
        counts["faults"] += served
        counts["kills"] += ran.died
        counts["states"] += len(ran.states)
        counts["requests"] += len(ran.wire.sent)
        self._tell(
            f"run: exit {ran.code}, died {ran.died}, {len(ran.lines)} lines, "
            f"{len(ran.states)} states, {served} faults {ran.complaints}"
        )

    def _tell(self, what: str) -> None:
        self.report.story.append(what)
