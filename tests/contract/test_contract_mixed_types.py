"""With `nested_mixed_as_text` every key inside a list has one type, in every stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from account import END, Account, opened
from expected_streams import STREAMS
from seam import records_through_the_sdk
from support import clock_at, entry_in, run_tap
from test_contract_variants import decoded, rows_of_batch

from tap_callexports.compat import override

#: What no schema says anything about.
ANY: Mapping[str, Any] = {"type": []}


def types_of(schema: Mapping[str, Any]) -> set[str]:
    given = schema["type"]
    return ({given} if isinstance(given, str) else {*given}) - {"null"}


def in_lists(schema: Mapping[str, Any], *, inside: bool = False) -> Iterator[Mapping[str, Any]]:
    """All that a schema declares inside lists."""
    if inside:
        yield schema
    for part in schema.get("properties", {}).values():
        yield from in_lists(part, inside=inside)
    if "items" in schema:
        yield from in_lists(schema["items"], inside=True)


def mixed(schema: Mapping[str, Any]) -> list[str]:
    """The columns that have a value of several types inside a list."""
    return [
        name
        for name, column in schema["properties"].items()
        if any(len(types_of(part)) > 1 for part in in_lists(column))
    ]


def as_text(value: Any, schema: Mapping[str, Any], *, inside: bool = False) -> Any:
    """A value without the setting, as it has to be with it."""
    if inside and len(types_of(schema)) > 1:
        return value if value is None or isinstance(value, str) else Json(value)
    if isinstance(value, list):
        return [as_text(item, schema.get("items", ANY), inside=True) for item in value]
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {k: as_text(v, parts.get(k, ANY), inside=inside) for k, v in value.items()}
    return value


class Json:
    """Equal to each text that is this value as JSON."""

    def __init__(self, value: object) -> None:
        self._value = value

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and json.loads(other) == self._value

    @override
    def __hash__(self) -> int:
        return 0

    @override
    def __repr__(self) -> str:
        return f"Json({self._value!r})"


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def test_values_of_mixed_types_in_lists_are_text_by_every_road(
    account: Account, tmp_path: Path
) -> None:
    plain, run = account.run(), account.run(nested_mixed_as_text=True)
    schema = plain.schema(account.name)["schema"]
    assert mixed(run.schema(account.name)["schema"]) == []
    assert run.state == plain.state
    records = run.records(account.name)
    assert [as_text(record, schema) for record in plain.records(account.name)] == records
    assert (records != plain.records(account.name)) == bool(mixed(schema)), "nothing is mixed"
    if not mixed(schema):
        return

    with records_through_the_sdk():
        assert decoded(account.run(nested_mixed_as_text=True)) == decoded(run)
    dropped = ["extra", *mixed(schema)[1:]]
    catalog = account.catalog(account.name)
    for part in entry_in(catalog, account.name)["metadata"]:
        if part["breadcrumb"][1:] and part["breadcrumb"][1] in dropped:
            part["metadata"]["selected"] = False
    with clock_at(END):
        some = run_tap(account.config(nested_mixed_as_text=True), catalog=catalog)
    kept = [{k: v for k, v in record.items() if k not in dropped} for record in records]
    assert some.records(account.name) == kept
    files = {"storage": {"root": tmp_path.as_uri()}, "batch_size": 7}
    batches = account.run(nested_mixed_as_text=True, batch_config=files).of(account.name, "BATCH")
    assert [row for batch in batches for row in rows_of_batch(batch)] == records
    flat = account.run(nested_mixed_as_text=True, flattening_enabled=True, flattening_max_depth=1)
    lists = [name for name in mixed(schema) if "array" in schema["properties"][name]["type"]]
    for record, flattened in zip(records, flat.records(account.name), strict=True):
        found = {name: flattened[name] and json.loads(flattened[name]) for name in lists}
        assert found == {name: record[name] for name in lists}
