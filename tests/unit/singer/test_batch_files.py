"""Records in files: announced when they are whole, and STATE behind them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.singerlib.encoding.simple import Message, SchemaMessage, StateMessage
from support import run_tap

from sandbox import Sandbox
from tap_callexports.errors import RunFailed
from tap_callexports.singer.batch_files import LOADER_WARNING, BatchFiles, batch_errors
from tap_callexports.singer.sdk import BatchMessage


def batches(folder: Path, size: int = 3, **options: Any) -> BatchFiles:
    storage = {"root": folder.as_uri()}
    return BatchFiles({"storage": storage, "batch_size": size, **options}, "tap-x")


def rows(count: int) -> list[bytes]:
    return [b"{}"] * count


def kinds(messages: list[Message]) -> str:
    return " ".join(type(message).__name__.removesuffix("Message") for message in messages)


def state(number: int) -> StateMessage:
    return StateMessage(value={"bookmarks": {"s": {"n": number}}})


@pytest.mark.covers(143)
def test_a_state_waits_for_the_rows_before_it(tmp_path: Path) -> None:
    files = batches(tmp_path)
    assert list(files.add("s", rows(2))) == []
    assert list(files.add_message(state(1))) == []
    announced = list(files.add("s", rows(2)))
    assert kinds(announced) == "SDKBatch State"
    assert list(files.add_message(state(2))) == []
    assert kinds(list(files.close())) == "SDKBatch State"


def test_a_state_with_nothing_before_it_goes_at_once(tmp_path: Path) -> None:
    assert kinds(list(batches(tmp_path).add_message(state(1)))) == "State"


def test_the_last_state_speaks_for_those_before_it(tmp_path: Path) -> None:
    files = batches(tmp_path)
    list(files.add("s", rows(1)))
    list(files.add_message(state(1)))
    list(files.add_message(state(2)))
    assert list(files.close())[1:] == [state(2)]


def test_a_state_that_waits_is_not_changed_by_the_run(tmp_path: Path) -> None:
    files, value = batches(tmp_path), {"bookmarks": {"s": {"n": 1}}}
    list(files.add("s", rows(1)))
    list(files.add_message(StateMessage(value=value)))
    value["bookmarks"]["s"]["n"] = 2
    assert list(files.close())[1:] == [state(1)]


def test_all_files_are_closed_when_one_is_full_and_before_another_schema(tmp_path: Path) -> None:
    files = batches(tmp_path)
    list(files.add("a", rows(1)))
    both = list(files.add("b", rows(3)))
    assert [m.stream for m in both if isinstance(m, BatchMessage)] == ["a", "b"]
    list(files.add("a", rows(1)))
    schema = SchemaMessage("c", {"properties": {}}, ["id"])
    assert kinds(list(files.add_message(schema))) == "SDKBatch Schema"


def test_no_file_holds_more_rows_than_it_may(tmp_path: Path) -> None:
    files = batches(tmp_path, encoding={"format": "jsonl", "compression": "none"})
    announced = [*files.add("s", rows(8)), *files.close()]
    assert kinds(announced) == "SDKBatch SDKBatch SDKBatch"
    assert sorted(path.read_text().count("\n") for path in tmp_path.iterdir()) == [2, 3, 3]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("in the way")
    files = batches(target)
    with pytest.raises(RunFailed, match=r"^batch_config\.storage\.root: "):
        list(files.add("s", rows(3)))


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"storage": {"root": "x"}, "encoding": {"format": "parquet"}}, "encoding.format"),
        ({}, "storage.root"),
        ({"storage": {}}, "storage.root"),
        ({"storage": {"root": "x"}, "batch_size": 0}, "batch_size"),
        ({"storage": {"root": "x"}, "batch_size": "9"}, "batch_size"),
        ({"storage": {"root": "x"}, "encoding": {"compression": "zstd"}}, "encoding.compression"),
        ({"storage": {"root": "x"}, "encoding": {"compresion": "none"}}, "encoding.compresion"),
        ({"storage": {"root": "x", "bucket": "b"}}, "storage.bucket"),
        ({"storage": {"root": 7}}, "storage.root"),
        ({"storage": {"root": "x", "prefix": 7}}, "storage.prefix"),
        ({"storage": {"root": "x", "params": "p"}}, "storage.params"),
        ({"storage": {"root": "x"}, "size": 9}, "size"),
    ],
)
def test_a_mistake_names_its_setting(config: dict[str, Any], setting: str) -> None:
    (mistake,) = batch_errors(config)
    assert mistake.startswith(f"batch_config.{setting}: ")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    list(batches(tmp_path).add("s", rows(3)))
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_store_that_does_not_take_its_params_is_one_line(tmp_path: Path) -> None:
    files = batches(tmp_path, storage={"root": "memory://x", "params": {"fs": 7, "chained": 1}})
    with pytest.raises(RunFailed, match=r"^batch_config\.storage\.root: "):
        list(files.add("s", rows(3)))


def test_a_store_that_needs_another_package_is_one_line() -> None:
    files = BatchFiles({"storage": {"root": "nowhere://bucket"}, "batch_size": 1}, "tap-x")
    with pytest.raises(RunFailed, match=r"^batch_config\.storage\.root: .* fsspec package"):
        list(files.add("s", rows(1)))


def test_a_prefix_may_be_any_text(tmp_path: Path) -> None:
    storage = {"root": tmp_path.as_uri(), "prefix": "100%s-"}
    list(BatchFiles({"storage": storage, "batch_size": 1}, "tap-x").add("s", rows(1)))
    assert [path.name.startswith("100%s-tap-x--s-") for path in tmp_path.iterdir()] == [True]


def test_a_file_holds_its_rows_line_by_line(tmp_path: Path) -> None:
    files = batches(tmp_path, encoding={"format": "jsonl", "compression": "none"})
    (message,) = files.add("s", [b'{"a":1}', b'{"a":2}', b'{"a":3}'])
    assert isinstance(message, BatchMessage)
    (path,) = tmp_path.iterdir()
    assert path.as_uri() == message.manifest[0]
    assert [json.loads(line)["a"] for line in path.read_text().splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("in_files", [True, False])
def test_a_run_with_batch_files_warns_of_loaders_that_do_not_read_them(
    box: Sandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    in_files: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    config = {"burki": box.burki.config(), "start_date": "2024-05-01", "end_date": "2024-05-02"}
    storage = {"batch_config": {"storage": {"root": tmp_path.as_uri()}}} if in_files else {}
    assert run_tap(config | storage, streams=["burki_calls"]).code == 0
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warnings == [LOADER_WARNING] * in_files
    assert "z3-target-bigquery and target-s3-jsonl lose every row" in LOADER_WARNING
