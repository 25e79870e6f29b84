"""Thousands of random schedules, and of ranges cut anywhere: `make soak`, or this file by itself.

SCHEDULES=n is how many for each provider, PARTITIONS=n how many for each stream, SEED=n the first
one's seed. `soak.py videsk 51` plays a schedule and tells its story, `soak.py videsk_calls 51` cuts
a range and does.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = map(str, [_TESTS.parent, _TESTS, _TESTS / "contract", _TESTS / "resilience"])

import partitions  # noqa: E402 - after the path is set
from oracle import Problem  # noqa: E402 - after the path is set
from schedules import Report, play  # noqa: E402 - after the path is set
from standing import STREAMS  # noqa: E402 - after the path is set
from support import PROVIDERS  # noqa: E402 - after the path is set

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCHEDULES, _PARTITIONS, _BATCH = 2500, 500, 20
#: No schedule takes nearly so long.
_PATIENCE_SECONDS = 300
_KINDS = ("lost", "invented", "mis-timed", "unsafe", "broken")
_COLUMNS = ("schedules", "runs", "restarts", "faults", "kills", *_KINDS, "failed loudly", "seconds")
_CUT_COLUMNS = ("partitions", "runs", "requests", "records", "wrong", "seconds")


def main() -> int:
    """Play what is asked for; 1 if anything was wrong."""
    if len(sys.argv) > 1:
        report = _one(sys.argv[1], int(sys.argv[2]))
        _say("\n".join([*report.story, *map(str, report.problems)]))
        return 1 if report.problems else 0
    schedules = int(os.environ.get("SCHEDULES", _SCHEDULES))
    cuts = int(os.environ.get("PARTITIONS", _PARTITIONS))
    batches = [*_batches(PROVIDERS, schedules), *_batches(STREAMS, cuts)]
    started, sums = time.monotonic(), {name: Counter[str]() for name in (*PROVIDERS, *STREAMS)}
    context = multiprocessing.get_context("spawn")
    # Whoever ends this process gets what was played until then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with (
        context.Pool(None, signal.signal, (signal.SIGINT, signal.SIG_IGN), 20) as pool,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for name, counts, red in pool.imap_unordered(_batch, batches):
            sums[name] += counts
            for line in red:
                _say(line)
    total = sum(sums.values(), Counter[str]())
    if total["schedules"]:
        _say(_table(sums, PROVIDERS, _COLUMNS))
    if total["partitions"]:
        _say(_table(sums, STREAMS, _CUT_COLUMNS))
        _say("cuts: " + ", ".join(f"{kind} {total[kind]}" for kind in partitions.KINDS))
    _say(
        f"{total['schedules']} schedules and {total['partitions']} partitions in "
        f"{time.monotonic() - started:.0f} s"
    )
    return 1 if any(total[kind] for kind in (*_KINDS, "wrong")) else 0


def _batches(names: Iterable[str], amount: int) -> Iterable[tuple[str, range]]:
    """Seeds of the same amount for each name, some at a time."""
    first = int(os.environ.get("SEED", "0"))
    for seed in range(first, first + amount, _BATCH):
        for name in names:
            yield name, range(seed, min(seed + _BATCH, first + amount))


def _batch(batch: tuple[str, Iterable[int]]) -> tuple[str, Counter[str], list[str]]:
    """Some cases of a provider or a stream: what they came to, and a line for each red one."""
    name, seeds = batch
    warnings.simplefilter("ignore")
    logging.disable(logging.NOTSET)
    counts: Counter[str] = Counter()
    red: list[str] = []
    started = time.monotonic()
    for seed in seeds:
        report = _one(name, seed)
        counts += report.counts
        counts["schedules" if name in PROVIDERS else "partitions"] += 1
        for problem in report.problems:
            counts[problem.kind] += 1
        red += [f"RED {name} {seed}: {p.kind}, {p.text[:500]}" for p in report.problems[:1]]
    counts["seconds"] += round(time.monotonic() - started)
    return name, counts, red


def _one(name: str, seed: int) -> Report:
    """One schedule or partition; whatever ends it early is a problem, too."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        return play(name, seed) if name in PROVIDERS else _partition(name, seed)
    except Exception as error:  # noqa: BLE001 - a schedule that breaks is as red as any
        return Report(problems=[Problem("broken", f"{type(error).__name__}: {error}")])
    finally:
        signal.alarm(0)


def _partition(stream: str, seed: int) -> Report:
    """One range of a stream in parts."""
    report = partitions.play(stream, random.Random(f"{stream}:{seed}"))
    problems = [Problem("wrong", text) for text in report.problems]
    return Report(report.counts, problems, report.story)


def _too_long(*_: object) -> None:
    raise TimeoutError("a case that never ends")


def _table(sums: dict[str, Counter[str]], names: Iterable[str], columns: tuple[str, ...]) -> str:
    rows: list[Iterable[Any]] = [("", *columns)]
    rows += [(name, *(sums[name][column] for column in columns)) for name in names]
    return "\n".join(" ".join(_cells(*row)) for row in rows)


def _cells(name: object, *counts: object) -> list[str]:
    return [f"{name:>22}", *(f"{count:>13}" for count in counts)]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
