"""Bookmarks in the Singer state: the end of the last complete window, and when it was read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from tap_callexports.records.timestamps import UTC, format_instant, read_iso
from tap_callexports.redaction import sanitize

#: Keys of a bookmark: an instant text, the replication key, and the instant text of when the rows
#: before it were read, which older states lack.
VALUE, KEY, AS_OF = "replication_key_value", "replication_key", "as_of"
#: Keys that the SDK sets during a run; later runs ignore them.
_TRANSIENT = {"progress_markers", "replication_key_signpost", "starting_replication_value"}
_KEYS = {KEY, VALUE, AS_OF, *_TRANSIENT}


def bookmark_of(state: Mapping[str, Any], name: str = VALUE) -> datetime | None:
    """An instant (VALUE or AS_OF) in the state of a stream or partition, aware UTC, or None.

    Raises:
        ValueError: The instant is invalid.
    """
    value = state.get(name)
    if value is None:
        return None
    moment = read_iso(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Bookmark:
    """The bookmark of a stream or partition.

    `value` is the end of the last complete window: everything before it was read. `as_of` is the
    time of the run that read it, minus `settle_minutes`.

    Args:
        state: Object of the stream or partition in the tap's state; changed in place.
        replication_key: Its column.
        write: Writes the tap's state to the target.
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

    @property
    def as_of(self) -> datetime | None:
        """When the rows before the value were read; None if unknown."""
        return bookmark_of(self._state, AS_OF)

    def move_to(self, end: datetime, as_of: datetime) -> None:
        """Move to the end of a complete window, unless it is before the value.

        Within the lookback, before the value, the old pair stays, so that the lookback is read
        again if this run ends early.

        Args:
            end: This run has read everything before it.
            as_of: The time of this run, minus `settle_minutes`.
        """
        value, known = self.value, self.as_of
        read_anew = end == value and (known is None or as_of > known)
        if value is None or end > value or read_anew:
            self._set(end, as_of)

    def lower(self, latest: datetime, to: datetime) -> bool:
        """Set the value and `as_of` to `to` if they are after `latest`.

        Returns:
            Whether either was, so that a STATE was written.
        """
        value, as_of = self.value, self.as_of
        if value is None or max(value, as_of or value) <= latest:
            return False
        self._set(
            to if value > latest else value, to if as_of is not None and as_of > latest else as_of
        )
        return True

    def _set(self, value: datetime, as_of: datetime | None) -> None:
        self._state[KEY] = self._key
        self._state[VALUE] = format_instant(value)
        if as_of is not None:
            self._state[AS_OF] = format_instant(as_of)
        self._write()


def unwrapped(state: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Remove the wrappers around a state, perhaps several.

    These are a STATE message, `singer_state`, and `completed` and `partial` as in Meltano's state
    backends, where `partial` replaces bookmarks stream by stream.
    """
    while isinstance(state, dict) and "bookmarks" not in state:
        if state.get("type") == "STATE" and "value" in state:
            state = state["value"]
        elif "singer_state" in state:
            state = state["singer_state"]
        elif "completed" in state or "partial" in state:
            return _overlaid(unwrapped(state.get("completed")), unwrapped(state.get("partial")))
        else:
            break
    return state


def _overlaid(completed: Any, partial: Any) -> Any:  # noqa: ANN401 - any JSON value
    below, above = completed or {}, partial or {}
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above if isinstance(below, dict) else below
    bookmarks = [each.get("bookmarks", {}) for each in (below, above)]
    merged = below | above
    if all(isinstance(each, dict) for each in bookmarks) and "bookmarks" in merged:
        merged["bookmarks"] = bookmarks[0] | bookmarks[1]
    return merged


def drop_transient(state: Mapping[str, Any], known: Collection[str]) -> None:
    """Remove the SDK's transient keys from the bookmarks of `known` streams, in place."""
    for name in state.get("bookmarks", {}).keys() & set(known):
        bookmark = state["bookmarks"][name]
        for place in (bookmark, *bookmark.get("partitions", ())):
            for key in _TRANSIENT:
                place.pop(key, None)


def state_errors(state: object, known: Collection[str]) -> Iterator[str]:
    """Errors of a state; bookmarks of streams that are not `known` are hardly checked."""
    if not isinstance(state, dict):
        yield "state: must be a JSON object; for a first run leave it out or pass {}"
        return
    if state and "bookmarks" not in state:
        yield (
            "state: has no 'bookmarks', so it is not a state of this tap; for a first run leave it "
            "out or pass {}"
        )
        return
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        yield "state: 'bookmarks' must be an object"
        return
    for name, bookmark in bookmarks.items():
        stream = sanitize(str(name), 80)
        if not isinstance(bookmark, dict):
            yield f"state: the bookmark of {stream} must be an object"
            continue
        partitions = bookmark.get("partitions", [])
        if not isinstance(partitions, list):
            yield f"state: 'partitions' of {stream} must be a list"
            continue
        is_known = name in known
        yield from _bookmark_errors(stream, bookmark, {"partitions"} if is_known else None)
        yield from _partition_errors(stream, partitions, {"context"} if is_known else None)


def _bookmark_errors(
    where: str, bookmark: Mapping[str, Any], others: set[str] | None
) -> Iterator[str]:
    """Errors of a bookmark, which may have `others` as further keys; None for any."""
    if not isinstance(bookmark.get("progress_markers", {}), dict):
        yield f"state: 'progress_markers' of {where} must be an object"
    if others is None:
        return
    if strange := [sanitize(str(key), 80) for key in bookmark.keys() - _KEYS - others]:
        yield (
            f"state: the bookmark of {where} has keys of another tap ({', '.join(sorted(strange))})"
            "; take the stream out of the state to read it from start_date"
        )
    for key in (VALUE, AS_OF):
        try:
            bookmark_of(bookmark, key)
        except ValueError:
            yield f"state: '{key}' of {where} is not an ISO 8601 instant"
    if not isinstance(bookmark.get(KEY, ""), (str, type(None))):
        yield f"state: '{KEY}' of {where} must be a text"


def _partition_errors(
    stream: str, partitions: list[object], others: set[str] | None
) -> Iterator[str]:
    seen: list[object] = []
    for partition in partitions:
        context = partition.get("context") if isinstance(partition, dict) else None
        if not isinstance(partition, dict) or (others and not isinstance(context, dict)):
            yield f"state: a partition of {stream} has no 'context' object"
            continue
        if others and context in seen:
            yield f"state: {stream} has the same partition twice"
        seen.append(context)
        yield from _bookmark_errors(f"a partition of {stream}", partition, others)
