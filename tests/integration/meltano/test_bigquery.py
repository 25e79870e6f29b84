"""The columns that the real z3-target-bigquery makes of every flattened schema."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from demo.project import ROOT
from demo.streams import STREAMS
from tap_callexports.tap import TapCallExports

pytestmark = pytest.mark.slow

PYTHON = ROOT / ".venv-bigquery/bin/python"
#: Reads schemas by stream, and writes name, type and mode of each column.
TRANSLATE = """
import json, sys
from target_bigquery.core import SchemaTranslator
def made_of(schema):
    return SchemaTranslator(schema, {}).translated_schema_transformed
found = {
    stream: [[each.name, each.field_type, each.mode] for each in made_of(schema)]
    for stream, schema in json.load(sys.stdin).items()
}
json.dump(found, sys.stdout)
"""
TYPES = {"string": "STRING", "integer": "INTEGER", "number": "FLOAT", "boolean": "BOOLEAN"}


def column_of(name: str, schema: dict[str, Any]) -> list[str]:
    """The column that BigQuery should have for a property."""
    [kind] = {*schema["type"]} - {"null"} if isinstance(schema["type"], list) else {schema["type"]}
    return [name, "TIMESTAMP" if "format" in schema else TYPES[kind], "NULLABLE"]


@pytest.mark.parametrize("depth", [1, 3])
def test_every_flattened_column_becomes_a_scalar_of_its_own(depth: int) -> None:
    if not PYTHON.exists():
        pytest.skip("needs make .venv-bigquery/ready: z3-target-bigquery wants Python 3.10 or 3.11")
    config = {"flattening_enabled": True, "flattening_max_depth": depth}
    streams = TapCallExports(config=config, validate_config=False).streams
    schemas = {name: each.stream_maps[0].transformed_schema for name, each in streams.items()}
    done = subprocess.run(
        [PYTHON, "-c", TRANSLATE],
        input=json.dumps(schemas),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {stream.name for stream in STREAMS}
    for name, schema in schemas.items():
        assert found[name] == [column_of(*column) for column in schema["properties"].items()]
        # BigQuery does not tell capitals from small letters.
        assert len({column.lower() for column, *_ in found[name]}) == len(found[name])
