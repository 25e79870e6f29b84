"""Thousands of random schedules on every core: `make soak`, or `python tests/proof/soak.py`.

SCHEDULES=n is how many for each provider, SEED=n the first one's seed. `soak.py videsk 51` plays
one and tells its story.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTS.parent), str(_TESTS), str(_TESTS / "proof")]

from oracle import Problem  # noqa: E402 - after the path is set
from schedules import PROVIDERS, Report, play  # noqa: E402 - after the path is set

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCHEDULES, _BATCH = 2500, 20
#: No schedule takes nearly so long.
_PATIENCE_SECONDS = 300
_KINDS = ("lost", "invented", "mis-timed", "unsafe", "broken")
_COLUMNS = ("schedules", "runs", "restarts", "faults", "kills", *_KINDS, "failed loudly", "seconds")


def main() -> int:
    """Play what is asked for; 1 if anything was wrong."""
    if len(sys.argv) > 1:
        report = _play(sys.argv[1], int(sys.argv[2]))
        _say("\n".join([*report.story, *map(str, report.problems)]))
        return 1 if report.problems else 0
    amount, first = int(os.environ.get("SCHEDULES", _SCHEDULES)), int(os.environ.get("SEED", "0"))
    batches = [
        (provider, range(seed, min(seed + _BATCH, first + amount)))
        for seed in range(first, first + amount, _BATCH)
        for provider in PROVIDERS
    ]
    started, sums = time.monotonic(), {provider: Counter[str]() for provider in PROVIDERS}
    context = multiprocessing.get_context("spawn")
    # Whoever ends this process gets what was played until then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with (
        context.Pool(None, signal.signal, (signal.SIGINT, signal.SIG_IGN), 20) as pool,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for provider, counts, red in pool.imap_unordered(_batch, batches):
            sums[provider] += counts
            for line in red:
                _say(line)
    _say(_table(sums))
    total = sum(sums.values(), Counter[str]())
    _say(f"{total['schedules']} schedules in {time.monotonic() - started:.0f} s")
    return 1 if any(total[kind] for kind in _KINDS) else 0


def _batch(batch: tuple[str, Iterable[int]]) -> tuple[str, Counter[str], list[str]]:
    """Some schedules of one provider: what they came to, and a line for each red one."""
    provider, seeds = batch
    warnings.simplefilter("ignore")
    logging.disable(logging.NOTSET)
    counts: Counter[str] = Counter()
    red: list[str] = []
    started = time.monotonic()
    for seed in seeds:
        report = _play(provider, seed)
        counts += report.counts
        counts["schedules"] += 1
        for problem in report.problems:
            counts[problem.kind] += 1
        red += [f"RED {provider} {seed}: {p.kind}, {p.text[:500]}" for p in report.problems[:1]]
    counts["seconds"] += round(time.monotonic() - started)
    return provider, counts, red


def _play(provider: str, seed: int) -> Report:
    """One schedule; whatever ends it early is a problem, too."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        return play(provider, seed)
    except Exception as error:  # noqa: BLE001 - a schedule that breaks is as red as any
        return Report(problems=[Problem("broken", f"{type(error).__name__}: {error}")])
    finally:
        signal.alarm(0)


def _too_long(*_: object) -> None:
    raise TimeoutError("a schedule that never ends")


def _table(sums: dict[str, Counter[str]]) -> str:
    rows: list[Iterable[Any]] = [("", *_COLUMNS)]
    rows += [(name, *(counts[column] for column in _COLUMNS)) for name, counts in sums.items()]
    return "\n".join(" ".join(f"{cell:>13}" for cell in row) for row in rows)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
