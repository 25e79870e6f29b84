"""The parts in which a window is read that cannot be read as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_callexports.errors import Unreadable, WindowTooLarge
from tap_callexports.http.response import MAX_ROWS
from tap_callexports.records.timestamps import SECOND
from tap_callexports.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_callexports.records.batch import Batch

#: How far from a second that cannot be read others are tried, to see whether the server is down.
#: The nearest is so far that the margins of its request do not reach that second.
_DISTANCES = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 3600, 86_400, 31 * 86_400))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a planned window.

    Args:
        window: The time range.
        few_tries: Whether a larger window around it was tried often enough.
        last_try: Whether it cannot be split, and is skipped if it cannot be read now.
    """

    window: Window
    few_tries: bool = False
    last_try: bool = False


def in_halves(part: Part, failure: WindowTooLarge | Unreadable) -> list[Part]:
    """The halves of a part, the earlier one last; none where it cannot be split.

    Args:
        part: What could not be read.
        failure: Why.
    """
    few_tries = part.few_tries or isinstance(failure, Unreadable)
    return [Part(half, few_tries) for half in reversed(part.window.split() or ())]


def held_back(answers: Iterable[Batch], window: Window) -> Iterator[Batch]:
    """The answers for a window once all have come: of one that cannot be read there are none.

    Args:
        answers: As they come.
        window: What they are for.

    Raises:
        WindowTooLarge: They are too many to be kept in memory.
    """
    held, rows = [], 0
    for batch in answers:
        held.append(batch)
        rows += len(batch)
        if rows > MAX_ROWS and window.split():
            raise WindowTooLarge(f"over {MAX_ROWS} rows")
    yield from held


def others_can_be_read(
    read: Callable[[Window], Iterable[Batch]], span: Window, unread: Window
) -> bool:
    """Whether the server answers now for another second: then it is not down.

    Args:
        read: Reads a window.
        span: What other seconds are taken from.
        unread: A second that the server did not answer for.
    """
    starts = (unread.start + sign * distance for distance in _DISTANCES for sign in (-1, 1))
    for start in starts:
        if not span.start <= start < span.end:
            continue
        try:
            for _ in read(Window(start, start + SECOND)):
                pass
        except (WindowTooLarge, Unreadable):
            continue
        return True
    return False
