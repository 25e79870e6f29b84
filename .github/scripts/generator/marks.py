"""Text between two marks of a file that is otherwise written by hand.

A mark is a comment on a line of its own: `generated: NAME` in Markdown, YAML or SQL, and below it
`end of generated`. What stands between them is replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BLOCK = re.compile(
    r"^(?P<begin>(?P<indent> *)(?:<!--|#|--) generated: (?P<name>[^\n]+?)(?: -->)?\n)"
    r"(?P<old>.*?)"
    r"(?P<end>^ *(?:<!--|#|--) end of generated)",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"^ *(?:<!--|#|--) (?:end of )?generated", re.MULTILINE)


class MarkError(Exception):
    """A mark is not as it should be."""


def filled(text: str, blocks: Mapping[str, Callable[[], str]], where: str) -> str:
    """A text with the current content between its marks.

    Args:
        text: The text of a file.
        blocks: What makes the content, by the name in the mark.
        where: The file's name, for errors.

    Raises:
        MarkError: A block has another name, or no end.
    """

    def renewed(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in blocks:
            raise MarkError(f"{where}: no block is called {name!r}, but {', '.join(blocks)}")
        lines = blocks[name]().splitlines()
        content = "".join(f"{found['indent']}{line}".rstrip() + "\n" for line in lines)
        return f"{found['begin']}{content}{found['end']}"

    if _MARK.search(_BLOCK.sub("", text)):
        raise MarkError(f"{where}: marks must come in pairs")
    return _BLOCK.sub(renewed, text)
