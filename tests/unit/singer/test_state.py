"""A state handed to the tap: checked in its own words, and what it does not know is kept."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError
from support import assert_table_is, run_tap

from tap_callexports.providers import PROVIDERS
from tap_callexports.singer.state import Bookmark, bookmark_of, state_errors, unwrapped
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from sandbox import Sandbox

KNOWN = {str(vars(each)["name"]) for provider in PROVIDERS for each in provider.streams}
INSTANT = "2024-05-20T00:00:00.000000Z"
DAY = datetime(2024, 5, 20, tzinfo=timezone.utc)


def about(stream: str, **bookmark: object) -> dict[str, Any]:
    """A state with one bookmark."""
    return {"bookmarks": {stream: bookmark}}


MISTAKES: list[tuple[object, str]] = [
    (None, "must be a JSON object"),
    ([], "must be a JSON object"),
    ("x", "must be a JSON object"),
    (7, "must be a JSON object"),
    ({"bookmarks": None}, "'bookmarks' must be an object"),
    ({"bookmarks": []}, "'bookmarks' must be an object"),
    ({"bookmarks": {"burki_calls": INSTANT}}, "burki_calls must be an object"),
    ({"bookmarks": {"burki_calls": None}}, "burki_calls must be an object"),
    (about("burki_calls", replication_key_value="soon"), "burki_calls is not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value=""), "burki_calls is not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value="2024-05-20"), "not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value="2024-13-20T00:00:00Z"), "not an ISO 8601"),
    (about("burki_calls", replication_key_value="2024-W20"), "not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value=1716163200000), "not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value=[INSTANT]), "not an ISO 8601 instant"),
    (about("burki_calls", replication_key_value=True), "not an ISO 8601 instant"),
    (about("burki_calls", as_of="soon"), "'as_of' of burki_calls is not an ISO 8601 instant"),
    (about("burki_calls", replication_key=5), "'replication_key' of burki_calls must be a text"),
    (about("burki_calls", partitions={}), "'partitions' of burki_calls must be a list"),
    (about("burki_calls", partitions=[7]), "partition of burki_calls has no 'context'"),
    (about("burki_calls", partitions=[{}]), "partition of burki_calls has no 'context'"),
    (
        about("burki_calls", partitions=[{"context": {"id": 1}}, {"context": {"id": 1}}]),
        "burki_calls has the same partition twice",
    ),
    (
        about("burki_calls", partitions=[{"context": {}, "replication_key_value": "soon"}]),
        "a partition of burki_calls is not an ISO 8601 instant",
    ),
    (about("burki_calls", progress_markers=7), "burki_calls"),
    (about("burki_calls", progress_markers=["x"]), "burki_calls"),
    (about("burki_calls", partitions=[{"context": {}, "progress_markers": 7}]), "burki_calls"),
]


MISTAKES += [
    ({"burki_calls": {"replication_key_value": INSTANT}}, "has no 'bookmarks'"),
    ({"value": {"bookmarks": {}}}, "has no 'bookmarks'"),
    (about("burki_calls", created_at=INSTANT), "burki_calls has keys of another tap (created_at)"),
    (about("burki_calls", version=1, offset=2), "keys of another tap (offset, version)"),
    (about("burki_calls", as_of="soon"), "'as_of' of burki_calls is not an ISO 8601 instant"),
    (
        about("videsk_forms", partitions=[{"context": {"form_id": "a"}, "cursor": "x"}]),
        "a partition of videsk_forms has keys of another tap (cursor)",
    ),
]


@pytest.mark.covers(153)
@pytest.mark.parametrize(("state", "words"), MISTAKES)
def test_what_is_wrong_with_a_state_is_one_sentence(state: object, words: str) -> None:
    [sentence] = state_errors(state, KNOWN)

    assert sentence.startswith("state: ")
    assert words in sentence


@pytest.mark.covers(153)
@pytest.mark.parametrize(
    "state", [state for state, _ in MISTAKES if isinstance(state, dict)], ids=str
)
def test_a_tap_refuses_a_wrong_state_before_it_asks_anybody(
    box: Sandbox, state: dict[str, Any]
) -> None:
    run = run_tap({"burki": box.burki.config()}, state=state)

    assert isinstance(run.error, ConfigValidationError)
    assert len(run.error.errors) == 1
    assert run.lines == []
    assert box.burki.requests == []


@pytest.mark.covers(153)
def test_every_wrong_bookmark_has_its_own_sentence() -> None:
    wrong = {"replication_key_value": "soon"}
    state = {"bookmarks": {"burki_calls": wrong, "videsk_calls": wrong, "anunzi_calls": {}}}

    first, second = state_errors(state, KNOWN)

    assert "burki_calls" in first
    assert "videsk_calls" in second


@pytest.mark.covers(153)
@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"burki_calls": {}}},
        about("burki_calls", replication_key_value=None),
        about("burki_calls", replication_key=None, replication_key_value=None),
        about("burki_calls", partitions=[]),
        about("burki_calls", as_of=INSTANT),
        about("burki_calls", replication_key_value="0001-01-01T00:00:00Z"),
        about("burki_calls", starting_replication_value=INSTANT, progress_markers={"Note": "x"}),
        {"bookmarks": {}, "note": [1]},
    ],
    ids=str,
)
def test_a_state_that_says_nothing_is_a_first_run(box: Sandbox, state: dict[str, Any]) -> None:
    config = {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}

    run = run_tap(config, state=state)

    assert run.code == 0
    assert_table_is(run.table("burki_calls"), box.truth("burki_calls"))


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
def test_a_bookmark_is_the_same_instant_however_it_is_written(box: Sandbox, value: str) -> None:
    config = {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}

    state = about("burki_calls", replication_key_value=value)
    run = run_tap(config, state=state, streams=["burki_calls"])

    assert run.code == 0
    first = min(request.query["date_from"] for request in box.burki.requests)
    assert first.startswith("2024-05-19T00:00:00"), "a day of lookback before the bookmark"


@pytest.mark.covers(154)
def test_what_the_tap_does_not_know_stays_as_it_is(box: Sandbox) -> None:
    strangers = {
        "other_calls": {"replication_key": "at", "replication_key_value": INSTANT, "more": [1]},
        "calls": {"created_at": "2024-05-20", "version": 3},
    }
    ours = {"replication_key": "started_at", "replication_key_value": INSTANT}
    given_state = {
        "bookmarks": {**strangers, "burki_calls": ours},
        "version": 7,
        "extra": {"a": []},
    }
    config = {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}

    run = run_tap(config, state=given_state)

    assert run.code == 0
    assert len(run.states) > 1
    for state in run.states:
        assert state["version"] == 7
        assert state["extra"] == {"a": []}
        assert {name: state["bookmarks"][name] for name in strangers} == strangers
    assert run.bookmark("burki_calls") == "2024-06-01T00:00:00.000000Z"


BOOKMARKS = {
    "burki_calls": {"replication_key": "started_at", "replication_key_value": INSTANT},
    "videsk_calls": {},
}
STATE = {"bookmarks": BOOKMARKS}


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"type": "STATE", "value": STATE},
        {"singer_state": STATE},
        {"type": "STATE", "value": {"singer_state": STATE}},
        {"completed": {"singer_state": STATE}},
        {"completed": {"singer_state": STATE}, "partial": {}},
        {"completed": None, "partial": {"singer_state": STATE}},
        {
            "completed": {
                "singer_state": {
                    "bookmarks": {
                        "burki_calls": {"replication_key_value": "2024-05-01", "as_of": INSTANT},
                        "videsk_calls": {},
                    }
                }
            },
            "partial": {"singer_state": {"bookmarks": {"burki_calls": BOOKMARKS["burki_calls"]}}},
        },
    ],
    ids=str,
)
def test_a_state_is_taken_out_of_what_is_around_it(wrapped: dict[str, Any]) -> None:
    assert unwrapped(wrapped) == STATE


@pytest.mark.parametrize("state", [None, [], 7, "x", {}, {"a": 1}], ids=str)
def test_a_state_without_a_known_wrapping_stays_as_it_is(state: object) -> None:
    assert unwrapped(state) == state


def test_keys_of_the_sdk_are_not_carried_on(box: Sandbox) -> None:
    state = about("videsk_calls", starting_replication_value=INSTANT, progress_markers={})
    config = {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-06-01"}

    run = run_tap(config, state=state, streams=["burki_calls"])

    assert run.state["bookmarks"]["videsk_calls"] == {}


def test_the_state_that_was_handed_over_is_not_changed(box: Sandbox) -> None:
    state = about("burki_calls", replication_key_value=INSTANT)
    before = copy.deepcopy(state)
    config = {"burki": box.burki.config(), "start_date": "2024-05-01"}

    tap = TapCallExports(config=config, state=state)

    assert tap.run() == 0
    assert state == before


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
parts = st.fixed_dictionaries(
    {},
    optional={
        "replication_key": anything,
        "replication_key_value": anything | st.just(INSTANT) | st.datetimes().map(str),
        "as_of": anything | st.just(INSTANT) | st.datetimes().map(str),
        "progress_markers": anything,
        "partitions": anything,
    },
)
states = st.fixed_dictionaries(
    {},
    optional={
        "bookmarks": anything
        | st.dictionaries(st.text(max_size=5) | st.just("videsk_forms"), parts | anything)
    },
)


@pytest.mark.covers(153)
@given(anything | states)
@settings(max_examples=100, deadline=None)
def test_whatever_is_called_a_state_is_judged_in_single_lines(state: object) -> None:
    for sentence in state_errors(state, KNOWN):
        assert sentence.isprintable()


@given(states)
@settings(max_examples=40, deadline=None)
def test_a_state_without_mistakes_can_be_run_with(state: dict[str, Any]) -> None:
    if list(state_errors(state, KNOWN)):
        return
    config = {"videsk": {"api_token": "x"}, "start_date": "2024-05-01", "end_date": "2024-05-02"}

    run = run_tap(config, state=state, streams=["videsk_forms"])  # without ids: nothing to read

    assert run.code == 0
    assert not [line for line in run.lines if line["type"] == "RECORD"]


@pytest.mark.covers(91)
def test_a_bookmark_moves_forward_only_and_says_so() -> None:
    kept: dict[str, Any] = {}
    written: list[dict[str, Any]] = []
    bookmark = Bookmark(kept, "started_at", lambda: written.append(dict(kept)))

    bookmark.move_to(DAY, DAY)
    bookmark.move_to(DAY.replace(day=19), DAY.replace(day=21))
    bookmark.move_to(DAY, DAY)

    assert written == [
        {"replication_key": "started_at", "replication_key_value": INSTANT, "as_of": INSTANT}
    ]
    assert bookmark.value == bookmark.as_of == bookmark_of(kept) == DAY


def test_value_and_as_of_are_written_as_a_pair() -> None:
    kept: dict[str, Any] = {}
    bookmark = Bookmark(kept, "at", lambda: None)
    days = [DAY.replace(day=number) for number in range(20, 26)]

    def pair(end: datetime, as_of: datetime) -> list[int]:
        bookmark.move_to(end, as_of)
        return [moment.day for moment in (bookmark.value, bookmark.as_of) if moment]

    assert pair(days[1], days[2]) == [21, 22]
    assert pair(days[0], days[3]) == [21, 22], "the rest of the lookback is not read yet"
    assert pair(days[1], days[3]) == [21, 23], "all before the value was read anew"
    assert pair(days[2], days[4]) == [22, 24], "the value moved"
    assert pair(days[2], days[3]) == [22, 24], "the same read as of an earlier time"


def test_as_of_is_added_to_an_older_state_when_the_value_is_reached() -> None:
    kept: dict[str, Any] = {"replication_key_value": INSTANT}
    bookmark = Bookmark(kept, "at", lambda: None)

    assert bookmark.as_of is None
    bookmark.move_to(DAY.replace(day=19), DAY)
    assert "as_of" not in kept
    bookmark.move_to(DAY, DAY)
    assert kept == {
        "replication_key": "at", "replication_key_value": INSTANT, "as_of": INSTANT,
    }  # fmt: skip


@pytest.mark.covers(72)
@pytest.mark.parametrize(
    ("value", "as_of", "lowered"),
    [
        (19, 19, None), (21, 21, None), (19, None, None), (None, 25, None),
        (25, 25, (20, 20)), (25, None, (20, None)), (19, 25, (19, 20)), (21, 25, (21, 20)),
        (25, 19, (20, 19)),
    ],
)  # fmt: skip
def test_what_is_later_than_it_can_be_is_lowered(
    value: int | None, as_of: int | None, lowered: tuple[int, int | None] | None
) -> None:
    names = {"replication_key_value": value, "as_of": as_of}
    kept = {name: f"2024-05-{day}T00:00:00Z" for name, day in names.items() if day}
    written: list[dict[str, str]] = []
    bookmark = Bookmark(kept, "at", lambda: written.append(dict(kept)))

    assert bookmark.lower(DAY.replace(day=21), DAY) is (lowered is not None)

    days = (bookmark.value and bookmark.value.day, bookmark.as_of and bookmark.as_of.day)
    assert days == (lowered or (value, as_of))
    assert len(written) == (lowered is not None)
