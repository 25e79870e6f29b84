"""What the tap can say when something is wrong, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from generator.facts import ROOT

from tap_callexports.compat import override
from tap_callexports.errors import ExportError

SOURCE = ROOT / "tap_callexports"
#: Between the fixed parts of a message.
GAP = "…"
#: Calls whose first argument is a message, or a part of one, beside exceptions.
_CALLS = {"fail", "config_error", "warning", "error", "PaginationError"}
#: Functions that return or yield what is wrong.
_SPEAKING = re.compile(r"errors?$|_reason$|_credentials$|^_hint$|^ignored$|^zone_named$")
#: Names of what messages are kept in.
_KEPT = re.compile(r"^message$|^text$|^what$|_(STATUS|REASON|RULE)_MESSAGES$|_WARNING$")
_FEWEST_LETTERS = 4


def messages() -> set[str]:
    """Every message a run can end or warn with: its fixed parts, with a gap for each value."""
    return _all(_CALLS | set(_failures(ExportError)))


def notices() -> set[str]:
    """Every line that is only news."""
    return _all({"info"})


def is_said_by(message: str, entry: str) -> bool:
    """Whether a line could be this message, whatever stands in front of it or behind."""
    fixed = message.strip(GAP + " :;,.()").split(GAP)
    return bool(re.search(".*".join(map(re.escape, fixed)), entry))


def messages_in(source: str, calls: set[str]) -> set[str]:
    """The messages in a text of Python; those without a word of their own are left out."""
    reader = _Reader(calls)
    reader.visit(ast.parse(source))
    return {text for text in reader.found if len(re.findall("[A-Za-z]", text)) >= _FEWEST_LETTERS}


def _all(calls: set[str]) -> set[str]:
    return {
        message
        for path in SOURCE.rglob("*.py")
        for message in messages_in(path.read_text(encoding="utf-8"), calls)
    }


def _failures(kind: type[ExportError]) -> Iterator[str]:
    yield kind.__name__
    for narrower in kind.__subclasses__():
        yield from _failures(narrower)


def _text_of(node: ast.AST) -> str:
    """The fixed parts of a text, "" for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[-+0-9.]*[a-z]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
        return "".join(map(str, parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text_of(node.left) or GAP) + (_text_of(node.right) or GAP)
    return ""


class _Reader(ast.NodeVisitor):
    def __init__(self, calls: set[str]) -> None:
        self.found: list[str] = []
        self._calls = calls
        self._news = "info" in calls
        self._function = ""

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, node.name
        self.generic_visit(node)
        self._function = outer

    @override
    def generic_visit(self, node: ast.AST) -> None:
        speaks = bool(_SPEAKING.search(self._function)) and not self._news
        if isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in self._calls or (name == "ValueError" and speaks):
                self._take(node.args[0])
        elif isinstance(node, (ast.Yield, ast.Return)) and speaks and node.value:
            self._take(node.value)
        elif isinstance(node, ast.Lambda) and speaks:
            self._take(node.body)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and not self._news:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_KEPT.search(ast.unparse(target)) for target in targets):
                kept = node.value
                for value in kept.values if isinstance(kept, ast.Dict) else [kept]:
                    self._take(value)
        super().generic_visit(node)

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.IfExp):
            self._take(node.body)
            self._take(node.orelse)
        self.found.append(_text_of(node))
