"""docs/troubleshooting.md and the providers' pages know every message, and no other."""

from __future__ import annotations

import re

from generator.facts import ROOT
from messages import is_said_by, messages, messages_in, notices

DOCS = ROOT / "docs"
#: Sections of the page with messages of others, and with those that are no trouble.
FOREIGN, NEWS = "\n## Meltano, loaders and the SDK\n", "\n## Lines that are no trouble\n"


def entries_in(text: str) -> list[str]:
    """The messages in the tables of a text."""
    rows = re.findall(r"^\| message \|.*\n\|-.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [
        row.strip("|\n ").split(" | ")[0].replace("`", "").strip()
        for table in rows
        for row in table.splitlines()
    ]


PAGE, _, NO_TROUBLE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").partition(NEWS)
PROVIDERS = [path.read_text(encoding="utf-8") for path in (DOCS / "providers").glob("*.md")]
OURS = [entry for text in (PAGE.partition(FOREIGN)[0], *PROVIDERS) for entry in entries_in(text)]


def without_entry(found: set[str]) -> list[str]:
    return [message for message in found if not any(is_said_by(message, entry) for entry in OURS)]


def strange(entries: list[str], found: set[str]) -> list[str]:
    return [entry for entry in entries if not any(is_said_by(each, entry) for each in found)]


def test_every_message_has_an_entry_and_every_entry_a_message() -> None:
    found = messages()
    assert len(found) > 100
    assert without_entry(found) == []
    assert strange([entry for entry in OURS if "5xx" not in entry], found) == []


def test_every_line_that_is_no_trouble_is_one_the_tap_writes() -> None:
    entries = entries_in(NO_TROUBLE)
    assert len(entries) > 5
    assert strange(entries, notices()) == []


def test_a_message_without_an_entry_would_be_named() -> None:
    source = """
def read_window(self):
    self.logger.warning("%s: the moon is %d days old", self.where, days)
    raise self.fail(f"the moon is {days} days young")

def moon_errors(settings):
    yield "moon: " + f"must be full, not {settings}"
"""
    assert sorted(without_entry(messages_in(source, {"fail", "warning"}))) == [
        "moon: must be full, not …",
        "the moon is … days young",
        "…: the moon is … days old",
    ]
