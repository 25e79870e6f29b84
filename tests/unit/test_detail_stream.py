"""Single calls: a response has to be about the call that was requested."""

from __future__ import annotations

import pytest
from fake_calls import FakeCalls, FakeTap, fake_provider

from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import TransientFailure
from tap_callexports.http.response import Response


class Listed(FakeCalls):
    """The list, made as by the tap."""

    def __init__(self, *_: object) -> None:
        super().__init__()


class Details(DetailStream):
    """Calls one by one."""

    name = "test_call_details"
    path = "/calls/{id}"
    primary_keys = ("id",)
    replication_key = None
    schema = FakeCalls.schema
    calls = Listed
    status_column = "status"


@pytest.mark.parametrize("key", [7, "a/b"])
@pytest.mark.parametrize("body", ['{"id": 7}', '{"id": "7"}', '{"id": "a/b"}', "{}", "[]", "7"])
def test_a_call_is_known_by_its_key_whether_number_or_text(key: int | str, body: str) -> None:
    stream, call = Details(FakeTap(config={}), fake_provider()), {"id": key}
    request = stream.build_call_request(call)
    assert request.url == f"https://test.example/calls/{str(key).replace('/', '%2F')}"
    response = Response(200, {}, body.encode())
    if str(key) in body and body != "7":
        assert len(stream.parse_call(response, call)) == 1
    else:
        with pytest.raises(TransientFailure):
            stream.parse_call(response, call)
