"""Bookmarks: the end of the last complete window and when it was read, in the Singer state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_callexports.records.timestamps import UTC, format_instant, read_iso
from tap_callexports.redaction import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
    from datetime import datetime

#: What a bookmark holds in a state: an instant text, the column it is named after, and the instant
#: text of when what lies before it was read, which older states lack.
VALUE, KEY, AS_OF = "replication_key_value", "replication_key", "as_of"
#: Keys the SDK puts into a bookmark while a stream is read; they mean nothing to a later run.
_TRANSIENT = {"progress_markers", "replication_key_signpost", "starting_replication_value"}
_KEYS = {KEY, VALUE, AS_OF, *_TRANSIENT}


def bookmark_of(state: Mapping[str, Any], name: str = VALUE) -> datetime | None:
    """An instant in the bookmark of a stream or partition, aware UTC; None when it has none.

    Args:
        state: Its object in the state.
        name: VALUE or AS_OF.

    Raises:
        ValueError: It is no instant.
    """
    value = state.get(name)
    if value is None:
        return None
    moment = read_iso(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Bookmark:
    """The bookmark of a stream or partition: a value, and as of when it holds.

    `value` is the end of the last complete window: all before it has been read. `as_of` is the
    time of the run that read it, less `settle_minutes`. The two are written as a pair.

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

    @property
    def as_of(self) -> datetime | None:
        """When what lies before the value was read; None where that is not known."""
        return bookmark_of(self._state, AS_OF)

    def move_to(self, end: datetime, as_of: datetime) -> None:
        """Take over the end of a complete window, unless it lies before the value.

        All windows of the run before it are complete. In the part that is read again, before the
        value, the old pair stays: the rest of that part is read again should this run die.

        Args:
            end: All before it has been read by this run.
            as_of: The time of this run, less `settle_minutes`.
        """
        value, known = self.value, self.as_of
        read_anew = end == value and (known is None or as_of > known)
        if value is None or end > value or read_anew:
            self._set(end, as_of)

    def lower(self, latest: datetime, to: datetime) -> bool:
        """Lower what is later than it can be.

        Args:
            latest: The latest instant the value or `as_of` can be.
            to: What the later ones become.

        Returns:
            Whether anything was lowered, and a STATE written.
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
    """A state out of what is commonly put around it, which may be several layers.

    Those are a STATE message, `singer_state`, and `completed` with `partial` over it, as Meltano's
    state backends keep it: there each stream's bookmark is taken whole, from one or the other.
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
    """Take out of a state what the SDK left there in the middle of a run.

    Args:
        state: Without errors; changed in place.
        known: Names of the streams there are; bookmarks of others stay as they are.
    """
    for name in state.get("bookmarks", {}).keys() & set(known):
        bookmark = state["bookmarks"][name]
        for place in (bookmark, *bookmark.get("partitions", ())):
            for key in _TRANSIENT:
                place.pop(key, None)


def state_errors(state: object, known: Collection[str]) -> Iterator[str]:
    """What is wrong with a state that was handed to the tap, one sentence each.

    Args:
        state: As it was given.
        known: Names of the streams there are; bookmarks of others are kept as they are.
    """
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
    """Mistakes of a bookmark, which may have these keys beside its own; None for any."""
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
