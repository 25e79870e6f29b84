"""A stream reads the pages of a window: its requests, what it makes of responses, its failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fake_calls import DAY, SECOND, START, Calls

from tap_callexports.errors import (
    FilterIgnored,
    StreamFailed,
)
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.records.timestamps import format_instant
from tap_callexports.windows import Window

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


# Responses.


# Rows and windows.
