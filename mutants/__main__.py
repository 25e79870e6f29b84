"""Plants every bug in a copy of the tree, one at a time, and counts those the tests notice.

`python -m mutants` runs all of them, `python -m mutants window gzip` those with a word in their
name. The exit code is 1 where fewer than 95 % are noticed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

from mutants.planted import Mutant, copy_tree, planted

KILLED, SURVIVED = "killed", "survived"
STALE, RED = "does not apply", "tests red without the patch"
BROKEN, ENDLESS = "tests do not run", "no end"

#: Share of the bugs that must be noticed, in per cent.
WANTED = 95
#: Seconds the tests of one bug may take, and each of them.
LIMIT, EACH = 300, 120
_OPTIONS = ("-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider")
#: Exit codes of pytest.
_GREEN, _FAILED = 0, 1
Tests: TypeAlias = tuple[str, ...]
#: None where the tests did not end.
Code: TypeAlias = int | None


def main() -> int:
    """Run the bugs that were asked for; the exit code."""
    options = _options()
    chosen = [
        mutant
        for mutant in planted()
        if not options.words or any(word in mutant.name for word in options.words)
    ]
    if not chosen:
        print("no planted bug has such a name")
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        copy_tree(tree)
        with ThreadPoolExecutor(options.jobs) as pool:
            before = _without_bugs(tree, pool, [mutant.tests for mutant in chosen])
            results = []
            for mutant, result in zip(
                chosen, pool.map(partial(_result, tree, before), chosen), strict=True
            ):
                print(f"{mutant.name:44} {result}", flush=True)
                results.append(result)
    return _report(results, time.monotonic() - began)


def _report(results: list[str], seconds: float) -> int:
    counted = Counter(results)
    share = 100 * counted[KILLED] / len(results)
    words = ", ".join(f"{number} {result}" for result, number in counted.most_common())
    print(f"\n{len(results)} planted: {words}; {share:.1f} % killed, {seconds:.0f} s")
    return 0 if share >= WANTED else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="words of the names of patches; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    return parser.parse_args()


def _without_bugs(tree: Path, pool: ThreadPoolExecutor, subsets: list[Tests]) -> dict[Tests, Code]:
    """How each subset of the tests ends in the tree as it is."""
    chosen = list(dict.fromkeys(subsets))
    # Together as far as that goes: most of the time goes into starting.
    plain = list(dict.fromkeys(test for tests in chosen if "-k" not in tests for test in tests))
    parts = [tuple(part) for part in (plain[::2], plain[1::2]) if part]
    together = pool.map(partial(_outcome, tree, limit=4 * LIMIT), parts)
    green = {
        test for part, code in zip(parts, together, strict=True) if code == _GREEN for test in part
    }
    known: dict[Tests, Code] = {tests: _GREEN for tests in chosen if green.issuperset(tests)}
    rest = [tests for tests in chosen if tests not in known]
    return known | dict(zip(rest, pool.map(partial(_outcome, tree), rest), strict=True))


def _result(tree: Path, before: dict[Tests, Code], mutant: Mutant) -> str:
    """What became of one bug."""
    if (code := before[mutant.tests]) != _GREEN:
        return RED if code == _FAILED else BROKEN
    with tempfile.TemporaryDirectory(prefix="mutant-", dir=tree.parent) as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".hypothesis"))
        if not mutant.apply(copy):
            return STALE
        # Compiled files know their source by its second: a patch may come within it.
        code = _outcome(copy, mutant.tests, PYTHONDONTWRITEBYTECODE="1")
    return {_GREEN: SURVIVED, _FAILED: KILLED, None: ENDLESS}.get(code, BROKEN)


def _outcome(tree: Path, tests: Tests, *, limit: int = LIMIT, **more: str) -> Code:
    """Exit code of the tests in a copy of the tree, with more in the environment."""
    command = [sys.executable, "-m", "pytest", *_OPTIONS, f"--timeout={EACH}", *tests]
    # Ahead of the installed package, which is the working tree.
    environment = {**os.environ, "PYTHONPATH": str(tree), **more}
    for name in ("PYTEST_ADDOPTS", "UPDATE_SNAPSHOTS"):
        environment.pop(name, None)
    try:
        done = subprocess.run(
            [*command, "--hypothesis-seed=0"],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
