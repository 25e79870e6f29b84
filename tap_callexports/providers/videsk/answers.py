"""Rows of forms and surveys: fixed columns, and one column per question under its label. Pure.

Fixed columns are asked for under names no question has, so that a question may be called anything.
A server that does not rename them shows its own labels; then the first column of a label is fixed.
https://docs.videsk.io/es-developers/api-privada/exportacion/formularios and .../encuestas
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_callexports.providers.videsk.labels import DICTIONARY, column_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_callexports.records.rows import Row

#: Column of the questions: a list of `{"label": …, "value": …}` in column order.
ANSWERS = "answers"
#: Fixed columns no row may go without: they are looked for behind the questions too.
NEEDED = ("id", "createdAt")
_PREFIX = "__videsk_"


def keys_for(fixed: Sequence[str]) -> dict[str, str]:
    """The `keys` of a request: the fixed columns that have an id, each under a name of our own."""
    return {name: _PREFIX + name for name in fixed if name in DICTIONARY}


class Header:
    """What the columns of an answer are.

    Args:
        labels: The answer's `columns`, in order; a label that repeats can hold one value only.
        fixed: Ids, or labels where there is no id, of the columns that are not questions.

    Attributes:
        repeated: Labels that stand for more than one column.
        hidden: Needed columns whose values are, or may be, a question's.
    """

    def __init__(self, labels: Sequence[str], fixed: Sequence[str]) -> None:
        counted = Counter(labels)
        self.repeated = [label for label, times in counted.items() if times > 1]
        self._fixed: dict[str, str] = {}
        for name in fixed:
            if label := _label_of(name, labels, len(fixed), self._fixed):
                self._fixed[label] = name
        self.hidden = [name for name in NEEDED if name in map(self._fixed.get, self.repeated)]
        # Of an optional one the question's value is what is there.
        for label in self.repeated:
            self._fixed.pop(label, None)
        self._questions = [label for label in counted if label not in self._fixed]

    def arranged(self, row: Row) -> dict[str, Any]:
        """A row with its fixed columns, and its answers as one list in column order."""
        known = {*self._fixed, *self._questions}
        labels = [*self._questions, *(label for label in row if label not in known)]
        return {
            **{name: row[label] for label, name in self._fixed.items() if label in row},
            ANSWERS: [{"label": label, "value": row[label]} for label in labels if label in row],
        }


def _label_of(
    name: str, labels: Sequence[str], leading: int, taken: Mapping[str, str]
) -> str | None:
    """The label a fixed column has in an answer, None where it is not there."""
    if _PREFIX + name in labels:
        return _PREFIX + name
    # Optional columns come first or not at all: further on a question has that label.
    places = labels if name in NEEDED else labels[:leading]
    column = column_of(name)
    return next(
        (label for label in places if column_of(label) == column and label not in taken), None
    )
