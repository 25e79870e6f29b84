"""The real target-snowflake over an emulated Snowflake: every row and value of every stream."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from loaders import SCHEMA, Row, Tables, as_instant
from pipelines import text
from process import PROGRAM
from support import catalog_of

from demo.compare import by_key, differences
from demo.project import ROOT
from demo.streams import STREAMS
from sandbox import Sandbox

pytestmark = pytest.mark.slow

VENV = ROOT / ".venv-snowflake"
LOADER = Path(__file__).with_name("emulated_snowflake.py")


@pytest.fixture
def loader_config(tmp_path: Path) -> Path:
    """A file with the loader's settings."""
    if not any(VENV.glob("lib/python*/site-packages/fakesnow")):
        pytest.skip("needs make .venv-snowflake/ready, on Python 3.11 or newer as fakesnow does")
    account = dict.fromkeys(("account", "user", "password"), "unused")
    settings = {"database": "CALLS", "schema": SCHEMA.upper(), "validate_records": False}
    file = tmp_path / "target-snowflake.json"
    file.write_text(json.dumps({**account, **settings}), "utf-8")
    return file


@pytest.mark.parametrize("road", ["plain", "flattened", "batch files"])
def test_every_value_is_in_snowflake_as_it_was_last_sent(
    road: str, box: Sandbox, loader_config: Path, tmp_path: Path
) -> None:
    (files := tmp_path / "batches").mkdir()
    settings: dict[str, dict[str, Any]] = {
        "plain": {},
        "flattened": {"flattening_enabled": True, "flattening_max_depth": 3},
        "batch files": {"batch_config": {"storage": {"root": files.as_uri()}}},
    }
    first = exported(box, tmp_path / "first.jsonl", settings[road])
    box.grow(seed=2, until=box.end + timedelta(days=1))
    second = exported(box, tmp_path / "second.jsonl", settings[road])
    assert ('"type":"RECORD"' in first.read_text("utf-8")) == (road != "batch files")
    columns, before = read(first)
    _, after = read(second)
    sent = {each.name: by_key(each, before[each.name] + after[each.name]) for each in STREAMS}

    command = [VENV / "bin" / "python", LOADER, loader_config, first, second]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    stored = json.loads(done.stdout)
    assert stored.keys() == sent.keys()
    for stream in STREAMS:
        held = [as_sent(row, columns[stream.name]) for row in stored[stream.name]]
        assert [*differences(stream, held, [*sent[stream.name].values()])] == []
    assert not any(files.iterdir()), "the loader removes the files it has read"


def exported(box: Sandbox, file: Path, settings: dict[str, Any]) -> Path:
    """A file with the messages of all streams."""
    span = {"start_date": text(box.start), "end_date": text(box.end)}
    config = {**box.config(), **span, **settings}
    catalog = catalog_of(config, [stream.name for stream in STREAMS])
    options = []
    for name, value in (("config", config), ("catalog", catalog)):
        path = file.with_suffix(f".{name}.json")
        path.write_text(json.dumps(value), "utf-8")
        options += [f"--{name}", str(path)]
    with file.open("wb") as output:
        done = subprocess.run([*PROGRAM, *options], stdout=output, check=False)
    assert done.returncode == 0
    return file


def read(messages: Path) -> tuple[dict[str, Row], Tables]:
    """The columns and the rows of each stream, in messages or in the files that they name."""
    columns: dict[str, Row] = {}
    rows: Tables = defaultdict(list)
    for line in messages.read_text("utf-8").splitlines():
        message = json.loads(line)
        if message["type"] == "SCHEMA":
            columns[message["stream"]] = message["schema"]["properties"]
        elif message["type"] == "RECORD":
            rows[message["stream"]].append(message["record"])
        elif message["type"] == "BATCH":
            for url in message["manifest"]:
                body = gzip.decompress(Path(url2pathname(urlparse(url).path)).read_bytes())
                rows[message["stream"]] += map(json.loads, body.splitlines())
    return columns, rows


def as_sent(row: Row, columns: Row) -> Row:
    """A row of Snowflake as the tap has sent it, without the loader's own columns."""
    names = {name.lower(): name for name in columns}  # Snowflake's are in any case
    return {
        names[name]: value if value is None else _value(value, columns[names[name]])
        for name, value in row.items()
        if not name.startswith("_sdc_")
    }


def _value(value: Any, schema: Row) -> Any:
    if schema.get("format") == "date-time":
        return as_instant(value)
    if {"object", "array"} & {*schema["type"]}:
        return json.loads(value)  # of a VARIANT
    return value
