"""The README quotes what was measured last."""

from __future__ import annotations

from declared import README, ROOT, tables_in

RESULTS = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")


def test_the_readme_quotes_the_results() -> None:
    [quoted] = [table for table in tables_in(README) if table.header[0] == "tool"]
    [measured] = [table for table in tables_in(RESULTS) if table.heading == "Every tool"]
    columns = [measured.header.index(name) for name in quoted.header]
    rows = [[row[column] for column in columns] for row in measured.rows if "(a)" in row[0]]
    assert len(quoted.rows) >= 5
    assert all(row in rows for row in quoted.rows)
