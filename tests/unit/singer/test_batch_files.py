"""Records in files: announced when they are whole, and STATE behind them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.singerlib.encoding.simple import Message, SchemaMessage, StateMessage
from support import run_tap

from tap_callexports.errors import RunFailed
from tap_callexports.singer.batch_files import LOADER_WARNING, BatchFiles, batch_errors
from tap_callexports.singer.sdk import BatchMessage

PLAIN = {"format": "jsonl", "compression": "none"}


def batches(folder: Path, size: int = 3, **options: Any) -> BatchFiles:
    storage = {"root": folder.as_uri()}
    return BatchFiles({"storage": storage, "batch_size": size, **options}, "tap-x")


def rows(count: int) -> list[bytes]:
    return [b'{"a":%d}' % number for number in range(count)]


def kinds(messages: list[Message]) -> str:
    return " ".join(type(message).__name__.removesuffix("Message") for message in messages)


def state(number: int) -> StateMessage:
    return StateMessage(value={"bookmarks": {"s": {"n": number}}})


def test_the_last_state_counts_as_it_was(tmp_path: Path) -> None:
    files, value = batches(tmp_path), {"bookmarks": {"s": {"n": 2}}}
    list(files.add("s", rows(1)))
    list(files.add_message(state(1)))
    list(files.add_message(StateMessage(value=value)))
    value["bookmarks"]["s"]["n"] = 3
    assert list(files.close())[1:] == [state(2)]


def test_all_files_are_closed_when_one_is_full_and_before_another_schema(tmp_path: Path) -> None:
    files = batches(tmp_path)
    list(files.add("a", rows(1)))
    both = list(files.add("b", rows(3)))
    assert [m.stream for m in both if isinstance(m, BatchMessage)] == ["a", "b"]
    list(files.add("a", rows(1)))
    schema = SchemaMessage("c", {"properties": {}}, ["id"])
    assert kinds(list(files.add_message(schema))) == "SDKBatch Schema"


def test_files_hold_their_rows_line_by_line_for_their_owner_only(tmp_path: Path) -> None:
    files = batches(tmp_path, encoding=PLAIN)
    announced = [*files.add("s", rows(8)), *files.close()]
    paths = [tmp_path / Path(m.manifest[0]).name for m in announced if isinstance(m, BatchMessage)]
    assert [path.as_uri() for path in paths] == [m.to_dict()["manifest"][0] for m in announced]
    numbers = [[json.loads(line)["a"] for line in path.read_text().splitlines()] for path in paths]
    assert numbers == [[0, 1, 2], [3, 4, 5], [6, 7]], "no file holds more rows than it may"
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"storage": {"root": "x"}, "encoding": {"format": "parquet"}}, "encoding.format"),
        ({"storage": {}}, "storage.root"),
        ({"storage": {"root": "x"}, "batch_size": 0}, "batch_size"),
        ({"storage": {"root": "x"}, "encoding": {"compression": "zstd"}}, "encoding.compression"),
        ({"storage": {"root": "x"}, "encoding": {"compresion": "none"}}, "encoding.compresion"),
        ({"storage": {"root": "x", "bucket": "b"}}, "storage.bucket"),
        ({"storage": {"root": "x", "prefix": 7}}, "storage.prefix"),
        ({"storage": {"root": "x", "params": "p"}}, "storage.params"),
        ({"storage": {"root": "x"}, "size": 9}, "size"),
    ],
)
def test_an_error_names_its_setting(config: dict[str, Any], setting: str) -> None:
    (error,) = batch_errors(config)
    assert error.startswith(f"batch_config.{setting}: ")


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ({"root": "file:///dev/null/folder"}, ""),
        ({"root": "memory://x", "params": {"fs": 7, "chained": 1}}, ""),
        ({"root": "nowhere://bucket"}, ".* fsspec package"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line(storage: dict[str, Any], words: str) -> None:
    files = BatchFiles({"storage": storage, "batch_size": 1}, "tap-x")
    with pytest.raises(RunFailed, match=rf"^batch_config\.storage\.root: {words}"):
        list(files.add("s", rows(1)))


@pytest.mark.parametrize("in_files", [True, False])
def test_a_run_with_batch_files_warns_of_loaders_that_do_not_read_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, in_files: bool
) -> None:
    files = {"batch_config": {"storage": {"root": tmp_path.as_uri()}}} if in_files else {}
    # Without ids it has nothing to request.
    assert run_tap({"videsk": {"api_token": "x"}, **files}, streams=["videsk_forms"]).code == 0
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [LOADER_WARNING] * in_files
    assert "z3-target-bigquery and target-s3-jsonl lose every row" in LOADER_WARNING
