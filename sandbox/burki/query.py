"""The query parameters Burki reads, and how it words what it cannot read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..http import Json, RefusalError
from ..instants import EPOCH, parse

if TYPE_CHECKING:
    from ..http import Request


def invalid(name: str, value: Json, message: str) -> RefusalError:
    """A 422 in the form of pydantic."""
    problem = {
        "type": "value_error",
        "loc": ["query", name],
        "msg": message,
        "input": value,
        "ctx": {},
        "url": "https://errors.pydantic.dev/2.5/v/value_error",
    }
    return RefusalError(422, message, [problem])


def integer(request: Request, name: str) -> int | None:
    """A whole number, if it is given."""
    value = request.query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[+-]?\d+", value):
        raise invalid(name, value, "Input should be a valid integer")
    return int(value)


def bounded(
    request: Request, name: str, default: int, *, least: int, most: int | None = None
) -> int:
    """A whole number within bounds."""
    given = integer(request, name)
    value = default if given is None else given
    if value < least:
        raise invalid(name, value, f"Input should be greater than or equal to {least}")
    if most is not None and value > most:
        raise invalid(name, value, f"Input should be less than or equal to {most}")
    return value


def instant(request: Request, name: str) -> datetime | None:
    """A date filter: ISO text with or without a zone, or seconds or milliseconds since 1970."""
    value = request.query.get(name)
    if value is None:
        return None
    if re.fullmatch(r"\d+", value):
        number = int(value)
        return EPOCH + timedelta(milliseconds=number if number > 2 * 10**10 else number * 1000)
    try:
        return parse(value)
    except ValueError:
        raise invalid(name, value, "Input should be a valid datetime") from None
