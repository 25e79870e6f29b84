"""Random objects of the types of ElevenLabs' client: all is exported, but for secrets."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from elevenlabs import ConversationSummaryResponseModel, GetConversationResponseModel
from official_objects import Path, check_official_objects
from provider_runs import empty_sandbox
from support import JSON

_SECRET = re.compile(
    r"(transcript|conversation_initiation_client_data)\.(.*\.)?"
    r"(headers|file_url|[^.]*(token|secret|password|apikey|accesskey|secretkey|credentials?))",
    re.IGNORECASE,
)


def _identify(conversation: JSON, name: str, at: datetime) -> None:
    second = int(at.timestamp())
    conversation.update(conversation_id=name, status="done", start_time_unix_secs=second)
    if "metadata" in conversation:
        conversation["metadata"]["start_time_unix_secs"] = second


def _column_of(field: str) -> str:
    return field.removesuffix("_unix_secs")


def _left_out(path: Path) -> bool:
    return bool(_SECRET.fullmatch(".".join(path)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "kind", "values"),
    [
        ("elevenlabs_conversations", ConversationSummaryResponseModel, 10_000),
        ("elevenlabs_conversation_details", GetConversationResponseModel, 70_000),
    ],
)
def test_every_value_of_500_random_conversations_is_exported_unchanged(
    stream: str, kind: object, values: int
) -> None:
    with empty_sandbox() as box:
        found = check_official_objects(
            box.elevenlabs,
            kind,
            _identify,
            stream=stream,
            column_of=_column_of,
            left_out=_left_out,
        )
    assert (found.lost[:5], found.changed[:5], found.kept[:5]) == ([], [], []), str(found)
    assert found.objects == 500
    assert found.values > values
    assert found.unused < found.alternatives / 10
