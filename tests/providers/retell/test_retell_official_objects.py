"""Random calls of the types of Retell's own client: what is sent is exported, but for a secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from official_objects import check_official_objects
from provider_runs import empty_sandbox
from retell.types import CallResponse
from retell.types.call_list_response import Item
from support import JSON

from sandbox.instants import to_ms


def _identify(call: JSON, name: str, at: datetime) -> None:
    call.update(call_id=name, start_timestamp=to_ms(at))


def _identify_finished(call: JSON, name: str, at: datetime) -> None:
    _identify(call, name, at)
    call["call_status"] = "ended"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "kind", "identify"),
    [
        ("retell_calls", Item, _identify),
        ("retell_call_details", CallResponse, _identify_finished),
    ],
    ids=["list", "details"],
)
def test_every_value_of_500_random_calls_is_exported_unchanged(
    stream: str, kind: Any, identify: Callable[[JSON, str, datetime], None]
) -> None:
    with empty_sandbox() as box:
        found = check_official_objects(
            box.retell,
            kind,
            identify,
            stream=stream,
            left_out=lambda path: path == ("access_token",),
        )
    assert (found.lost[:5], found.changed[:5], found.kept[:5]) == ([], [], []), str(found)
    assert found.objects == 500
    # Half of them are web calls, whose key is left out.
    assert found.values_left_out == 250
    assert found.values > 20_000
    assert found.unused < found.alternatives / 10
