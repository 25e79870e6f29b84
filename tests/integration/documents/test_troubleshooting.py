"""docs/troubleshooting.md knows every message, and no other."""

from __future__ import annotations

from declared import plain, tables_in
from messages import Message, messages, messages_in, notices
from pages import DOCS

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
#: Sections with messages of others.
FOREIGN = "Meltano, loaders and the SDK"
NEWS = "Lines that are no trouble"
ENTRIES = [
    (table.heading, plain(row[0]))
    for table in tables_in(PAGE)
    if table.header[0] == "message"
    for row in table.rows
]
OURS = [entry for heading, entry in ENTRIES if heading not in {FOREIGN, NEWS}]


def without_entry(found: list[Message]) -> list[str]:
    return [
        f"{message.place}: {message.text}"
        for message in found
        if not any(message.is_said_by(entry) for entry in OURS)
    ]


def test_every_message_has_an_entry() -> None:
    found = messages()
    assert len(found) > 120
    assert without_entry(found) == []


def test_every_entry_is_of_a_message() -> None:
    found = messages()
    worded = [entry for entry in OURS if "5xx" not in entry]
    assert [e for e in worded if not any(message.is_said_by(e) for message in found)] == []


def test_every_line_that_is_no_trouble_is_one_the_tap_writes() -> None:
    found = notices()
    entries = [entry for heading, entry in ENTRIES if heading == NEWS]
    assert len(entries) > 5
    assert [e for e in entries if not any(message.is_said_by(e) for message in found)] == []


def test_a_message_without_an_entry_would_be_named() -> None:
    source = """
def read_window(self):
    self.logger.warning("%s: the moon is %d days old", self.where, days)
    raise self.fail(f"the moon is {days} days old")

def moon_errors(settings):
    yield "moon: " + f"must be full, not {settings}"
"""
    found = list(messages_in(source, "moon.py", {"fail", "warning"}))
    assert without_entry(found) == [
        "moon.py:3: …: the moon is … days old",
        "moon.py:4: the moon is … days old",
        "moon.py:7: moon: must be full, not …",
    ]
