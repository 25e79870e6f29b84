"""Kills many runs, says what came of it: `KILLS=500 SEED=2 python -m tests.proof.kill_soak`."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from kills import Verdict, cases, end  # noqa: E402 - after the path is set


def main() -> int:
    """Kill KILLS runs (400), as SEED (1) says; the exit code is 1 if any of them went wrong."""
    kills, seed = int(os.environ.get("KILLS", "400")), int(os.environ.get("SEED", "1"))
    began = time.monotonic()
    with ProcessPoolExecutor(initializer=_be_quiet) as workers:
        verdicts = []
        for verdict in workers.map(end, cases(kills, seed)):
            verdicts.append(verdict)
            if verdict.errors:
                sys.stdout.write(f"{verdict.case}: {'; '.join(verdict.errors)}\n")
                sys.stdout.flush()
    wrong = sum(bool(verdict.errors) for verdict in verdicts)
    sys.stdout.write(_figures(verdicts, wrong, seed, time.monotonic() - began))
    return 1 if wrong else 0


def _figures(verdicts: list[Verdict], wrong: int, seed: int, seconds: float) -> str:
    signals = Counter(verdict.case.signum.name for verdict in verdicts)
    parts = {
        "kills": len(verdicts),
        **dict(sorted(signals.items())),
        "with a torn last line": sum(verdict.torn for verdict in verdicts),
        "before the first STATE": sum(not verdict.states for verdict in verdicts),
        "lines before them": sum(verdict.lines for verdict in verdicts),
        "too late": sum(verdict.ended_first for verdict in verdicts),
        "wrong": wrong,
        "seed": seed,
        "seconds": round(seconds),
    }
    return ", ".join(f"{name}: {value}" for name, value in parts.items()) + "\n"


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
