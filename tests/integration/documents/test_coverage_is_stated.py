"""What the README says of coverage is what `make coverage` asks for."""

from __future__ import annotations

import re

from declared import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_readme_states_the_bound_that_is_held() -> None:
    (bound,) = re.findall(r"^fail_under = (\d+)$", PROJECT, re.MULTILINE)
    (stated,) = re.findall(r"`make coverage` measures it, and fails below (\d+) %", README)
    reached = re.findall(r"reach (\d+) % of the tap's lines and (\d+) % of its branches", README)
    assert stated == bound
    assert all(int(share) >= int(bound) for share in reached[0])


def test_branches_are_measured_too() -> None:
    (section,) = re.findall(r"\[tool\.coverage\.run\]\n(.*?)\n\n", PROJECT, re.DOTALL)
    assert "branch = true" in section
    assert 'source_pkgs = ["tap_callexports"]' in section
