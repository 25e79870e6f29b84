"""BATCH messages: records in files instead of lines on stdout.

Files hold the same records as RECORD messages would, after selection, stream maps and flattening;
the SDK's own batches skip these. https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any
from uuid import uuid4

from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_callexports.errors import RunFailed
from tap_callexports.redaction import sanitize
from tap_callexports.singer.sdk import BatchEncoding, BatchMessage, StorageTarget

_GZIP = zlib.MAX_WBITS | 16
#: Default of `batch_size`.
_RECORDS = 10_000
_FORMAT, _GZIPPED, _PLAIN = "jsonl", "gzip", "none"
#: Settings of `batch_config` and the objects in it; `object` if more than the type is checked.
_SETTINGS: dict[str, dict[str, type]] = {
    "": {"encoding": dict, "storage": dict, "batch_size": object},
    ".encoding": {"format": object, "compression": object},
    ".storage": {"root": str, "prefix": str, "params": dict},
}
#: Logged with `batch_config`: some loaders ignore BATCH messages without an error.
LOADER_WARNING = (
    "batch_config is set: known to read BATCH messages are meltanolabs-target-postgres, "
    "meltanolabs-target-snowflake, target-s3tables and shaped-target-clickhouse; "
    "z3-target-bigquery and target-s3-jsonl lose every row and exit with 0"
)
_KINDS: dict[type, str] = {dict: "an object", str: "a text"}


class _File:
    """A file in memory, so that no partial file is ever written."""

    def __init__(self, *, packed: bool) -> None:
        self.records = 0
        self._packer = zlib.compressobj(wbits=_GZIP) if packed else None
        self._body = bytearray()

    def add(self, records: Sequence[bytes]) -> None:
        lines = b"".join(record + b"\n" for record in records)
        self._body += self._packer.compress(lines) if self._packer else lines
        self.records += len(records)

    def close(self) -> bytes:
        return bytes(self._body + (self._packer.flush() if self._packer else b""))


class BatchFiles:
    """Writes records into files, and makes their BATCH messages; raises RunFailed if it cannot.

    Args:
        config: The `batch_config` setting, validated by `batch_errors`.
        tap: The tap's name, for file names.
    """

    def __init__(self, config: Mapping[str, Any], tap: str) -> None:
        encoding = config.get("encoding", {})
        self._packed = encoding.get("compression", _GZIPPED) == _GZIPPED
        self._encoding = BatchEncoding(_FORMAT, _GZIPPED if self._packed else _PLAIN)
        self._size = int(config.get("batch_size", _RECORDS))
        self._storage = StorageTarget.from_dict(dict(config["storage"]))
        self._prefix, self._run = f"{self._storage.prefix or ''}{tap}", uuid4()
        self._suffix = ".json.gz" if self._packed else ".json"
        self._open: dict[str, _File] = {}
        self._written = 0
        self._state: StateMessage | None = None

    def add(self, stream: str, records: Sequence[bytes]) -> Iterator[Message]:
        """Add records of a stream (JSON objects of one line); yield the messages of full files.

        When one file is full all are closed, so that every record so far is in a file.
        """
        while records:
            file = self._open.setdefault(stream, _File(packed=self._packed))
            room = self._size - file.records
            file.add(records[:room])
            records = records[room:]
            if file.records >= self._size:
                yield from self.close()

    def add_message(self, message: Message) -> Iterator[Message]:
        """Add another message; yield those to write now. A STATE waits for earlier records."""
        if isinstance(message, StateMessage):
            # The message holds the tap's state, which changes.
            self._state = deepcopy(message)
            if not self._open:
                yield from self.close()
        else:
            yield from self.close()
            yield message

    def close(self) -> Iterator[Message]:
        """Write all files; yield their messages and the waiting STATE."""
        files, self._open = self._open, {}
        for stream, file in files.items():
            self._written += 1
            name = f"{self._prefix}--{stream}-{self._run}-{self._written}{self._suffix}"
            # Other users of the machine must not read calls.
            umask = os.umask(0o077)
            try:
                with self._storage.open(name, "wb") as target:
                    target.write(file.close())
            except Exception as error:  # noqa: BLE001 - fsspec packages have errors of their own
                why = getattr(error, "strerror", None) or type(error).__name__
                raise RunFailed(
                    f"batch_config.storage.root: a file cannot be written there ({why}); for a "
                    "bucket, its fsspec package must be installed beside the tap"
                ) from None
            finally:
                os.umask(umask)
            yield BatchMessage(stream, self._encoding, [self._storage.get_url(name)])
        state, self._state = self._state, None
        if state:
            yield state


def batch_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """Errors of a `batch_config`, an object, as `setting: sentence`."""
    encoding, storage = config.get("encoding", {}), config.get("storage", {})
    size = config.get("batch_size", 1)
    for name, part in (("encoding", encoding), ("storage", storage)):
        if not isinstance(part, dict):
            yield f"batch_config.{name}: must be an object"
            return
    yield from _setting_errors(config, encoding, storage)
    if encoding.get("format", _FORMAT) != _FORMAT:
        yield f"batch_config.encoding.format: must be {_FORMAT}"
    if encoding.get("compression", _GZIPPED) not in (_GZIPPED, _PLAIN):
        yield f"batch_config.encoding.compression: must be {_GZIPPED} or {_PLAIN}"
    if not storage.get("root"):
        yield "batch_config.storage.root: is missing; give a folder, as file:///path or a path"
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        yield "batch_config.batch_size: must be a whole number of at least 1"


def _setting_errors(*parts: Mapping[str, Any]) -> Iterator[str]:
    """Errors in the names and types of the settings of `batch_config` and its objects."""
    for (place, kinds), part in zip(_SETTINGS.items(), parts, strict=True):
        for name, value in part.items():
            path = f"batch_config{place}.{sanitize(name, 80)}"
            if name not in kinds:
                yield f"{path}: unknown setting; known are {', '.join(kinds)}"
            elif not isinstance(value, kinds[name]):
                yield f"{path}: must be {_KINDS[kinds[name]]}"
