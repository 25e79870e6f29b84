"""The filter language of Retell's API, in the two dialects it is documented in.

Anunzi writes `{"operator": "ge", "value": 1}`, Retell `{"type": "number", "op": "ge", "value": 1}`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .http import Json, RefusalError
from .instants import from_ms, parse, to_ms
from .table import Record
from .voice import transcripts

Dialect = Literal["anunzi", "retell", "both"]
Test = Callable[[Any], bool]

INSTANTS = ("start_timestamp", "end_timestamp", "transfer_end_timestamp")
#: What can be filtered for, by kind; and what only Retell's documents have.
_FILTERS = {
    "number": "start_timestamp end_timestamp duration_ms combined_cost e2e_latency_p50",
    "string": "call_id batch_call_id from_number to_number",
    "boolean": "in_voicemail call_successful",
    "enum": "call_status call_type direction user_sentiment disconnection_reason "
    "data_storage_setting",
    "keyed": "dynamic_variables",
    "agents": "agent",
}
_RETELL_FILTERS = {
    "enum": "agent_tag",
    "keyed": "metadata custom_analysis_data custom_attributes",
    "tools": "tool_calls",
}
_KINDS, _RETELL_KINDS = (
    {name: kind for kind, names in filters.items() for name in names.split()}
    for filters in (_FILTERS, _RETELL_FILTERS)
)
#: Where in a record the value of a filter is, if not at its top.
_PATHS = {
    "combined_cost": ("call_cost", "combined_cost"),
    "e2e_latency_p50": ("latency", "e2e", "p50"),
    "dynamic_variables": ("retell_llm_dynamic_variables",),
    **{
        name: ("call_analysis", name)
        for name in ("in_voicemail", "call_successful", "user_sentiment", "custom_analysis_data")
    },
}
#: The year 9999, in milliseconds.
_LAST = 253_370_764_800_000
_STATUSES = {"not_connected", "ongoing", "ended", "error"}

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "sw": str.startswith,
    "ew": str.endswith,
    "co": operator.contains,
}
_TOOL_KINDS = {"name": "string", "type": "string", "success": "boolean", "latency_ms": "number"}


class WrongDialectError(Exception):
    """A condition in the spelling that this server does not know."""


@dataclass(frozen=True)
class Language:
    """What a server understands; `inclusive` is whether `bt` (between) includes its ends."""

    dialect: Dialect
    inclusive: bool

    def compile(self, criteria: Record) -> list[Test]:
        """A test of a record for each field; WrongDialectError or RefusalError if it is none."""
        return [self._field(name, given) for name, given in criteria.items()]

    def bounds(self, criteria: Record, name: str) -> tuple[datetime | None, datetime | None]:
        """A range that no instant of a match lies outside of."""
        if name not in criteria:
            return None, None
        _, verb, operand = self._read(name, criteria[name], "number")
        low, high = operand if verb == "bt" else (operand, operand)
        low = (
            from_ms(max(0, min(math.floor(low), _LAST)))
            if verb in ("bt", "ge", "gt", "eq")
            else None
        )
        last = min(math.ceil(high), _LAST) if verb in ("bt", "le", "lt", "eq") else _LAST
        return low, from_ms(max(0, last))

    def _field(self, name: str, given: Json) -> Test:
        further = {} if self.dialect == "anunzi" else _RETELL_KINDS
        kind = _KINDS.get(name) or further.get(name)
        if kind is None:
            raise RefusalError(400, f"filter_criteria has an unknown key {name}")
        if kind in ("keyed", "agents", "tools"):
            if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
                raise RefusalError(400, f"filter_criteria.{name} must be a list of objects")
            if kind == "agents":
                return _agents(given)
            if kind == "tools":
                tools = [self._tool(each) for each in given]
                return lambda row: all(any(map(test, _tools(row))) for test in tools)
            keys = [(each.get("key"), self._condition(name, each, "keyed")) for each in given]
            return lambda row: all(test((_value(row, name) or {}).get(key)) for key, test in keys)
        if not isinstance(given, dict):
            raise RefusalError(400, f"filter_criteria.{name} must be an object")
        test = self._condition(name, given, kind)
        return lambda row: test(_value(row, name))

    def _tool(self, given: Record) -> Test:
        """A test of one tool call."""
        if not set(given) <= set(_TOOL_KINDS):
            raise RefusalError(400, "filter_criteria.tool_calls has an unknown key")
        tests = {
            name: condition("string", "eq", each)
            if isinstance(each, str)
            else self._condition(name, each, _TOOL_KINDS[name])
            for name, each in given.items()
        }
        return lambda tool: all(test(tool[name]) for name, test in tests.items())

    def _condition(self, name: str, given: Record, kind: str) -> Test:
        kind, verb, operand = self._read(name, given, kind)
        if name == "call_status" and not set(operand) <= _STATUSES:
            raise RefusalError(400, "filter_criteria.call_status has an unknown value")
        try:
            return condition(kind, verb, operand, inclusive=self.inclusive)
        except ValueError as why:
            raise RefusalError(400, f"filter_criteria.{name} {why}") from None

    def _read(self, name: str, given: Record, kind: str) -> tuple[str, str, Any]:
        """Kind, verb and operand of a condition, in whichever dialect is spoken here."""
        operand = given.get("value")
        if self.dialect != "retell" and "operator" in given:
            if given["operator"] == "bt":
                operand = [given.get("low_threshold"), given.get("high_threshold")]
            if kind == "keyed":
                kind = {bool: "boolean", str: "string"}.get(type(operand), "number")
            return kind, given["operator"], [operand] if kind == "enum" else operand
        if self.dialect != "anunzi" and {"type", "op"} <= given.keys():
            kind = str(given["type"]).replace("range", "number") if kind == "keyed" else kind
            if "value" in given or kind == "present":
                return kind, given["op"], operand
        raise WrongDialectError(name)


def condition(kind: str, verb: str, operand: Json, *, inclusive: bool = True) -> Test:
    """A test of a value that may be None; ValueError for what is no condition of that kind."""
    test: Test | None = None
    if kind == "number" and verb == "bt" and isinstance(operand, list) and len(operand) == 2:
        low, high = operand
        if _is_number(low) and _is_number(high):
            below = operator.le if inclusive else operator.lt
            test = lambda value: value is not None and below(low, value) and below(value, high)  # noqa: E731 - one of several
    elif kind == "number" and verb in _COMPARE and _is_number(operand):
        compare = _COMPARE[verb]
        test = lambda value: _is_number(value) and compare(value, operand)  # noqa: E731 - one of several
    elif kind == "string" and verb in _TEXT and isinstance(operand, str):
        matches = _TEXT[verb]
        test = lambda value: matches(str(value or ""), operand)  # noqa: E731 - one of several
    elif kind == "boolean" and verb == "eq" and isinstance(operand, bool):
        test = lambda value: value is operand  # noqa: E731 - one of several
    elif kind in ("enum", "string") and verb in ("in", "eq") and isinstance(operand, list):
        test = operand.__contains__
    elif kind == "present" and verb in ("pr", "np"):
        test = lambda value: (value is not None) is (verb == "pr")  # noqa: E731 - one of several
    if test is None:
        raise ValueError(f"is not a {kind} condition")
    return test


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _agents(wanted: list[Record]) -> Test:
    """Any of these agents will do; without versions all versions are meant."""
    if not all(isinstance(item.get("agent_id"), str) for item in wanted):
        raise RefusalError(400, "filter_criteria.agent must be a list of objects with agent_id")
    return lambda record: any(
        record["agent_id"] == item["agent_id"]
        and (not item.get("version") or record["agent_version"] in item["version"])
        for item in wanted
    )


def _value(record: Record, name: str) -> Json:
    """The value a filter is about; instants in milliseconds."""
    value: Json = record
    for part in _PATHS.get(name, (name,)):
        value = (value or {}).get(part)
    return to_ms(parse(value)) if name in INSTANTS and value is not None else value


def _tools(record: Record) -> list[Record]:
    """The tool calls of a call, as filters know them."""
    items = {**transcripts(record), **record}["transcript_with_tool_calls"]
    results = {each["tool_call_id"]: each for each in items if each["role"] == "tool_call_result"}
    return [
        {
            "name": each["name"],
            "type": each.get("type"),
            "success": results.get(each["tool_call_id"], {}).get("successful"),
            "latency_ms": 100 + int(each["tool_call_id"][-2:], 16),
        }
        for each in items
        if each["role"] == "tool_call_invocation"
    ]
