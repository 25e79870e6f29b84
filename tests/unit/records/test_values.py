"""Values: the written table of what a column takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_callexports.records.timestamps import ISO_TIMES
from tap_callexports.records.values import reader_for

ID = {"type": ["string", "null"], "minLength": 1}
TEXT = {"type": ["string", "null"]}
ANY = {"type": ["string", "null"], "contentMediaType": "application/json"}
TIME = {"type": ["string", "null"], "format": "date-time"}
NUMBER = {"type": ["number", "null"]}
INTEGER = {"type": ["integer", "null"]}
BOOLEAN = {"type": ["boolean", "null"]}
TAGS = {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
OBJECT = {"type": ["object", "null"]}

FITS: list[tuple[dict[str, Any], Any, Any]] = [
    (ID, "x1", "x1"), (ID, "", None), (ID, 7, "7"),
    (TEXT, "", ""), (TEXT, "Hola, ¿qué tal?", "Hola, ¿qué tal?"), (TEXT, 9, "9"),
    (TEXT, True, "true"), (TEXT, Decimal("1.50"), "1.50"),
    (ANY, {"a": [1, None]}, '{"a":[1,null]}'), (ANY, [1], "[1]"), (ANY, "as is", "as is"),
    (TIME, "2024-05-01T00:00:00Z", "2024-05-01T00:00:00.000000Z"),
    (NUMBER, 3, 3), (NUMBER, Decimal("21.321383333333333"), Decimal("21.321383333333333")),
    (NUMBER, "", None), (NUMBER, "-", None), (NUMBER, "null", None),
    (NUMBER, "1.25", Decimal("1.25")), (NUMBER, "1,5", Decimal("1.5")),
    (NUMBER, "1,234.56", Decimal("1234.56")), (NUMBER, "1.234,56", Decimal("1234.56")),
    (NUMBER, "1e3", Decimal("1e3")),
    (INTEGER, "300", 300), (INTEGER, Decimal("300.0"), 300), (INTEGER, " 42 ", 42),
    (BOOLEAN, "false", False), (BOOLEAN, "no", False), (BOOLEAN, "0", False), (BOOLEAN, 1, True),
    (BOOLEAN, "", None), (BOOLEAN, "sí", True),
    (TAGS, ["a", "b"], ["a", "b"]), (TAGS, "", []), (TAGS, "a, b", ["a", "b"]), (TAGS, [1], ["1"]),
    (OBJECT, {"a": 1}, {"a": 1}), (OBJECT, '{"a": 1}', {"a": 1}), (OBJECT, "", None),
]  # fmt: skip

INVALID: list[tuple[dict[str, Any], Any]] = [
    (ID, {"a": 1}), (TEXT, ["a"]), (TIME, "yesterday"), (TIME, 5),
    (NUMBER, "1,234"), (NUMBER, "12 min"), (NUMBER, True), (NUMBER, []),
    (INTEGER, "1.5"), (INTEGER, "abc"),
    (BOOLEAN, "2024-05-01 10:14:14"), (BOOLEAN, 2), (BOOLEAN, {}),
    (OBJECT, '{"a": "\\u0000"}'), (OBJECT, '{"a": "\\ud83d"}'),
    (TAGS, 5), (TAGS, {"a": 1}), (OBJECT, "{broken"), (OBJECT, [1]), (OBJECT, "[1]"),
    *((schema, " \u00a0\t") for schema in (ID, TIME, NUMBER, INTEGER, BOOLEAN, OBJECT)),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "wanted"), FITS)
def test_a_value_that_fits_is_taken(schema: dict[str, Any], value: object, wanted: object) -> None:
    taken = reader_for(schema, ISO_TIMES)(value)
    assert taken == wanted
    assert type(taken) is type(wanted)


@pytest.mark.parametrize(("schema", "value"), INVALID)
def test_a_value_that_does_not_fit_is_refused(schema: dict[str, Any], value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract
        reader_for(schema, ISO_TIMES)(value)
