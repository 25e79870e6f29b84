"""Random calls of the type of Vapi's own client: what is sent is exported, but for secrets."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from official_objects import Path, check_official_objects
from provider_runs import empty_sandbox
from support import JSON, text
from vapi.types import Call

#: Where secrets are left out, at any depth, and what they are called.
_COPIES = re.compile(
    r"(assistant|squad|workflow|customer\.(assistant|squad)Overrides|artifactPlan|phoneNumber"
    r"|transport)(Overrides)?\..*"
)
_SECRET = re.compile(
    r"headers|.*(token|secret|password|apikey|accesskey|secretkey|credentials?)", re.IGNORECASE
)
_LINKS = re.compile(r"artifact\.(.*\.)?presigned[^.]*|monitor\.(controlUrl|listenUrl)")


def _identify(call: JSON, name: str, at: datetime) -> None:
    call.update(id=name, updatedAt=f"{text(at)[:23]}Z")


def _column_of(field: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", field)


def _left_out(path: Path) -> bool:
    where = ".".join(path)
    secret = _COPIES.fullmatch(where) and _SECRET.fullmatch(path[-1])
    return bool(secret or _LINKS.fullmatch(where))


@pytest.mark.slow
def test_every_value_of_500_random_calls_is_exported_unchanged() -> None:
    with empty_sandbox() as box:
        found = check_official_objects(
            box.vapi, Call, _identify, column_of=_column_of, left_out=_left_out
        )
    assert (found.lost[:5], found.changed[:5], found.kept[:5]) == ([], [], []), str(found)
    assert found.objects == 500
    assert found.values > 100_000
    assert found.values_left_out > 1000
    assert found.unused < found.alternatives / 10
