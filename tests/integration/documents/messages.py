"""What the tap can say when something is wrong, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from declared import ROOT

from tap_callexports.compat import override
from tap_callexports.errors import ExportError

SOURCE = ROOT / "tap_callexports"
#: Between the fixed parts of a message.
GAP = "…"

#: Calls whose first argument is a message, or a part of one.
_CALLS = {"fail", "config_error", "warning", "error", "PaginationError"}
#: Functions that return or yield what is wrong.
_SPEAKING = re.compile(r"errors?$|_reason$|_credentials$|^_hint$|^ignored$|^zone_named$")
#: Names of what messages are kept in.
_KEPT = re.compile(r"^message$|^text$|^what$|_(STATUS|REASON|RULE)_MESSAGES$|_WARNING$")
_FORMAT = re.compile(r"%[-+0-9.]*[a-z]")
_EDGES = GAP + " :;,.()"
_FEWEST_LETTERS = 4


@dataclass(frozen=True)
class Message:
    """A message as the source has it.

    Attributes:
        place: File and line.
        text: Its fixed parts, with a gap for each value.
    """

    place: str
    text: str

    def is_said_by(self, entry: str) -> bool:
        """Whether a line could be this message, whatever stands in front of it or behind."""
        fixed = self.text.strip(_EDGES).split(GAP)
        return bool(re.search(".*".join(map(re.escape, fixed)), entry))


def messages() -> list[Message]:
    """Every message a run can end or warn with."""
    return list(_messages(_CALLS | set(_failures(ExportError))))


def notices() -> list[Message]:
    """Every line that is only news."""
    return list(_messages({"info"}))


def messages_in(source: str, file: str, calls: set[str]) -> Iterator[Message]:
    """The messages in a text of Python; those without a word of their own are left out."""
    reader = _Reader(calls)
    reader.visit(ast.parse(source))
    for line, text in reader.found:
        if len(re.sub(r"[^A-Za-z]", "", text)) >= _FEWEST_LETTERS:
            yield Message(f"{file}:{line}", text)


def _messages(calls: set[str]) -> Iterator[Message]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = str(path.relative_to(SOURCE))
        yield from messages_in(Path(path).read_text(encoding="utf-8"), name, calls)


def _failures(kind: type[ExportError]) -> Iterator[str]:
    yield kind.__name__
    for narrower in kind.__subclasses__():
        yield from _failures(narrower)


def _text_of(node: ast.AST) -> str:
    """The fixed parts of a text, "" for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _FORMAT.sub(GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
        return "".join(map(str, parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text_of(node.left) or GAP) + (_text_of(node.right) or GAP)
    return ""


class _Reader(ast.NodeVisitor):
    def __init__(self, calls: set[str]) -> None:
        self.found: list[tuple[int, str]] = []
        self._calls = calls
        self._inside: list[str] = []

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    @override
    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func).rpartition(".")[2]
        if node.args and (name in self._calls or (name == "ValueError" and self._speaks)):
            self._take(node.args[0])
        self.generic_visit(node)

    @override
    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Yield, ast.Return)) and self._speaks and node.value:
            self._take(node.value)
        elif isinstance(node, ast.Lambda) and self._speaks:
            self._take(node.body)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and "info" not in self._calls:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value and any(_KEPT.search(ast.unparse(target)) for target in targets):
                kept = node.value
                for value in kept.values if isinstance(kept, ast.Dict) else [kept]:
                    self._take(value)
        super().generic_visit(node)

    @property
    def _speaks(self) -> bool:
        speaking = bool(self._inside) and _SPEAKING.search(self._inside[-1])
        return bool(speaking) and "info" not in self._calls

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.IfExp):
            self._take(node.body)
            self._take(node.orelse)
        if text := _text_of(node):
            self.found.append((getattr(node, "lineno", 0), text))
