"""The page that the tables are written into, each between two marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.workloads import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs" / "scaling.md"


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """A page with these texts in their places.

    Raises:
        ValueError: It has no such place.
    """
    for name, wanted in blocks.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the page has no place for {name}")
        text = f"{before}{begin}{wanted}{end}{after}"
    return text
