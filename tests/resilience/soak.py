"""Random schedules, closed ranges and kills, for as long as one likes.

SCHEDULES=n of each provider, PARTITIONS=n closed ranges of each stream, KILLS=n, SEED=n the first
one's seed; PROVIDERS="vapi burki" chooses providers, without kills.
`python -m tests.resilience.soak videsk 51` runs one schedule, with `videsk_calls 51` one closed
range, with `kills 51` one kill, and prints what happened step by step.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = map(str, [_TESTS.parent, _TESTS, _TESTS / "resilience"])

from closed_ranges import run_closed_range  # noqa: E402 - after the path is set
from expected_streams import BY_NAME  # noqa: E402 - after the path is set
from kills import cases, end  # noqa: E402 - after the path is set
from oracle import Problem  # noqa: E402 - after the path is set
from schedules import Report, run_schedule  # noqa: E402 - after the path is set
from support import PROVIDERS  # noqa: E402 - after the path is set

#: For each option: what it counts, and how many there are by default.
_OPTIONS = {
    "SCHEDULES": (PROVIDERS, 2500),
    "PARTITIONS": (tuple(BY_NAME), 200),
    "KILLS": (("kills",), 400),
}
_BATCH = 20
#: No case takes nearly so long.
_PATIENCE_SECONDS = 300


def main() -> int:
    """Run what the environment or the command line asks for; 1 if anything was wrong."""
    if len(sys.argv) > 1:
        report = _run(sys.argv[1], int(sys.argv[2]))
        _say("\n".join([*report.story, *map(str, report.problems)]))
        return 1 if report.problems else 0
    first, batches = int(os.environ.get("SEED", "0")), []
    chosen = os.environ.get("PROVIDERS", "").split()
    for option, (all_names, default) in _OPTIONS.items():
        names = [name for name in all_names if not chosen or name.split("_")[0] in chosen]
        last = first + int(os.environ.get(option, default))
        for seed in range(first, last, _BATCH):
            batches += [(name, range(seed, min(seed + _BATCH, last))) for name in names]
    sums: dict[str, Counter[str]] = {name: Counter() for name, _ in batches}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    ignored = (signal.SIGINT, signal.SIG_IGN)
    with (
        multiprocessing.get_context("spawn").Pool(None, signal.signal, ignored, 20) as pool,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for name, counts, red in pool.imap_unordered(_run_batch, batches):
            sums[name] += counts
            for line in red:
                _say(line)
    for name, counts in sums.items():
        _say(f"{name}: {', '.join(f'{count} {what}' for what, count in counts.items())}")
    return 1 if any(counts["red"] for counts in sums.values()) else 0


def _run_batch(batch: tuple[str, range]) -> tuple[str, Counter[str], list[str]]:
    """Some cases of one kind: their counts, and a line for each red one."""
    name, seeds = batch
    warnings.simplefilter("ignore")
    gc.set_threshold(50_000)  # a sixth faster
    counts, red = Counter(cases=len(seeds)), []
    for seed in seeds:
        report = _run(name, seed)
        counts += report.counts
        for problem in report.problems[:1]:
            counts["red"] += 1
            red.append(f"RED {name} {seed}: {problem.kind}, {problem.text[:500]}")
    return name, counts, red


def _run(name: str, seed: int) -> Report:
    """One case; whatever ends it early is a problem, too."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        if name in PROVIDERS:
            return run_schedule(name, seed)
        return run_closed_range(name, seed) if name in BY_NAME else _kill(seed)
    except Exception as error:  # noqa: BLE001 - a case that breaks is as red as any
        return Report(problems=[Problem("broken", f"{type(error).__name__}: {error}")])
    finally:
        signal.alarm(0)


def _kill(seed: int) -> Report:
    """One run that is killed: the case of this number."""
    logging.disable(logging.CRITICAL)
    case = cases(seed + 1)[seed]
    problems = [Problem("broken", f"{case}: {error}") for error in end(case)]
    logging.disable(logging.NOTSET)
    return Report(Counter(runs=1, kills=1), problems, [str(case)])


def _too_long(*_: object) -> None:
    raise TimeoutError("a case that never ends")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
