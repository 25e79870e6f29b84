"""Bookmarks: the end of the last complete window, as the Singer state holds it.

Knows no clock, and no stream but by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_callexports.core.redact import shown
from tap_callexports.core.time.instants import UTC, format_instant, read_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping
    from datetime import datetime

#: What a bookmark holds in a state: an instant text, and the column it is named after.
VALUE, KEY = "replication_key_value", "replication_key"


def bookmark_of(state: Mapping[str, Any]) -> datetime | None:
    """The bookmark of a stream or partition, aware UTC; None when it has none.

    Args:
        state: Its object in the state.

    Raises:
        ValueError: The value is no instant.
    """
    value = state.get(VALUE)
    if value is None:
        return None
    moment = read_iso(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Bookmark:
    """The bookmark of a stream or partition.

    Args:
        state: Object of the stream or partition in the tap's state; changed in place.
        replication_key: Column it is named after.
        write: Sends the tap's state to the target.
    """

    def __init__(
        self, state: MutableMapping[str, Any], replication_key: str, write: Callable[[], None]
    ) -> None:
        self._state = state
        self._key = replication_key
        self._write = write

    @property
    def value(self) -> datetime | None:
        """The end of the last complete window, None before the first."""
        return bookmark_of(self._state)

    def move_to(self, end: datetime) -> None:
        """Move forward and write a STATE; an end before the bookmark, in the lookback, does not."""
        value = self.value
        if value is None or end > value:
            self.set(end)

    def set(self, end: datetime) -> None:
        """Set the bookmark, also back, and write a STATE."""
        self._state[KEY] = self._key
        self._state[VALUE] = format_instant(end)
        self._write()


def state_mistakes(state: object) -> Iterator[str]:
    """What is wrong with a state that was handed to the tap, one sentence each.

    Streams and keys this tap does not know are no mistake: they are kept as they are.
    """
    if not isinstance(state, dict):
        yield "state: must be a JSON object; for a first run leave it out or pass {}"
        return
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        yield "state: 'bookmarks' must be an object"
        return
    for name, bookmark in bookmarks.items():
        stream = shown(str(name), 80)
        if not isinstance(bookmark, dict):
            yield f"state: the bookmark of {stream} must be an object"
            continue
        yield from _bookmark_mistakes(stream, bookmark)
        partitions = bookmark.get("partitions", [])
        if not isinstance(partitions, list):
            yield f"state: 'partitions' of {stream} must be a list"
            continue
        yield from _partition_mistakes(stream, partitions)


def _bookmark_mistakes(where: str, bookmark: Mapping[str, Any]) -> Iterator[str]:
    try:
        bookmark_of(bookmark)
    except ValueError:
        yield f"state: '{VALUE}' of {where} is not an ISO 8601 instant"
    if not isinstance(bookmark.get("progress_markers", {}), dict):
        yield f"state: 'progress_markers' of {where} must be an object"
    if not isinstance(bookmark.get(KEY, ""), (str, type(None))):
        yield f"state: '{KEY}' of {where} must be a text"


def _partition_mistakes(stream: str, partitions: list[object]) -> Iterator[str]:
    seen: list[object] = []
    for partition in partitions:
        if not isinstance(partition, dict) or not isinstance(partition.get("context"), dict):
            yield f"state: a partition of {stream} has no 'context' object"
            continue
        if partition["context"] in seen:
            yield f"state: {stream} has the same partition twice"
        seen.append(partition["context"])
        yield from _bookmark_mistakes(f"a partition of {stream}", partition)
