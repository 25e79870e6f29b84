"""What docs/completeness.md says of the ways of pulling Vapi's list, on a small one."""

from __future__ import annotations

import pytest

from benchmarks.idioms import CASES, DLT, PAGE, WAYS, compare
from benchmarks.tools import BENCH

#: Rows per page; 12 calls share a millisecond before each run.
LIMIT = 40


def test_the_tap_loses_nothing_where_the_known_ways_do() -> None:
    found = compare(WAYS, LIMIT, moves=False, runs=2)
    tap = found.pop("tap-callexports")
    assert (tap["lost"], tap["stale"]) == (0, 0)
    lost = {name: counts["lost"] for name, counts in found.items()}
    assert lost.pop("walk by `createdAtLt`, back to the last run") == 2 * 12 / 2
    assert lost.pop("walk by `createdAtLt`, the whole list in each run") == 12 / 2
    # They have two pages of 15 and more.
    assert set(lost.values()) == {tap["calls"] - 2 * LIMIT}


@pytest.mark.slow
@pytest.mark.skipif(not BENCH.exists(), reason="make .venv-bench/ready installs dlt")
def test_dlt_loses_what_is_behind_the_first_page_and_the_tap_nothing_if_changes_are_seen() -> None:
    found = compare({**DLT, **WAYS}, LIMIT, moves=True, runs=2)
    tap = found["tap-callexports"]
    assert (tap["lost"], tap["stale"]) == (0, 0)
    assert {found[name]["lost"] for name in DLT} == {tap["calls"] - 2 * LIMIT}


@pytest.mark.slow
def test_a_hidden_change_after_the_lookback_is_not_found_by_the_tap() -> None:
    moves, age = CASES["C"]
    [tap] = compare({"tap": WAYS["tap-callexports"]}, LIMIT, moves=moves, age=age).values()
    assert tap["lost"] == 0
    assert tap["stale"] > 0


def test_the_page_shows_every_way() -> None:
    page = PAGE.read_text("utf-8")
    assert [name for name in {**DLT, **WAYS} if f"\n| {name} |" not in page] == []
