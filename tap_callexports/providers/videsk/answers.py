"""Rows of forms and surveys: fixed columns, and one column per question under its label.

Fixed columns are requested under names that no question has, so that questions may have any label.
If the server does not rename them, the first column of a label is the fixed one.
https://docs.videsk.io/es-developers/api-privada/exportacion/formularios and .../encuestas
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tap_callexports.providers.videsk.labels import DICTIONARY, column_of
from tap_callexports.records.rows import Row

#: Column of the answers: a list of `{"label": …, "value": …}` in column order.
ANSWERS = "answers"
#: Fixed columns that every row needs: they may also come after the questions.
NEEDED = ("id", "createdAt")
_PREFIX = "__videsk_"


def keys_for(fixed: Sequence[str]) -> dict[str, str]:
    """The `keys` of a request: the fixed columns that have an id, each under a name of the tap."""
    return {name: _PREFIX + name for name in fixed if name in DICTIONARY}


class Header:
    """Assigns the columns of a response to fixed columns and questions.

    Args:
        labels: The response's `columns`, in order; a repeated label has one value only.
        fixed: Ids, or labels if there is no id, of the columns that are not questions.

    Attributes:
        repeated: Labels of more than one column.
        hidden: Needed columns whose values may be those of a question.
    """

    def __init__(self, labels: Sequence[str], fixed: Sequence[str]) -> None:
        counted = Counter(labels)
        self.repeated = [label for label, times in counted.items() if times > 1]
        self._fixed: dict[str, str] = {}
        for name in fixed:
            if label := _label_of(name, labels, len(fixed), self._fixed):
                self._fixed[label] = name
        self.hidden = [name for name in NEEDED if name in map(self._fixed.get, self.repeated)]
        # The value of a repeated label is the question's.
        for label in self.repeated:
            self._fixed.pop(label, None)
        self._questions = [label for label in counted if label not in self._fixed]

    def arranged(self, row: Row) -> dict[str, Any]:
        """A row with its fixed columns, and a list of its answers in column order."""
        known = {*self._fixed, *self._questions}
        labels = [*self._questions, *(label for label in row if label not in known)]
        return {
            **{name: row[label] for label, name in self._fixed.items() if label in row},
            ANSWERS: [{"label": label, "value": row[label]} for label in labels if label in row],
        }


def _label_of(
    name: str, labels: Sequence[str], leading: int, taken: Mapping[str, str]
) -> str | None:
    """The label of a fixed column in a response, None if it is absent."""
    if _PREFIX + name in labels:
        return _PREFIX + name
    # Optional columns come first or not at all; later columns are questions.
    places = labels if name in NEEDED else labels[:leading]
    column = column_of(name)
    return next(
        (label for label in places if column_of(label) == column and label not in taken), None
    )
