"""Burki: windows held against a count, files and pages that are cut, and a 401 that may heal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from provider_runs import (
    FOR_EVER,
    after_requests,
    answer_with,
    asked,
    assert_complete,
    assert_complete_or_loud,
    assert_safe,
    empty_sandbox,
    export,
    truth_where,
)
from seam import limits, rows_per_window
from support import (
    DAY,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    SECOND,
    UTC,
    failure,
    instant,
    text,
    warnings_in,
)

from sandbox import Fault, LoggedRequest, Sandbox
from sandbox.burki import BurkiApi
from tap_callexports.providers.burki import streams as burki_streams
from tap_callexports.providers.burki.provider import Burki

CALLS, LIST, TRANSCRIPTS = "burki_calls", "burki_call_list", "burki_call_transcripts"
EXPORT, COUNT, ONE = "/calls/export", "/calls/count", "/transcripts"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
FORMATS = pytest.mark.parametrize("form", ["json", "csv"])
SHAPES = pytest.mark.parametrize("shape", ["array", "items"])
#: Both ways to get the calls of a window, each in both of its forms.
WAYS = pytest.mark.parametrize(
    ("stream", "settings", "options"),
    [
        (CALLS, {"format": "json"}, {}),
        (CALLS, {"format": "csv"}, {}),
        (LIST, {}, {"list_shape": "array"}),
        (LIST, {}, {"list_shape": "items"}),
    ],
    ids=["json", "csv", "array", "items"],
)
ONE_DAY: dict[str, Any] = {"start_date": "2024-05-09", "end_date": "2024-05-10"}


def set_options(api: BurkiApi, **options: object) -> None:
    """Let the server behave in this way."""
    for name, value in options.items():
        assert hasattr(api.options, name)
        setattr(api.options, name, value)


def windows_of(api: BurkiApi) -> list[LoggedRequest]:
    """The requests for the calls of a window."""
    return [request for request in api.requests if request.path.endswith(("/export", "/calls/"))]


def completed_by_two(box: Sandbox) -> set[int]:
    """The calls that assistant 2 completed."""
    listed = box.burki.truth(LIST).values()
    return {r["id"] for r in listed if (r["status"], r["assistant_id"]) == ("completed", 2)}


# Both ways.


@WAYS
@rows_per_window(40)
def test_windows_are_requested_in_naive_utc_join_and_end_before_the_next_one(
    stream: str, settings: Any, options: Any
) -> None:
    edges = [0 * SECOND, MICROSECOND, SECOND - MICROSECOND]
    with empty_sandbox() as box:
        set_options(box.burki, **options)
        for day in range(30):
            midnight = datetime(2024, 5, 1, tzinfo=UTC) + day * DAY
            box.burki.add_at(*[midnight + edge for edge in edges])
            box.burki.add_at(*[midnight + DAY - SECOND + edge for edge in edges])
        box.burki.add_at(datetime(2024, 6, 1, tzinfo=UTC))
        run = export(box.burki, streams=[stream], **settings)
    truth = truth_where(box.burki, stream, lambda row: row["started_at"] < "2024-06-01")
    assert_complete(run, box.burki, stream, truth=truth)
    queries = [request.query for request in windows_of(box.burki)]
    bounds = [(instant(query["date_from"]), instant(query["date_to"])) for query in queries]
    assert len(bounds) > 2
    assert {len(query[name]) for query in queries for name in ("date_from", "date_to")} == {26}
    assert bounds[0][0] == datetime(2024, 5, 1, tzinfo=UTC)
    assert bounds[-1][1] + MICROSECOND == datetime(2024, 6, 1, tzinfo=UTC)
    assert [end + MICROSECOND for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
    # No parameter is sent that the server would ignore.
    own = {"format"} if stream == CALLS else {"limit"}
    assert {name for query in queries for name in query} == {"date_from", "date_to"} | own
    counts = [request.query for request in asked(box.burki, COUNT)]
    assert {name for query in counts for name in query} <= {"date_from", "date_to"}


@WAYS
def test_status_and_assistant_are_the_server_s_filters(
    box: Sandbox, stream: str, settings: Any, options: Any
) -> None:
    set_options(box.burki, **options)
    run = export(box.burki, streams=[stream], status="completed", assistant_id=2, **settings)
    wanted = completed_by_two(box)
    truth = truth_where(box.burki, stream, lambda row: row["id"] in wanted)
    assert_complete(run, box.burki, stream, truth=truth)
    for request in asked(box.burki):
        assert (request.query["status"], request.query["assistant_id"]) == ("completed", "2")


@pytest.mark.parametrize("stream", [CALLS, LIST, TRANSCRIPTS])
def test_a_refused_filter_names_the_settings(box: Sandbox, stream: str) -> None:
    box.burki.faults.add(Fault("status", status=422, times=99))
    line = failure(export(box.burki, streams=[stream]), stream)
    assert "burki.status" in line
    assert "burki.assistant_id" in line


@WAYS
@pytest.mark.parametrize("count", ["missing", "error"])
def test_without_a_count_the_responses_decide_and_it_is_said_once(
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
    stream: str,
    settings: Any,
    options: Any,
    count: Any,
) -> None:
    set_options(box.burki, count=count, **options)
    run = export(box.burki, streams=[stream], **settings)
    assert_complete(run, box.burki, stream)
    # A page that tells its total needs no count.
    assert len(warnings_in(caplog, "count")) == (options.get("list_shape") != "items")
    assert len(asked(box.burki, COUNT)) <= burki_streams.COUNT_TRIES


# Files.


def mend_after(api: BurkiApi, files: int) -> None:
    """Files lack their last three rows until so many have been sent."""
    api.options.cut_rows = 3
    after_requests(api, files, EXPORT, lambda: setattr(api.options, "cut_rows", 0))


@FORMATS
@pytest.mark.parametrize(("files", "ranges"), [(1, 1), (2, 1), (3, 3), (FOR_EVER, 0)])
def test_a_file_that_is_short_of_its_count_is_read_again_and_then_in_halves(
    form: str, files: int, ranges: int
) -> None:
    with empty_sandbox() as box:
        box.burki.add(80, NOON, NOON + 11 * HOUR)
        mend_after(box.burki, files)
        run = export(box.burki, format=form, **ONE_DAY)
    if not ranges:
        assert "are counted" in failure(run, CALLS)
        assert_safe(run, box.burki, CALLS)
        return
    assert_complete(run, box.burki)
    sent = [(r.query["date_from"], r.query["date_to"]) for r in asked(box.burki, EXPORT)]
    assert len(set(sent)) == ranges
    assert ranges > 1 or len(sent) == files + 1


def test_an_uncounted_csv_is_read_until_two_have_the_same_length() -> None:
    with empty_sandbox() as box:
        box.burki.add(80, NOON, NOON + 11 * HOUR)
        box.burki.options.count = "missing"
        mend_after(box.burki, 1)
        run = export(box.burki, format="csv", **ONE_DAY)
    assert_complete(run, box.burki)
    assert len(asked(box.burki, EXPORT)) == 3


@FORMATS
def test_an_ignored_filter_costs_one_warning_and_one_scan_but_no_call(
    caplog: pytest.LogCaptureFixture, form: str
) -> None:
    with empty_sandbox() as box:
        box.burki.options.filter_ignored = True
        box.burki.add_at(*[NOON + 7 * step * HOUR for step in range(-80, 80)])
        never = [row.canonical["id"] for row in box.burki.add_at(NOON, NOON, started_at=None)]
        run = export(box.burki, format=form, start_date="2024-05-05", end_date="2024-05-15")
    table = run.table(CALLS)
    assert [table.pop((key,))["started_at"] for key in never] == [None, None]
    truth = truth_where(
        box.burki, CALLS, lambda row: "2024-05-05" <= row["started_at"] < "2024-05-15"
    )
    assert run.code == 0
    assert set(table) == set(truth)
    assert len(run.records(CALLS)) == len(truth) + 2
    assert len(warnings_in(caplog, "date_from and date_to")) == 1
    assert len(asked(box.burki)) <= 5


@pytest.mark.parametrize("ignored", [False, True])
@limits(LARGEST_FILE=50)
def test_a_window_of_too_many_calls_is_halved_before_its_file_is_requested(
    caplog: pytest.LogCaptureFixture, *, ignored: bool
) -> None:
    with empty_sandbox() as box:
        box.burki.add(300, NOON, NOON + 11 * HOUR)
        box.burki.options.filter_ignored = ignored
        run = export(box.burki)
    assert_complete(run, box.burki)
    if ignored:  # and not for ever
        assert len(warnings_in(caplog, "date_from and date_to")) == 1
        assert len(asked(box.burki)) <= 6
    else:
        assert len(asked(box.burki, EXPORT)) >= 300 / 50


# The list.


def assert_never_paged(api: BurkiApi) -> None:
    queries = [request.query for request in windows_of(api)]
    assert queries
    assert all((query["limit"], "skip" in query) == ("1000", False) for query in queries)


@SHAPES
@limits(PAGE=10)
def test_calls_that_started_together_are_all_there_or_fail_and_are_named(shape: Any) -> None:
    with empty_sandbox() as box:
        box.burki.options.list_shape = shape
        # Pairs of one microsecond, across the places where windows are cut.
        instants = [NOON + step * 11 * SECOND for step in range(40)]
        box.burki.add_at(*instants, *instants, NOON + DAY - MICROSECOND, NOON + DAY)
        assert_complete(
            export(box.burki, streams=[LIST, TRANSCRIPTS]), box.burki, LIST, TRANSCRIPTS
        )
        paths = [request.path for request in asked(box.burki, ONE)]
        assert len(paths) == len(set(paths))

        box.burki.add_at(*[NOON + 2 * DAY + step * MILLISECOND for step in range(12)])
        run = export(box.burki, streams=[LIST])
    assert "2024-05-11T12:00:00" in failure(run, LIST)
    assert_safe(run, box.burki, LIST)
    assert (run.bookmark(LIST) or "") <= text(NOON + 2 * DAY)


@pytest.mark.parametrize("count", ["right", "missing", "wrong_high", "error"])
@pytest.mark.parametrize("total", ["right", "high", "low"])
def test_a_wrong_total_loses_nothing_in_silence(total: Any, count: Any) -> None:
    with empty_sandbox() as box:
        set_options(box.burki, list_total=total, count=count)
        box.burki.add(60, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], **ONE_DAY)
    if total == "right" or count == "right" or (total == "low" and count != "wrong_high"):
        assert_complete(run, box.burki, LIST)
    else:
        # Both say that there is more: nobody can tell.
        assert "are counted" in failure(run, LIST)


@pytest.mark.parametrize(
    ("most", "rows", "shape", "count", "total"),
    [
        (100, 300, "items", "right", "right"),
        (20, 60, "items", "missing", "right"),
        (20, 60, "items", "right", "low"),
        (20, 60, "array", "right", "right"),
        (100, 350, "array", "missing", "right"),
        # Of 112 calls the page holds 100, and by chance that is what the total says.
        (100, 112, "items", "right", "low"),
        # As long as a cap may be.
        (50, 52, "items", "error", "low"),
    ],
)
def test_a_page_that_is_shorter_than_requested_is_noticed(
    most: int, rows: int, shape: Any, count: Any, total: Any
) -> None:
    with empty_sandbox() as box:
        set_options(box.burki, list_limit_max=most, list_shape=shape, count=count, list_total=total)
        box.burki.add(rows, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], **ONE_DAY)
    assert_complete(run, box.burki, LIST)
    assert_never_paged(box.burki)


@pytest.mark.parametrize("stream", [LIST, TRANSCRIPTS])
@pytest.mark.parametrize("rows", [30, 1200])
def test_a_list_whose_filter_is_ignored_fails(rows: int, stream: str) -> None:
    with empty_sandbox() as box:
        box.burki.options.filter_ignored = True
        box.burki.add(rows, NOON - 20 * DAY, NOON + 20 * DAY)
        run = export(box.burki, streams=[stream])
    assert "date_from and date_to" in failure(run, stream)
    assert stream in failure(run, stream)
    assert_safe(run, box.burki, LIST)
    assert len(asked(box.burki)) < 40


# Transcripts.


def test_calls_in_which_nothing_was_said_have_no_rows_and_are_no_failure() -> None:
    with empty_sandbox() as box:
        box.burki.add_at(*[NOON + step * HOUR for step in range(25)])
        said = {record["call_id"] for record in box.burki.truth(TRANSCRIPTS).values()}
        assert 0 < len(said) < 25
        assert_complete(export(box.burki, streams=[TRANSCRIPTS]), box.burki, TRANSCRIPTS)
        assert len(asked(box.burki, ONE)) == 25
        # Nor is an account in which nothing was said at all.
        answer_with(box.burki, ONE, [])
        run = export(box.burki, streams=[TRANSCRIPTS])
    assert (run.code, run.records(TRANSCRIPTS)) == (0, [])
    assert run.bookmark(TRANSCRIPTS) == "2024-06-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("status", "requested"),
    [
        *[(status, False) for status in ("ongoing", "in-progress", "pending")],
        *[(status, True) for status in ("failed", "transferred", "no-answer")],
    ],
)
def test_calls_are_requested_unless_they_are_going_on(status: str, *, requested: bool) -> None:
    with empty_sandbox() as box:
        box.burki.add_at(NOON, NOON + HOUR, status=status)
        box.burki.add_at(NOON + HOUR)
        run = export(box.burki, streams=[TRANSCRIPTS])
    assert run.code == 0
    assert len(asked(box.burki, ONE)) == (3 if requested else 1)


def test_the_filters_of_the_list_decide_which_calls_are_requested(box: Sandbox) -> None:
    run = export(box.burki, streams=[TRANSCRIPTS], status="completed", assistant_id=2)
    wanted = completed_by_two(box)
    truth = truth_where(box.burki, TRANSCRIPTS, lambda record: record["call_id"] in wanted)
    assert_complete(run, box.burki, TRANSCRIPTS, truth=truth)
    requests = asked(box.burki, ONE)
    assert len(requests) == len(wanted)
    assert all(request.query == {} for request in requests)


# The key.


@pytest.mark.parametrize(
    ("times", "skip", "requests"), [(1, 0, None), (2, 3, None), (99, 0, 2), (99, 3, 3 + 3)]
)
def test_a_401_may_be_an_outage_that_heals_but_is_not_tried_for_long(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, times: int, skip: int, requests: int | None
) -> None:
    # As many tries as ever, without the seconds between them.
    waits = tuple(tuple(0.01 for _ in waits) for waits in Burki.unauthorised_waits)
    monkeypatch.setattr(Burki, "unauthorised_waits", waits)
    box.burki.faults.add(Fault("status", status=401, times=times), skip=skip)
    run = export(box.burki)
    if requests is None:
        assert_complete(run, box.burki)
    else:
        assert "burki.api_key" in failure(run, CALLS)
        assert len(asked(box.burki)) == requests
        assert_safe(run, box.burki, CALLS)
        assert_complete_or_loud(run, box.burki)
