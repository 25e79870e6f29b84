"""A stream that asks: pages one after the other, as questions that say whose they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from singer_sdk.streams.rest import PageContext
from story import Calls

from tap_callexports.compat import override
from tap_callexports.errors import StreamFailed
from tap_callexports.http.paginators import Paginator
from tap_callexports.http.response import Response
from tap_callexports.http.retry import MAX_TRIES, Question


class Client:
    """Answers every question with these bodies, one after the other."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.asked: list[Question] = []

    def ask(self, question: Question, decode: Callable[[Response], Any]) -> Any:
        self.asked.append(question)
        return decode(Response(200, {}, self.bodies.pop(0)))


class Numbered(Paginator[int, int]):
    """Pages that are the number of the next one; 0 is the last."""

    @override
    def has_more(self, page: int) -> bool:
        return page != 0

    @override
    def get_next(self, page: int) -> int:
        return page


class ByMonth(Calls):
    """Calls without a time range, whose path is a setting."""

    windowed = False
    path_setting = "months_path"


def asking(*bodies: bytes, of: type[Calls] = Calls, **settings: Any) -> tuple[Calls, Client]:
    calls, client = of(**settings), Client(*bodies)
    vars(calls.provider)["_client"] = client
    return calls, client


def test_the_pages_of_a_dialogue_are_asked_for_as_they_are_wanted() -> None:
    calls, client = asking(b"5", b"7", b"0", b"9")
    pages = calls.pages(Numbered(1), Response.json)
    assert client.asked == []
    assert [next(pages), next(pages)] == [5, 7]
    assert len(client.asked) == 2
    assert list(pages) == [0]
    assert [question.request.url for question in client.asked] == [
        f"https://lonely.example/calls/{page}" for page in (1, 5, 7)
    ]


def test_a_page_that_contradicts_those_before_it_is_not_handed_over() -> None:
    calls, client = asking(b"5", b"1", b"0")
    pages = calls.pages(Numbered(1), Response.json)
    assert next(pages) == 5
    with pytest.raises(StreamFailed) as caught:
        next(pages)
    assert str(caught.value) == (
        "Lonely (test_calls): the server leads back to a page that was read already"
    )
    assert len(client.asked) == 2


def test_a_question_and_a_failure_name_the_stream_that_is_read_for() -> None:
    calls, client = asking(b"0")
    calls.log_name = "test_details"
    calls.ask(1, Response.json)
    assert client.asked[0].stream == "test_details"
    assert str(calls.fail("no more")) == "Lonely (test_details): no more"


@pytest.mark.parametrize(("of", "splittable"), [(Calls, True), (ByMonth, False)])
def test_only_a_question_about_a_time_range_can_be_split(
    of: type[Calls], *, splittable: bool
) -> None:
    calls, client = asking(b"0", of=of, months_path="/months")
    calls.ask(1, Response.json)
    assert client.asked[0].splittable is splittable


def test_a_question_is_asked_as_often_and_read_as_its_page_wants_it() -> None:
    calls, client = asking(b"0", b"0")
    calls.ask(1, Response.json)
    calls.ask(1, Response.json, tries=2, spooled=True)
    assert [(asked.tries, asked.spooled) for asked in client.asked] == [
        (MAX_TRIES, False), (2, True),
    ]  # fmt: skip


def test_a_path_may_be_a_setting() -> None:
    calls, client = asking(b"0", of=ByMonth, months_path="/v2/months")
    calls.ask(1, Response.json)
    assert client.asked[0].request.url == "https://lonely.example/v2/months/1"


def test_a_providers_own_reading_of_a_status_knows_what_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, client = asking(b"0", b"0")
    seen: list[tuple[int, object, object]] = []

    def read(reply: Response, page: PageContext[int]) -> Exception | None:
        seen.append((reply.status, page.next_page_token, page.stream_context))
        return None

    monkeypatch.setattr(calls, "error_for", read)
    for token, context in ((1, None), (2, {"form_id": 7})):
        calls.ask(token, Response.json, context)
    for question in client.asked:
        assert question.error_for(Response(404, {}, b"")) is None
    assert seen == [(404, 1, None), (404, 2, {"form_id": 7})]


def test_what_is_learned_of_the_rows_of_one_answer_is_known_for_the_next() -> None:
    calls, _ = asking(b"[]", b"[]")
    first, second = (calls.ask(token, lambda reply: reply.decoder) for token in (1, 2))
    assert first is second
