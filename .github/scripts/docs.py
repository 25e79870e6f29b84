"""Writes everything that follows from the code: tables, examples, dbt's sources, snapshots.

`make docs` runs it. With `--check` it writes nothing, names the files that would change, and exits
with 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys

from generator import hub
from generator.facts import ROOT
from generator.files import outdated
from generator.marks import MarkError


def main() -> int:
    """Write the files, or check them; the exit code."""
    parser = argparse.ArgumentParser(prog="docs.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    if wrong := hub.refusals(hub.definition()):
        sys.stderr.write("\n".join(["the Hub refuses its definition:", *wrong, ""]))
        return 1
    try:
        files = outdated()
    except MarkError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path, text in files.items():
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if check:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and files else 0


if __name__ == "__main__":
    sys.exit(main())
