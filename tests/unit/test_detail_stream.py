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


@pytest.fixture
def details() -> Details:
    return Details(FakeTap(config={}), fake_provider())


@pytest.mark.parametrize(("key", "path"), [(7, "7"), ("7", "7"), ("a/b", "a%2Fb")])
def test_the_key_of_a_call_is_in_its_path(details: Details, key: object, path: str) -> None:
    assert details.build_call_request({"id": key}).url == f"https://test.example/calls/{path}"


@pytest.mark.parametrize("key", [7, "7"])
@pytest.mark.parametrize("body", [b'{"id": 7}', b'{"id": "7"}'])
def test_a_call_is_known_by_its_key_whether_number_or_text(
    details: Details, key: object, body: bytes
) -> None:
    assert len(details.parse_call(Response(200, {}, body), {"id": key})) == 1


@pytest.mark.parametrize("key", [7, "a/b"])
@pytest.mark.parametrize("body", [b'{"id": 8}', b'{"id": null}', b"{}", b"[]", b"7"])
def test_a_response_about_another_call_is_no_response(
    details: Details, key: object, body: bytes
) -> None:
    with pytest.raises(TransientFailure):
        details.parse_call(Response(200, {}, body), {"id": key})
