"""The filter language in its two dialects, turned into tests of a record."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..http import Json, RefusalError
from ..instants import from_ms, parse, to_ms
from ..table import Record

if TYPE_CHECKING:
    from datetime import datetime

Dialect = Literal["anunzi", "retell", "both"]
Test = Callable[[Record], bool]

INSTANTS = ("start_timestamp", "end_timestamp", "transfer_end_timestamp")
_NUMBERS = ("start_timestamp", "end_timestamp", "duration_ms", "combined_cost", "e2e_latency_p50")
_STRINGS = ("call_id", "batch_call_id", "from_number", "to_number")
_BOOLEANS = ("in_voicemail", "call_successful")
_ENUMS = (
    "call_status",
    "call_type",
    "direction",
    "user_sentiment",
    "disconnection_reason",
    "data_storage_setting",
)
_STATUSES = ("not_connected", "ongoing", "ended", "error")
#: The year 9999, in milliseconds.
_LAST = 253_370_764_800_000
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "sw": str.startswith,
    "ew": str.endswith,
    "co": operator.contains,
}


class WrongDialectError(Exception):
    """A condition that this server's dialect does not know."""


@dataclass(frozen=True)
class Language:
    """What a server understands."""

    dialect: Dialect
    bt_inclusive: bool

    def compile(self, criteria: Record) -> list[Test]:
        """One test per condition; WrongDialectError or RefusalError where it is not one."""
        return [self._condition(name, condition) for name, condition in criteria.items()]

    def bounds(self, criteria: Record) -> tuple[datetime | None, datetime | None]:
        """A range of starts that no match lies outside of; it may be too wide."""
        if "start_timestamp" not in criteria:
            return None, None
        verb, operand = self._read("start_timestamp", criteria["start_timestamp"])
        low = operand[0] if verb == "bt" else operand if verb in ("ge", "gt", "eq") else 0
        high = operand[1] if verb == "bt" else operand if verb in ("le", "lt", "eq") else _LAST
        return from_ms(_within(math.floor(low))), from_ms(_within(math.ceil(high)))

    def _condition(self, name: str, condition: Json) -> Test:
        if name == "agent":
            return _agents(condition)
        if name not in _NUMBERS + _STRINGS + _BOOLEANS + _ENUMS:
            raise RefusalError(400, f"filter_criteria has an unknown key {name}")
        if not isinstance(condition, dict):
            raise RefusalError(400, f"filter_criteria.{name} must be an object")
        verb, operand = self._read(name, condition)
        if name in _NUMBERS:
            return self._number(name, verb, operand)
        if name in _ENUMS:
            return _enum(name, operand)
        if name in _BOOLEANS:
            return lambda record: value_of(record, name) is operand
        return _string(name, verb, operand)

    def _read(self, name: str, condition: Record) -> tuple[str, Any]:
        """Verb and operand of a condition, in whichever dialect is spoken here."""
        if self.dialect != "retell" and "operator" in condition:
            verb = condition["operator"]
            if verb == "bt":
                return "bt", [condition.get("low_threshold"), condition.get("high_threshold")]
            return verb, [condition.get("value")] if name in _ENUMS else condition.get("value")
        if self.dialect != "anunzi" and {"type", "op", "value"} <= condition.keys():
            return condition["op"], condition["value"]
        raise WrongDialectError(name)

    def _number(self, name: str, verb: str, operand: Json) -> Test:
        if verb == "bt":
            low, high = _thresholds(name, operand)
            if self.bt_inclusive:
                return lambda record: low <= value_of(record, name, low - 1) <= high
            return lambda record: low < value_of(record, name, low) < high
        if verb not in _COMPARE or not _is_number(operand):
            raise RefusalError(400, f"filter_criteria.{name} is not a number condition")
        compare = _COMPARE[verb]

        def test(record: Record) -> bool:
            value = value_of(record, name)
            return value is not None and bool(compare(value, operand))

        return test


def value_of(record: Record, name: str, default: Json = None) -> Json:
    """The value a condition is about, wherever in the record it is; instants in ms."""
    value: Json = record.get(name)
    if name in _BOOLEANS or name == "user_sentiment":
        value = (record.get("call_analysis") or {}).get(name)
    elif name == "combined_cost":
        value = (record.get("call_cost") or {}).get(name)
    elif name == "e2e_latency_p50":
        value = ((record.get("latency") or {}).get("e2e") or {}).get("p50")
    elif name in INSTANTS and value is not None:
        value = to_ms(parse(value))
    return default if value is None else value


def _within(value: int) -> int:
    """A count of milliseconds that a datetime can hold."""
    return max(0, min(value, _LAST))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _thresholds(name: str, operand: Json) -> tuple[float, float]:
    if not isinstance(operand, list) or len(operand) != 2 or not all(map(_is_number, operand)):
        raise RefusalError(400, f"filter_criteria.{name} needs two thresholds")
    return operand[0], operand[1]


def _enum(name: str, operand: Json) -> Test:
    if not isinstance(operand, list):
        raise RefusalError(400, f"filter_criteria.{name} must be a list")
    if name == "call_status" and not set(operand) <= set(_STATUSES):
        raise RefusalError(
            400, f"filter_criteria.call_status must be one of {', '.join(_STATUSES)}"
        )
    return lambda record: value_of(record, name) in operand


def _string(name: str, verb: str, operand: Json) -> Test:
    if verb == "in" and isinstance(operand, list):
        return lambda record: record.get(name) in operand
    if verb not in _TEXT or not isinstance(operand, str):
        raise RefusalError(400, f"filter_criteria.{name} is not a string condition")
    compare = _TEXT[verb]
    return lambda record: compare(record.get(name) or "", operand)


def _agents(condition: Json) -> Test:
    """A list of agents, any of which will do; without versions all versions are meant."""
    if not isinstance(condition, list) or not all(
        isinstance(item, dict) and isinstance(item.get("agent_id"), str) for item in condition
    ):
        raise RefusalError(400, "filter_criteria.agent must be a list of objects with agent_id")

    def test(record: Record) -> bool:
        return any(
            record["agent_id"] == item["agent_id"]
            and (not item.get("version") or record["agent_version"] in item["version"])
            for item in condition
        )

    return test
