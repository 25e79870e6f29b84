"""The documents, and the examples in them."""

from __future__ import annotations

import re
from typing import Any

import yaml
from generator.facts import ROOT

README = ROOT / "README.md"
PRIVACY = ROOT / "docs" / "privacy.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def code_blocks(text: str, language: str) -> list[str]:
    """What is fenced as a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def privacy_example(part: str) -> Any:
    """A part of the YAML examples on personal data: `select`, or `config`."""
    examples = map(yaml.safe_load, code_blocks(PRIVACY.read_text(encoding="utf-8"), "yaml"))
    [found] = [example[part] for example in examples if part in example]
    return found
