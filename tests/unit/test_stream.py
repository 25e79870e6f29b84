"""A stream reads the pages of a window: its requests, what it makes of responses, its failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fake_calls import DAY, SECOND, START, Calls
from seam import limits

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.errors import (
    FilterIgnored,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.http.paginators import Page
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.records.timestamps import format_instant
from tap_callexports.windows import CappedPlanner, CappedWindow, Planner, Window

WINDOW = Window(START, START + DAY)


class Client:
    """Answers requests with these bodies, one after the other; raises exceptions."""

    def __init__(self, *bodies: bytes | Exception) -> None:
        self.bodies = list(bodies)
        self.sent: list[Request] = []

    def send(self, request: Request, parse: Callable[[Response], Any]) -> Any:
        self.sent.append(request)
        body = self.bodies.pop(0)
        if isinstance(body, Exception):
            raise body
        return parse(Response(200, {}, body))


def stream(
    *bodies: bytes | Exception, of: type[Calls] = Calls, **options: Any
) -> tuple[Calls, Client]:
    calls, client = of(**options), Client(*bodies)
    vars(calls.provider)["_client"] = client
    return calls, client


def with_(**attributes: Any) -> type[Calls]:
    """Calls whose stream declares something else."""
    return type("Declared", (Calls,), attributes)


def body(*ids: int, cursor: str | None = None, at: datetime = START, **more: object) -> bytes:
    """A response with calls of one time."""
    items = [{"id": number, "at": format_instant(at)} for number in ids]
    return json.dumps({"items": items, "next": cursor, **more}).encode()


def ids_of(batches: Iterator[Any]) -> list[list[int]]:
    return [batch["id"] for batch in batches]


# Pages.


def test_pages_are_requested_one_after_the_other_as_they_are_wanted() -> None:
    calls, client = stream(body(1, cursor="a"), body(2, 3, cursor="b"), body(4), body(5))
    batches = calls.read_window(WINDOW)
    assert client.sent == []
    assert [next(batches)["id"], next(batches)["id"]] == [[1], [2, 3]]
    assert len(client.sent) == 2
    assert ids_of(batches) == [[4]]
    assert [request.params["cursor"] for request in client.sent] == [None, "a", "b"]
    assert {request.params["start"] for request in client.sent} == {format_instant(START)}


def test_a_page_that_contradicts_those_before_it_is_not_emitted() -> None:
    calls, client = stream(body(1, cursor="a"), body(2, cursor="a"), body(3))
    batches = calls.read_window(WINDOW)
    assert next(batches)["id"] == [1]
    with pytest.raises(StreamFailed) as caught:
        next(batches)
    assert str(caught.value) == "Test (test_calls): the server sent the same next twice"
    assert len(client.sent) == 2


def test_a_page_that_is_too_much_for_the_server_is_noted_in_what_is_known_of_the_cap() -> None:
    noted: list[str | None] = []

    class Noting(Calls):
        @override
        def paginator(self, window: Window) -> Any:
            paginator = super().paginator(window)
            vars(paginator)["note_overload"] = lambda: noted.append(paginator.token)
            return paginator

    calls, _ = stream(body(1, cursor="a"), WindowTooLarge("504, 2 times"), of=Noting)
    with pytest.raises(WindowTooLarge, match="504"):
        list(calls.read_window(WINDOW))
    assert noted == ["a"]


@pytest.mark.parametrize(
    ("off", "ignored"),
    [
        (timedelta(), False),
        (-2 * SECOND, False),
        (DAY + SECOND, False),
        (-3 * SECOND, True),
        (DAY + 3 * SECOND, True),
    ],
)
def test_a_row_outside_of_its_window_by_over_two_seconds_says_that_the_filter_is_ignored(
    off: timedelta, *, ignored: bool
) -> None:
    sent = body(1, at=START + off)
    if ignored:
        with pytest.raises(FilterIgnored, match=r"^Test \(test_calls\): the server does not apply"):
            list(stream(sent)[0].read_window(WINDOW))
        with pytest.raises(StreamFailed, match="and this list cannot be read as a whole"):
            list(stream(sent, of=with_(can_scan=False))[0].read_window(WINDOW))
    for of, window in (
        (Calls, Window(START, START + DAY, scan=True)),
        (with_(strict_filter=False), WINDOW),
        (with_(filter_field=None), WINDOW),
        *(() if ignored else ((Calls, WINDOW),)),
    ):
        assert ids_of(stream(sent, of=of)[0].read_window(window)) == [[1]]


# Ids that share a bookmark.

OfForms = with_(ids_setting="form_ids", ids_column="form_id")


def test_a_window_is_read_once_for_each_id_and_the_rows_are_put_in_order() -> None:
    bodies = body(4, cursor="a"), body(1, at=START + SECOND), body(3)
    calls, client = stream(*bodies, of=OfForms, form_ids=["x", "y"])
    assert ids_of(calls.read_window(WINDOW)) == [[3, 4, 1]]
    assert [request.params["form_id"] for request in client.sent] == ["x", "x", "y"]
    calls, client = stream(body(2, 1), of=OfForms, form_ids=[])
    assert ids_of(calls.read_window(WINDOW)) == [[2, 1]]
    assert "form_id" not in client.sent[0].params


def test_rows_that_come_for_two_ids_say_that_the_server_ignores_them() -> None:
    calls, _ = stream(body(1, 2), body(2), of=OfForms, form_ids=["x", "y"])
    with pytest.raises(StreamFailed, match=r"one id of test\.form_ids, and .* another one"):
        list(calls.read_window(WINDOW))


# Requests.


def test_a_request_has_parameters_or_a_body_and_may_be_split_if_its_window_may() -> None:
    calls, _ = stream(api_url="https://test.example/v1/")
    get, post = calls.get("/calls", limit=5), calls.post("/list", {"limit": 5})
    assert (get.method, get.url, get.params, get.json) == (
        "GET", "https://test.example/v1/calls", {"limit": 5}, None,
    )  # fmt: skip
    assert (post.method, post.url, post.params, post.json) == (
        "POST", "https://test.example/v1/list", {}, {"limit": 5},
    )  # fmt: skip
    for of, splittable in (
        (Calls, True),
        (with_(windowed=False), False),
        (with_(splittable=False), False),
    ):
        assert stream(of=of)[0].build_request(WINDOW, None).splittable is splittable


# Responses.


def test_a_page_has_the_fields_of_its_response_under_their_own_names() -> None:
    fields = {"cursor": "pagination_key", "has_more": "more", "count": "total", "limit": "max"}
    calls, _ = stream(of=with_(rows_field="calls", page_fields=fields))
    sent = b'{"calls": [{"id": 1}], "pagination_key": "a", "more": true, "max": "5"}'
    page = calls.parse_page(Response(200, {}, sent), WINDOW)
    assert (page.cursor, page.has_more, page.count, page.limit) == ("a", True, None, "5")
    assert page.rows["id"] == [1]
    calls, _ = stream(of=with_(rows_field=None, page_fields={}))
    page = calls.parse_page(Response(200, {}, b'[{"id": 1}]'), WINDOW)
    assert page == Page(page.rows)
    assert page.rows["id"] == [1]


@limits(MAX_ROWS=2)
def test_a_response_of_more_rows_than_memory_may_hold_is_too_large() -> None:
    calls, _ = stream(body(1, 2), body(1, 2, 3))
    assert ids_of(calls.read_window(WINDOW)) == [[1, 2]]
    with pytest.raises(WindowTooLarge, match="a response of 3 rows"):
        list(calls.read_window(WINDOW))


def test_repairs_are_counted_of_responses_that_were_parsed_only() -> None:
    calls, _ = stream(*[b'{"items": [{"id": 1, "note": "a\\u0000b"}]}'] * 3)
    for _ in range(2):
        list(calls.read_window(WINDOW))

    def refuse(response: Response) -> None:
        response.json()
        raise TransientFailure("no")

    with pytest.raises(TransientFailure):
        calls.send(calls.get("/calls"), refuse)
    assert sum(repaired.total() for repaired in calls.stats.repairs) == 2


# Rows and windows.


def test_rows_are_inside_from_the_start_of_a_window_to_before_its_end() -> None:
    calls, _ = stream()
    times = [START - SECOND, START, START + DAY - SECOND, START + DAY]
    rows: list[Any] = [{"id": n, "at": format_instant(time)} for n, time in enumerate(times)]
    batch = calls.within(calls.batch([*rows, {"id": 9, "at": None}]), WINDOW)
    assert (batch["id"], batch.outside) == ([1, 2, 9], 2)
    assert calls.rows_of(batch) == 2, "a row without a time comes with any window"
    calls, _ = stream(of=with_(filter_field=None))
    batch = calls.batch(rows)
    assert calls.within(batch, WINDOW) is batch
    assert calls.rows_of(batch) == 4


def test_the_end_is_the_cutoff_and_what_lies_ahead_but_never_past_the_end_date() -> None:
    calls, _ = stream(of=with_(ahead=2 * DAY))
    assert calls.end == calls.provider.cutoff + 2 * DAY
    calls, _ = stream(of=with_(ahead=2 * DAY), end_date=START + DAY)
    assert calls.end == START + DAY


def test_windows_fit_the_cap_where_there_is_one() -> None:
    known = Cap(5000, 4000)
    calls, _ = stream()
    assert type(calls.planner(WINDOW, DAY)) is Planner
    calls, _ = stream(of=with_(cap=known))
    planner = calls.planner(WINDOW, DAY)
    assert isinstance(planner, CappedPlanner)
    window = planner.next_window()
    assert isinstance(window, CappedWindow)
    # What was known when the window was planned, not what others learn meanwhile.
    assert calls.cap_for(window) is window.cap
    assert calls.cap_for(WINDOW) is known
