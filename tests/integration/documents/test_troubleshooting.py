"""The messages that the troubleshooting pages quote are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from generator.facts import ROOT

PAGES = [ROOT / "docs" / "troubleshooting.md", *sorted((ROOT / "docs" / "providers").glob("*.md"))]
#: Where one text of the code may end: marks, names of settings and fields, and `…`.
SEAM = re.compile(r"[…:;,()?]|\w+[._]\w+")
TABLE = re.compile(r"^\| (?:message|reason) \|.*\n\|---.*\n((?:\|.*\n)+)", re.MULTILINE)


def texts_of_the_code() -> str:
    """Every text in the package; one with values in it as its parts."""
    found = [
        node.value
        for file in (ROOT / "tap_callexports").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return "\n".join(found)


def quoted_messages(page: Path) -> list[str]:
    """The code spans in the first column of the tables of messages."""
    rows = "".join(TABLE.findall(page.read_text(encoding="utf-8"))).splitlines()
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_every_quoted_message_is_in_the_code() -> None:
    """Compared by clauses of several words, as the code joins a message of parts."""
    texts = texts_of_the_code()
    messages = [message for page in PAGES for message in quoted_messages(page)]
    clauses = {each.strip() for text in messages for each in SEAM.split(text)}
    assert len(messages) > len(PAGES)
    assert [each for each in clauses if " " in each and each not in texts] == []
