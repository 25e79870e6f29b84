"""Nobody waves a check aside without saying why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "tap_callexports", "sandbox", "demo", "orchestrate", "benchmarks", ".github/scripts", "tests",
)  # fmt: skip
#: A check that is waved aside, and what stands behind it.
WAVED = re.compile(
    r"#\s*(?:noqa(?:: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*)?|type: ignore(?:\[[a-z, -]+\])?)(.*)"
)
REASON = re.compile(r" [-#] \w")


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_waved_aside_gives_its_reason(folder: str) -> None:
    silent = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (waved := WAVED.search(line)) and not REASON.match(waved[1])
    ]
    assert silent == []
