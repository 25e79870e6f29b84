"""A state given to the tap: its errors, and bookmarks that move in it."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tap_callexports.redaction import sanitize
from tap_callexports.singer.state import (
    AS_OF,
    KEY,
    VALUE,
    Bookmark,
    bookmark_of,
    drop_transient,
    state_errors,
    unwrapped,
)
from tap_callexports.tap import TapCallExports

KNOWN = {"burki_calls", "videsk_calls", "videsk_forms"}
INSTANT = "2024-05-20T00:00:00.000000Z"
CONFIG = {"burki": {"api_key": "x"}, "videsk": {"api_token": "x"}}
FIRST_RUN = "for a first run leave it out or pass {}"
NOT_AN_OBJECT = f"must be a JSON object; {FIRST_RUN}"
NOT_OURS = f"has no 'bookmarks', so it is not a state of this tap; {FIRST_RUN}"
LONG = "k" * 99
SHORT = sanitize(LONG, 80)
OTHERS = "keys of another tap ({}); take the stream out of the state to read it from start_date"


def about(stream: str, **bookmark: object) -> dict[str, Any]:
    """A state with one bookmark."""
    return {"bookmarks": {stream: bookmark}}


def forms(*partitions: object) -> dict[str, Any]:
    return about("videsk_forms", partitions=list(partitions))


ERRORS: list[tuple[object, str]] = [
    (None, NOT_AN_OBJECT),
    ({"burki_calls": {VALUE: INSTANT}}, NOT_OURS),
    ({"bookmarks": None}, "'bookmarks' must be an object"),
    ({"bookmarks": {"burki_calls": INSTANT}}, "the bookmark of burki_calls must be an object"),
    ({"bookmarks": {LONG: None}}, f"the bookmark of {SHORT} must be an object"),
    (about("burki_calls", **{LONG: 1}), f"the bookmark of burki_calls has {OTHERS.format(SHORT)}"),
    ({"bookmarks": {"other\ncalls": None}}, "the bookmark of other calls must be an object"),
    (about("burki_calls", as_of="soon"), "'as_of' of burki_calls is not an ISO 8601 instant"),
    (about("burki_calls", replication_key=5), f"'{KEY}' of burki_calls must be a text"),
    (about("burki_calls", progress_markers=7), "'progress_markers' of burki_calls must be an obj"),
    (about("other_calls", progress_markers=7), "'progress_markers' of other_calls must be an obj"),
    (about("burki_calls", offset=2), f"the bookmark of burki_calls has {OTHERS.format('offset')}"),
    (about("burki_calls", partitions={}), "'partitions' of burki_calls must be a list"),
    (about("other_calls", partitions=[7]), "a partition of other_calls has no 'context' object"),
    (forms(7), "a partition of videsk_forms has no 'context' object"),
    (forms({"context": {"id": 1}}, {"context": {"id": 1}}), "videsk_forms has the same partition"),
    (
        forms({"context": {}, VALUE: "soon"}),
        f"'{VALUE}' of a partition of videsk_forms is not an ISO 8601 instant",
    ),
    (
        forms({"context": {}, "partitions": []}),
        f"the bookmark of a partition of videsk_forms has {OTHERS.format('partitions')}",
    ),
]
NO_INSTANTS: list[object] = ["soon", "", "2024-05-20", "2024-13-20T00:00:00Z", 1716163200000, True]
ERRORS += [
    (about("burki_calls", **{VALUE: value}), f"'{VALUE}' of burki_calls is not an ISO 8601 instant")
    for value in NO_INSTANTS
]


@pytest.mark.parametrize(("state", "words"), ERRORS)
def test_what_is_wrong_with_a_state_is_one_sentence(state: object, words: str) -> None:
    (sentence,) = state_errors(state, KNOWN)
    assert sentence.startswith(f"state: {words}")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}, "note": [1]},
        about("burki_calls"),
        about("burki_calls", partitions=[], as_of=INSTANT),
        about("burki_calls", replication_key=None, replication_key_value=None),
        about("burki_calls", starting_replication_value=INSTANT, progress_markers={"Note": "x"}),
        forms({"context": {"form_id": "1"}}, {"context": {"form_id": "2"}}),
        # What belongs to another tap is its own business.
        about("other_calls", created_at=7, replication_key_value="soon"),
        about("other_calls", partitions=[{}, {"cursor": 1}, {"cursor": 1}]),
    ],
    ids=str,
)
def test_a_state_without_an_error_is_taken_and_not_changed(state: dict[str, Any]) -> None:
    before = copy.deepcopy(state)
    assert list(state_errors(state, KNOWN)) == []
    stream: Any = TapCallExports(config=CONFIG, state=state).streams["burki_calls"]
    assert stream.bookmark(None).value is None
    assert state == before


@pytest.mark.parametrize(
    "value",
    [
        INSTANT,
        "2024-05-20T00:00:00Z",
        "2024-05-20T00:00:00",
        "2024-05-20 00:00:00+00:00",
        "2024-05-20T02:00:00.000000001+02:00",
    ],
)
def test_a_bookmark_is_the_same_instant_however_it_is_written(value: str) -> None:
    moment = bookmark_of({VALUE: value})
    assert moment == DAY
    assert moment.utcoffset() is not None
    assert bookmark_of({AS_OF: value}, AS_OF) == DAY
    assert bookmark_of({AS_OF: value}) is None


BOOKMARKS: dict[str, Any] = {"burki_calls": {VALUE: INSTANT}, "videsk_calls": {}}
STATE = {"bookmarks": BOOKMARKS}
OLDER = {"bookmarks": {"burki_calls": {VALUE: "2024-05-01", AS_OF: INSTANT}, "videsk_calls": {}}}
NEWER = {"bookmarks": {"burki_calls": BOOKMARKS["burki_calls"]}}


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"type": "STATE", "value": STATE},
        {"singer_state": STATE},
        {"type": "STATE", "value": {"singer_state": STATE}},
        {"completed": {"singer_state": STATE}},
        {"partial": STATE},
        {"completed": {"singer_state": STATE}, "partial": {}},
        {"completed": {}, "partial": STATE},
        {"completed": None, "partial": {"singer_state": STATE}},
        {"completed": {"singer_state": OLDER}, "partial": {"singer_state": NEWER}},
    ],
    ids=str,
)
def test_a_state_is_taken_out_of_what_is_around_it(wrapped: dict[str, Any]) -> None:
    assert unwrapped(wrapped) == STATE


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (None, None),
        ([7], [7]),
        ({"a": 1}, {"a": 1}),
        ({"type": "RECORD", "value": 1}, {"type": "RECORD", "value": 1}),
        ({"value": STATE}, {"value": STATE}),
        ({**STATE, "singer_state": {"a": 1}}, {**STATE, "singer_state": {"a": 1}}),
        ({"type": "STATE"}, {"type": "STATE"}),
        ({"type": "STATE", "value": 7}, 7),
        # What is no object is left for the check; keys beside the bookmarks are merged.
        ({"completed": [1], "partial": STATE}, [1]),
        ({"completed": STATE, "partial": [1]}, [1]),
        ({"completed": {"a": 1, "b": 1}, "partial": {"b": 2}}, {"a": 1, "b": 2}),
        ({"completed": STATE, "partial": {"bookmarks": 7}}, {"bookmarks": 7}),
        ({"completed": {"bookmarks": 7}, "partial": STATE}, STATE),
    ],
    ids=str,
)
def test_what_has_no_known_wrapping_stays_as_it_is(state: object, left: object) -> None:
    assert unwrapped(state) == left


def test_keys_of_the_sdk_are_dropped_and_what_the_tap_does_not_know_stays() -> None:
    transient = {"starting_replication_value": INSTANT, "replication_key_signpost": INSTANT}
    transient |= {"progress_markers": {}}  # type: ignore[dict-item] # another type
    other = {"more": [1], **transient}
    state = {
        "bookmarks": {
            "burki_calls": {VALUE: INSTANT, **transient},
            "videsk_forms": {"partitions": [{"context": {}, **transient}]},
            "other_calls": other,
        },
        "version": 7,
    }
    drop_transient(state, KNOWN)
    assert state == {
        "bookmarks": {
            "burki_calls": {VALUE: INSTANT},
            "videsk_forms": {"partitions": [{"context": {}}]},
            "other_calls": other,
        },
        "version": 7,
    }
    drop_transient({}, KNOWN)


DAY = datetime(2024, 5, 20, tzinfo=timezone.utc)


class Kept(Bookmark):
    """A bookmark, by days of May 2024, and how often it was written."""

    def __init__(self, value: int | None = None, as_of: int | None = None) -> None:
        days = {VALUE: value, AS_OF: as_of}
        self.state = {name: f"2024-05-{day}T00:00:00Z" for name, day in days.items() if day}
        self.written = 0
        super().__init__(self.state, "at", self._count)

    def _count(self) -> None:
        self.written += 1

    def moved(self, end: int, as_of: int) -> tuple[int | None, int | None]:
        """The days after a move."""
        self.move_to(day(end), day(as_of))
        return self.days

    @property
    def days(self) -> tuple[int | None, int | None]:
        value, as_of = self.value, self.as_of
        return value.day if value else None, as_of.day if as_of else None


def day(number: int) -> datetime:
    return DAY + timedelta(days=number - DAY.day)


def test_a_bookmark_is_written_with_its_key_and_its_as_of() -> None:
    kept = Kept()
    assert kept.moved(20, 20) == (20, 20)
    assert kept.state == {KEY: "at", VALUE: INSTANT, AS_OF: INSTANT}
    assert (kept.written, kept.moved(20, 20), kept.written) == (1, (20, 20), 1)


@pytest.mark.parametrize(
    ("before", "move", "after"),
    [
        ((21, 22), (20, 23), (21, 22)),  # the rest of the lookback is not read yet
        ((21, 22), (21, 23), (21, 23)),  # all before the value was read anew
        ((21, 22), (22, 23), (22, 23)),  # the value moved
        ((21, 22), (22, 21), (22, 21)),
        ((21, 22), (21, 21), (21, 22)),  # the same read as of an earlier time
        ((21, None), (20, 23), (21, None)),  # an older state
        ((21, None), (21, 23), (21, 23)),
    ],
)
def test_value_and_as_of_move_forward_as_a_pair(
    before: tuple[int, int | None], move: tuple[int, int], after: tuple[int, int | None]
) -> None:
    kept = Kept(*before)
    assert kept.moved(*move) == after
    assert kept.written == (before != after)


@pytest.mark.parametrize(
    ("value", "as_of", "lowered"),
    [
        (19, 19, None), (21, 21, None), (19, None, None), (None, 25, None),
        (25, 25, (20, 20)), (25, None, (20, None)), (19, 25, (19, 20)), (21, 25, (21, 20)),
        (25, 19, (20, 19)), (25, 21, (20, 21)),
    ],
)  # fmt: skip
def test_what_is_later_than_it_can_be_is_lowered(
    value: int | None, as_of: int | None, lowered: tuple[int, int | None] | None
) -> None:
    kept = Kept(value, as_of)
    assert kept.lower(latest=day(21), to=day(20)) is (lowered is not None)
    assert kept.days == (lowered or (value, as_of))
    assert kept.written == (lowered is not None)
