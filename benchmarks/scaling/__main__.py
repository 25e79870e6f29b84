"""Carries out on paper what 1,000 accounts with 10 million calls a year take: docs/scaling.md.

`python -m benchmarks.scaling` takes half a minute, and writes the tables of the page anew.
"""

from __future__ import annotations

import sys

from benchmarks.scaling.page import PAGE, with_blocks
from benchmarks.scaling.tables import blocks


def main() -> int:
    """Write the tables."""
    page = with_blocks(PAGE.read_text("utf-8"), blocks())
    PAGE.write_text(page, "utf-8")
    sys.stdout.write(f"{PAGE.name} is up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
