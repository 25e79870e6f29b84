"""Random objects of an official client's type, through the mock API and the tap, value by value.

The type is a pydantic model, or anything else pydantic can describe. Objects are made from its JSON
schema, and the type itself judges each of them. `check_official_objects` does it all in one call.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from provider_runs import export
from pydantic import TypeAdapter
from support import JSON, instant, text

from sandbox import Api
from tap_callexports.compat import override

Path = tuple[str, ...]
_FIRST = datetime(2024, 5, 1, 0, 0, 0, 123_000, tzinfo=timezone.utc)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TEXTS = (
    "", "x", "¿Qué?", 'a "b"\\\n\t/', "0", "null", "true", "{}", "[1, 2]", "\u2028 \U0001f600",
    "2024-05-01T10:00:00.000Z", "+12025550100", "9007199254740993", "https://example.com/?a=1&b=2",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 0.1, 1.5, -2.25, 1e-9, 12345.678901, 1e15, 1717171717123, 0.30000000000000004)
#: Any JSON value.
_ANYTHING: tuple[Any, ...] = (
    "text",
    7,
    1.25,
    True,
    [],
    {},
    [1, {"a": None}],
    {"deep": {"list": ["x", 2.5]}},
)
#: How likely an optional field is there, by depth; and how much of an object is made of choice.
_LIKELY = (0.7, 0.6, 0.4, 0.3)
_MOST_VALUES = 600


class Maker:
    """Makes random valid objects of a type; the same seed gives the same objects.

    An optional field is absent at times, and null where the type says so; of a union that
    alternative is taken which was used least so far.
    """

    def __init__(self, kind: object, seed: int) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)
        schema = self._adapter.json_schema(by_alias=True)
        self._schema, self._named = schema, schema.get("$defs", {})
        self._dice = random.Random(seed)
        #: How often each alternative of each union that was met was used.
        self.used: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}
        #: The fields that were there once.
        self._made: set[int] = set()
        self._values = 0

    def make(self) -> JSON:
        """One object."""
        self._values = 0
        made: JSON = self._value(self._schema, 0)
        return made

    def judge(self, made: JSON) -> None:
        """Raise ValueError if the type refuses an object."""
        self._adapter.validate_python(made)

    def _value(self, schema: Any, depth: int) -> Any:
        self._values += 1
        if "$ref" in schema:
            return self._value(self._named[schema["$ref"].rpartition("/")[2]], depth)
        for name in ("anyOf", "oneOf", "allOf"):
            if name in schema:
                return self._value(self._least_used(schema[name], depth), depth)
        if "enum" in schema or "const" in schema:
            return self._dice.choice(schema.get("enum") or [schema["const"]])
        make = getattr(self, f"_{schema.get('type', 'anything')}")
        return make(schema, depth)

    def _least_used(self, alternatives: Sequence[Any], depth: int) -> Any:
        """The alternative that was used least; a simple one where the object is large already."""
        used = self._used_of(alternatives)
        choices: Sequence[int] = range(len(alternatives))
        if self._is_full(depth):
            simple = [place for place in choices if "$ref" not in str(alternatives[place])]
            choices = simple or choices
        place = min(choices, key=lambda place: (used[place], self._dice.random()))
        used[place] += 1
        return alternatives[place]

    def _used_of(self, alternatives: Sequence[Any]) -> list[int]:
        """How often each was used; unions of the same alternatives are one."""
        name = self._names.setdefault(id(alternatives), "") or json.dumps(alternatives)
        self._names[id(alternatives)] = name
        return self.used.setdefault(name, [0] * len(alternatives))

    def _is_full(self, depth: int) -> bool:
        return self._values > _MOST_VALUES or depth > 12

    def _object(self, schema: Any, depth: int) -> JSON:
        needed, made = schema.get("required", ()), {}
        likely = 0 if self._is_full(depth) else _LIKELY[min(depth, len(_LIKELY) - 1)]
        properties = list(schema.get("properties", {}).items())
        self._dice.shuffle(properties)
        for name, part in properties:
            # What tells the alternatives of a union apart has a default, and is always sent.
            wanted = self._dice.random() < likely or (likely and id(part) not in self._made)
            if name in needed or "const" in part or wanted:
                self._made.add(id(part))
                made[name] = self._value(part, depth + 1)
        more = schema.get("additionalProperties")
        for _ in range(self._dice.randrange(3) if more and likely else 0):
            part = more if isinstance(more, dict) else {}
            made[f"own key {self._dice.randrange(1000)}"] = self._value(part, depth + 1)
        return made

    def _array(self, schema: Any, depth: int) -> list[Any]:
        items, length = schema.get("items", {}), schema.get("minItems", 0)
        if not self._is_full(depth):
            unused = self._used_of(items["anyOf"]).count(0) if "anyOf" in items else 0
            length += max(self._dice.randint(0, 3), min(unused, 8))
        return [self._value(items, depth + 1) for _ in range(length)]

    def _string(self, schema: Any, _: int) -> str:
        if schema.get("format") == "date-time":
            at = datetime(2024, 5, 1, tzinfo=timezone.utc) + timedelta(
                milliseconds=self._dice.randrange(10**9)
            )
            return f"{text(at)[:23]}Z"
        return self._dice.choice((*_TEXTS, f"{self._dice.getrandbits(64):x}"))

    def _integer(self, _schema: Any, _: int) -> int:
        return self._dice.choice((0, 1, -7, self._dice.randrange(10**6), 1717171717123))

    def _number(self, _schema: Any, _: int) -> float:
        return self._dice.choice((*_NUMBERS, round(self._dice.uniform(-1e4, 1e4), 4)))

    def _boolean(self, _schema: Any, _: int) -> bool:
        return self._dice.random() < 0.5

    def _null(self, _schema: Any, _: int) -> None:
        return None

    def _anything(self, _schema: Any, _: int) -> Any:
        return self._dice.choice(_ANYTHING)


@dataclass
class Comparison:
    """What became of the values of objects.

    Args:
        columns: The stream's columns, with their schemas.
        column_of: The column of a field.
        left_out: Whether what is at a path of fields must be left out; lists are no steps of it.
    """

    columns: Mapping[str, JSON]
    column_of: Callable[[str], str]
    left_out: Callable[[Path], bool]
    objects: int = 0
    values: int = 0
    values_left_out: int = 0
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    #: What must not be in a record, and is.
    kept: list[str] = field(default_factory=list)
    #: Alternatives of the unions that were met, and those that no object used.
    alternatives: int = 0
    unused: int = 0

    def compare(self, sent: JSON, record: JSON) -> None:
        """Compare an object as it was sent with its record, every value in both directions."""
        self.objects += 1
        extra = record.get("extra") or {}
        wanted, got = {}, dict(extra)
        for name, value in sent.items():
            column = self.column_of(name)
            wanted[name] = value
            if column in self.columns and name not in extra:
                wanted[name] = _converted(value, self.columns[column])
                got[name] = record[column]
        # Null and absent are the same in a record.
        self._compare_fields((), wanted, {**dict.fromkeys(sent), **got})
        known = {*map(self.column_of, sent), "extra"}
        self.kept += [
            f"{name} of no field" for name in record if record[name] and name not in known
        ]

    def _compare_fields(self, path: Path, sent: JSON, got: JSON) -> None:
        for name, value in sent.items():
            here = (*path, name)
            if self.left_out(here):
                self.values_left_out += 1
                if got.get(name) is not None:
                    self.kept.append(".".join(here))
            elif name in got:
                self._compare(here, value, got[name])
            else:
                self.lost.append(".".join(here))
        self.kept += [".".join((*path, name)) for name in got.keys() - sent.keys()]

    def _compare(self, path: Path, sent: Any, got: Any) -> None:
        self.values += 1
        if isinstance(sent, dict) and isinstance(got, dict):
            self._compare_fields(path, sent, got)
        elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
            for part, got_part in zip(sent, got, strict=True):
                self._compare(path, part, got_part)
        elif got is None is not sent:
            self.lost.append(".".join(path))
        elif got != sent or isinstance(got, bool) != isinstance(sent, bool):
            self.changed.append(f"{'.'.join(path)}: {sent!r:.60} became {got!r:.60}")

    @override
    def __str__(self) -> str:
        return (
            f"{self.objects} objects, {self.values} values compared, {len(self.lost)} lost, "
            f"{len(self.changed)} changed, {self.values_left_out} left out, "
            f"{len(self.kept)} kept that should not be; {self.alternatives - self.unused} of "
            f"{self.alternatives} alternatives of unions used"
        )


def _converted(value: Any, schema: JSON) -> Any:
    """A value as its column holds it, by the conversions that the documents promise."""
    kinds = schema["type"]
    if schema.get("format") == "date-time":
        if not isinstance(value, str):
            seconds = value / 1000 if value and value > 10**11 else value
            return seconds and text(_EPOCH + timedelta(seconds=seconds))
        return text(instant(value)) if value else None
    if value == "" and ("minLength" in schema or "string" not in kinds):
        return None
    if "string" in kinds and not isinstance(value, str) and value is not None:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if {"number", "integer"}.intersection(kinds) and isinstance(value, str):
        return float(value)
    return value


def check_official_objects(
    api: Api,
    kind: object,
    identify: Callable[[JSON, str, datetime], None],
    *,
    stream: str = "",
    column_of: Callable[[str], str] = lambda name: name,
    left_out: Callable[[Path], bool] = lambda _: False,
    count: int = 500,
    seed: int = 1,
    **settings: Any,
) -> Comparison:
    """Let the mock API send random objects, export them, and compare.

    Args:
        api: A provider of a running sandbox; its rows must be served by `Row.encoded`.
        kind: The official type of a row.
        identify: Puts an id and a time into an object, where the API has them.
        stream: The stream; by default the provider's calls. Its primary key is one column.
        column_of: The column of a field.
        left_out: Whether what is at a path of fields must be left out.
        count: How many objects.
        seed: Decides about all of them.
        settings: Of the provider.
    """
    stream = stream or api.streams[0]
    maker, sent = Maker(kind, seed), {}
    (key,) = api.keys[stream]
    for number in range(count):
        name, at = f"official-{number}", _FIRST + number * timedelta(minutes=37)
        made = maker.make()
        identify(made, name, at)
        maker.judge(made)
        (row,) = api.of(stream).add_at(at, **{key: name})
        row.raw, sent[name] = json.dumps(made).encode(), made
    run = export(api, streams=[stream], **settings)
    assert run.code == 0, run.complaints
    columns = run.schema(stream)["schema"]["properties"]
    comparison = Comparison(columns, column_of, left_out)
    records = {record[key]: record for record in run.records(stream)}
    for name, made in sent.items():
        comparison.compare(made, records.pop(name))
    comparison.kept += list(records)
    comparison.alternatives = sum(map(len, maker.used.values()))
    comparison.unused = sum(used.count(0) for used in maker.used.values())
    return comparison
