"""The fields in which a JSON body reports an error, whatever its HTTP status is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tap_callexports.redaction import sanitize_and_mask

#: Fields that report an error if they have a value.
_ERRORS = ("error", "errors", "error_message", "errorMessage")
#: Texts that are no value; an empty list or object is none either.
_NOTHING = frozenset({"", "0", "false", "none", "null"})
#: Fields that are false where there is an error.
_SUCCESS = ("success", "ok")
#: Fields with an HTTP status or a word; `code` is that of Feathers' error objects.
_STATES = ("status", "code", "statusCode", "status_code")
_FAILED = re.compile(r"error|failed|failure|fail|[45][0-9]{2}", re.IGNORECASE)
#: Fields with an error message, in the order in which they are shown.
_MESSAGES = ("message", *_ERRORS, "detail", "details", "data")
#: Most texts that are shown of one field.
_MAX_TEXTS = 3
#: The fields that `reports_error` and `message_of` read.
ERROR_FIELDS = (*_ERRORS, *_SUCCESS, *_STATES, "message", "detail", "details")


def reports_error(body: Mapping[str, Any]) -> bool:
    """Whether an object with rows, a count or a token reports an error.

        {"items": [], "error": "database unavailable"}               True
        {"data": [], "name": "GeneralError", "code": 500}            True
        {"items": [], "status": "error", "message": "try again"}     True
        {"items": [], "error": null, "status": "ok", "code": 200}    False

    Not for an object that is a row itself: there such fields are data.
    """
    return (
        any(_has_value(body.get(name)) for name in _ERRORS)
        or any(body.get(name) is False for name in _SUCCESS)
        or any(_FAILED.fullmatch(str(body.get(name)).strip()) for name in _STATES)
    )


def message_of(body: Mapping[str, Any]) -> str:
    """The error message of an object as ` (...)` to append to a message, sanitized; else empty."""
    found = (text for name in _MESSAGES for text in _texts(body.get(name)))
    text = "; ".join(dict.fromkeys(map(sanitize_and_mask, found)))
    return f" ({text})" if text else ""


def _has_value(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() not in _NOTHING
    return bool(value)


def _texts(value: object) -> Iterator[str]:
    """A text, or the `message` of an object, or of each of a few of either in a list."""
    if isinstance(value, str):
        if value:
            yield value
        return
    for each in value[:_MAX_TEXTS] if isinstance(value, list) else [value]:
        message = each.get("message") if isinstance(each, dict) else each
        if isinstance(message, str) and message:
            yield message
