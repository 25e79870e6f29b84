"""How a window is read whole where answers have a cap and there is no cursor. Sends nothing itself.

Walking on from the end of an answer is cheap and right for a server that filters by what it sorts
by. Whether it does is tested, not assumed; where it does not, the window is split.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.instants import SECOND, parse_instant
from tap_callexports.core.paginator import PaginationError
from tap_callexports.providers.videsk.paginator import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    WALKABLE_ROWS,
    Answer,
    Ask,
    Cap,
    TimeWalk,
    first_ask,
    joined,
    last_second,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_callexports.core.normalise import Batch
    from tap_callexports.core.window import Window

#: Answers that are looked back from before a server is trusted to filter by what it sorts by.
LOOKS = 3


class Server:
    """What one run knows, and learns, of how an endpoint answers.

    Args:
        column: Column the rows are sorted by.
        keys: Columns that tell rows apart.
        cap: What is known of the cap.
        walkable: Whether it may filter by what it sorts by.
    """

    def __init__(self, column: str, keys: Sequence[str], cap: Cap, *, walkable: bool) -> None:
        self.column = column
        self.keys = keys
        self.cap = cap
        self.walkable = walkable
        #: How often looking back showed nothing new.
        self.looks = 0


def read_whole(window: Window, ask: Callable[[Ask], Answer], server: Server) -> Iterator[Batch]:
    """Every row of a window, an answer at a time.

    Raises:
        WindowTooLarge: The window must be split.
        PaginationError: It cannot be, and one second holds more rows than can be asked for.
    """
    least = WALKABLE_ROWS if server.walkable else sys.maxsize
    walk = TimeWalk(window, server.column, server.keys, server.cap, walkable=least)
    known: set[object] = set()
    try:
        while not walk.finished:
            answer = ask(walk.current_value)
            walk.advance(answer)
            yield answer.batch
            if server.looks < LOOKS and not walk.finished:
                known.update(map(walk.key, answer.batch.records))
                _look_back(first_ask(window), answer, known, walk, ask, server)
    except WindowTooLarge:
        if window.split():
            raise
        yield from _from_both_ends(window, ask, server)


def _look_back(
    first: Ask,
    answer: Answer,
    known: set[object],
    walk: TimeWalk,
    ask: Callable[[Ask], Answer],
    server: Server,
) -> None:
    """Ask newest first up to an answer's last second: is all of it known, and nothing later?

    A row the server filters by an earlier time than it shows would be missed by walking on.
    The overlap of a walk finds servers that do so with most rows, this those with few.

    Raises:
        WindowTooLarge: There is such a row; nothing is walked behind in this run any more.
    """
    last = last_second(answer, server.column)
    back = ask(Ask(first.start, last + SECOND, NEWEST_FIRST)).batch.records
    shown = {walk.key(row): parse_instant(row[server.column]) for row in back if row[server.column]}
    times = set(shown.values())
    unknown = {key for key, time in shown.items() if time < last} - known
    if last not in times or max(times) > last + SECOND or unknown:
        server.walkable = False
        raise WindowTooLarge("the server sorts or filters by another time")
    server.looks += 1


def _from_both_ends(
    window: Window, ask: Callable[[Ask], Answer], server: Server
) -> Iterator[Batch]:
    """A second that one answer does not hold: oldest first joined with newest first."""
    answers = []
    for sort in (OLDEST_FIRST, NEWEST_FIRST):
        answer = ask(first_ask(window, sort))
        yield answer.batch
        if not server.cap.may_be_cut(answer):
            return
        answers.append(answer.batch.records)
    if not joined(answers[0], answers[1], server.keys):
        raise PaginationError(
            f"the second {window.start:%Y-%m-%dT%H:%M:%SZ} holds more rows than the provider "
            "gives in one answer; ask Videsk to raise the cap for the account"
        )
