"""What the body of an export request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..http import Json, RefusalError
from ..instants import MILLISECOND, floor, parse

if TYPE_CHECKING:
    from datetime import datetime

    from .endpoints import Endpoint


@dataclass(frozen=True)
class Question:
    """A checked request body; `definition` is the form or survey that is meant."""

    descending: bool
    start: datetime
    end: datetime
    zone: str
    keys: dict[str, str]
    definition: str | None = None


def read_question(body: Json, endpoint: Endpoint) -> Question:
    """Check a request body the way the documented errors suggest."""
    if not isinstance(body, dict):
        raise RefusalError(400, "Invalid body")
    if body.get("$sort") not in (1, -1):
        raise RefusalError(400, 'The "$sort" must be 1 or -1', "$sort")
    keys = body.get("keys") or {}
    if not isinstance(keys, dict) or not all(isinstance(label, str) for label in keys.values()):
        raise RefusalError(400, 'The "keys" must be an object of labels', "keys")
    return Question(
        descending=body["$sort"] == -1,
        start=_instant(body.get("start")),
        end=_instant(body.get("end")),
        zone=_zone(body.get("timezone")),
        keys=keys,
        definition=_definition(body, endpoint),
    )


def _instant(value: Json) -> datetime:
    try:
        return floor(parse(value), MILLISECOND)
    except (TypeError, ValueError):
        raise RefusalError(400, "Invalid date", "date") from None


def _zone(value: Json) -> str:
    try:
        return ZoneInfo(value).key
    except (TypeError, ValueError, KeyError, OSError, AttributeError):
        raise RefusalError(400, 'A valid "timezone" is required', "timezone") from None


def _definition(body: dict[str, Any], endpoint: Endpoint) -> str | None:
    field = endpoint.definition
    if field is None:
        return None
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise RefusalError(400, f'The "{field}" is required', field)
    return value
