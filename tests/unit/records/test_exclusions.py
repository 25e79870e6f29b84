"""What is excluded is nowhere in a record; all that is beside it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tap_callexports.http.response import Response
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.timestamps import ISO_TIMES

OBJECT = {"type": ["object", "null"]}
SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "artifact": OBJECT,
        "monitor": OBJECT,
        "assistant": OBJECT,
        "phone_number": OBJECT,
        "transport": {"type": ["string", "null"], "contentMediaType": "application/json"},
        "extra": OBJECT,
    }
}
EXCLUSIONS = Exclusions(
    {"access_token", "monitor.controlUrl", "artifact.**.presigned*", "other.key", "whole.**"},
    {"assistant", "phoneNumber", "transport", "squad", "customer.overrides"},
)
#: Keys that name a secret.
SECRETS = [
    "headers", "Headers", "token", "authToken", "AUTH_TOKEN", "secret", "clientSecret", "password",
    "apiKey", "APIKEY", "x-apikey", "accessKey", "secretKey", "credential", "awsCredentials",
    "api_key", "x-api-key", "aws_secret_key",
]  # fmt: skip
#: Keys that do not.
OPEN = [
    "tokens", "keyboard", "header", "secretary", "maxTokens", "max_tokens", "passwordPolicy", "key",
    "model",
]  # fmt: skip


def record_of(row: object, *, as_json: bool = True, exclusions: Exclusions = EXCLUSIONS) -> Any:
    """The record of a row, the same before and after its fields are known."""
    codec = Codec(
        SCHEMA, primary_keys=("id",), times=ISO_TIMES, exclusions=exclusions, as_json=as_json
    )
    body = json.dumps([row]).encode()
    replies = [Response(200, {}, body, decoder=codec) for _ in range(2)]
    (first,), (second,) = (codec.batch(reply.rows()).records for reply in replies)
    assert first == second
    return json.loads(first) if as_json else first


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"access_token": "x"}, {}),
        ({"accessToken": "x"}, {}),
        ({"monitor": {"controlUrl": "x", "b": 1.5}}, {"monitor": {"b": 1.5}}),
        ({"monitor": {"b": {"controlUrl": 1}}}, {"monitor": {"b": {"controlUrl": 1}}}),
        ({"artifact": {"presignedUrl": 1, "a": 1}}, {"artifact": {"a": 1}}),
        ({"artifact": {"a": [{"presignedX": 1, "c": 2}]}}, {"artifact": {"a": [{"c": 2}]}}),
        ({"whole": {"a": {"b": 1}}}, {"extra": {"whole": {}}}),
        ({"monitor": {"presignedUrl": 1}}, {"monitor": {"presignedUrl": 1}}),
        ({"other": {"key": 1, "b": 2}}, {"extra": {"other": {"b": 2}}}),
        ({"other": {"key": 1}}, {"extra": {"other": {}}}),
        ({"squad": [{"a": [{"token": 1, "b": 2}]}]}, {"extra": {"squad": [{"a": [{"b": 2}]}]}}),
        ({"phoneNumber": {"authToken": 1, "n": 2}}, {"phone_number": {"n": 2}}),
        ({"assistant": '{"token": 1, "b": 2}'}, {"assistant": {"b": 2}}),
        (
            {"customer": {"token": 1, "overrides": {"a": [{"token": 2, "b": 3}]}}},
            {"extra": {"customer": {"token": 1, "overrides": {"a": [{"b": 3}]}}}},
        ),
        ({"transport": {"apiKey": 1, "b": 2}}, {"transport": '{"b":2}'}),
        ({"transport": '{"apiKey": 1, "b": 2}'}, {"transport": '{"b":2}'}),
        ({"assistant": '{"b": "\\ud800\\u0000"}'}, {"assistant": {"b": "\ufffd"}}),
        ({"transport": "sip"}, {"transport": "sip"}),
        ({"transport": "[1"}, {"transport": "[1"}),
        ({"assistant": [{"token": 1}]}, {"extra": {"assistant": [{}]}}),
        ({"assistant": None}, {}),
        ({"id2": {"token": 1}}, {"extra": {"id2": {"token": 1}}}),
    ],
)  # fmt: skip
def test_only_what_is_excluded_is_left_out(
    row: dict[str, Any], wanted: dict[str, Any], *, as_json: bool
) -> None:
    record = record_of({"id": "c1", **row}, as_json=as_json)
    assert {name: value for name, value in record.items() if value is not None} == {
        "id": "c1", **wanted,
    }  # fmt: skip


def test_keys_that_name_a_secret_are_left_out_and_others_stay() -> None:
    row = {"id": "c1", "assistant": {"tools": [dict.fromkeys([*SECRETS, *OPEN], "x")]}}
    assert record_of(row)["assistant"] == {"tools": [dict.fromkeys(OPEN, "x")]}


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_too_deep_to_be_searched_is_left_out(*, as_json: bool) -> None:
    deep = "[" * 900 + '{"token":"canary"}' + "]" * 900
    body = f'[{{"id":"c1","assistant":{deep},"transport":{json.dumps(deep)},"squad":{deep}}}]'
    codec = Codec(
        SCHEMA, primary_keys=("id",), times=ISO_TIMES, exclusions=EXCLUSIONS, as_json=as_json
    )
    batch = codec.batch(Response(200, {}, body.encode(), decoder=codec).rows())
    assert "canary" not in str(batch.records)
