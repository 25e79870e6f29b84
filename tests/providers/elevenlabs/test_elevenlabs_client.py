"""ElevenLabs' own client reads the mock, and its types judge every object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from elevenlabs import (
    ElevenLabs,
    GetConversationResponseModel,
    GetConversationsPageResponseModel,
    UnprocessableEntityError,
)
from elevenlabs.core import ApiError
from pydantic import TypeAdapter

from sandbox import Sandbox

LIST, DETAILS = "elevenlabs_conversations", "elevenlabs_conversation_details"
_JUDGES: dict[str, TypeAdapter[Any]] = {
    LIST: TypeAdapter(GetConversationsPageResponseModel),
    DETAILS: TypeAdapter(GetConversationResponseModel),
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(rows=200) as running:
        yield running


@pytest.fixture
def bodies() -> list[bytes]:
    return []


@contextmanager
def opened(box: Sandbox, bodies: list[bytes], **settings: Any) -> Iterator[Any]:
    """The client's part for conversations; the bodies it gets are kept."""
    config = {**box.elevenlabs.config(), **settings}
    kept = {"response": [lambda response: bodies.append(response.read())]}
    with httpx.Client(event_hooks=kept) as http:
        client = ElevenLabs(
            api_key=config["api_key"], base_url=config["api_url"], httpx_client=http
        )
        yield client.conversational_ai.conversations


@pytest.fixture
def client(box: Sandbox, bodies: list[bytes]) -> Iterator[Any]:
    with opened(box, bodies) as client:
        yield client


def listed(client: Any, **query: Any) -> list[str]:
    """The ids of all pages of a list."""
    ids: list[str] = []
    while True:
        page = client.list(page_size=60, **query)
        ids += [each.conversation_id for each in page.conversations]
        if not page.has_more:
            return ids
        query["cursor"] = page.next_cursor


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_all_pages_are_valid_and_hold_every_conversation(
    box: Sandbox, client: Any, bodies: list[bytes], direction: str
) -> None:
    ids = listed(client, sort_direction=direction, summary_mode="include")
    assert sorted(ids) == sorted(key for (key,) in box.truth(LIST))
    assert len(bodies) == 4
    for body in bodies:
        _JUDGES[LIST].validate_json(body, strict=True)


def test_every_conversation_is_valid_with_its_transcript(client: Any, bodies: list[bytes]) -> None:
    ids = listed(client)
    bodies.clear()
    found = [client.get(each) for each in ids]
    for body in bodies:
        _JUDGES[DETAILS].validate_json(body, strict=True)
    assert [each.conversation_id for each in found] == ids
    assert {each.metadata.phone_call.type for each in found if each.metadata.phone_call} == {
        "twilio",
        "sip_trunking",
    }
    assert any(turn.tool_results for each in found for turn in each.transcript)


def test_wrong_keys_unknown_conversations_and_large_pages_are_refused(
    box: Sandbox, client: Any
) -> None:
    with pytest.raises(ApiError, match="conversation_not_found"):
        client.get("conv_unknown")
    for wrong in ({"page_size": 101}, {"sort_direction": "newest"}):
        with pytest.raises(UnprocessableEntityError):
            client.list(**wrong)
    with (
        opened(box, [], api_key="wrong") as stranger,
        pytest.raises(ApiError, match="invalid_api_key"),
    ):
        stranger.list()
