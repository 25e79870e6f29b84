"""Draws the report of a warehouse: python -m demo.report output/warehouse.duckdb."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .insights import insights
from .page import page
from .source import SourceError


def main(arguments: list[str] | None = None) -> int:
    """Write the page; the exit code is 1, after one line about it, where that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m demo.report", description=__doc__)
    parser.add_argument("source", help="a DuckDB file, or postgresql://user@host:port/database")
    parser.add_argument("--schema", default="analytics", help="the schema of the table calls")
    parser.add_argument("--output", type=Path, default=Path("output/report.html"))
    options = parser.parse_args(arguments)
    try:
        html = page(insights(options.source, options.schema))
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(html, encoding="utf-8")
    except (SourceError, OSError) as error:
        sys.stderr.write(f"No report: {error}\n")
        return 1
    sys.stdout.write(f"Open in a browser: {options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
