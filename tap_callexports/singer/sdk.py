"""Adapts the tap to singer-sdk; the only module that uses private names of the SDK.

`tests/unit/singer/test_sdk.py` names those that a new version of the SDK renames or drops.
"""

from __future__ import annotations

import copy
import logging
import os
from abc import abstractmethod
from collections.abc import Collection, Generator, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from types import FrameType
from typing import Any

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BaseBatchFileEncoding as BatchEncoding
from singer_sdk.helpers._batch import SDKBatchMessage as BatchMessage
from singer_sdk.helpers._batch import StorageTarget
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.helpers.types import Context, Record
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL, Counter
from singer_sdk.plugin_base import _ConfigInput as ConfigInput
from singer_sdk.singerlib import Catalog
from singer_sdk.streams import Stream

from tap_callexports.compat import override
from tap_callexports.redaction import sanitize
from tap_callexports.singer.catalog import (
    Declared,
    is_selected,
    resolved,
    stream_errors,
    unknown_columns,
)
from tap_callexports.singer.flattening import flattenable
from tap_callexports.singer.state import Bookmark, drop_transient, state_errors, unwrapped

__all__ = [
    "BatchEncoding",
    "BatchMessage",
    "ConfigInput",
    "SingerStream",
    "SingerTap",
    "StorageTarget",
    "quiet",
]

#: Breadcrumb of a column; longer ones are inside of it.
_COLUMN = ("properties", "name")
#: Wrong log lines of the SDK: it logs every exception as an error, also the end of a test, and does
#: not know that the environment was read before (`environment`).
_ANNOUNCEMENTS = ("An unhandled error occurred while syncing", "Skipping parse of env var settings")


def quiet(record: logging.LogRecord) -> bool:
    """A logging filter that drops wrong log lines of the SDK."""
    return not str(record.msg).startswith(_ANNOUNCEMENTS)


class SingerStream(Stream):
    """The SDK's side of a stream: catalog, bookmark, stream maps.

    The tap moves the bookmark as windows close; the SDK would move it with each record, which loses
    calls that arrive late.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the codec has done it

    #: Whether a sync that writes messages is running.
    writing = False

    def __init__(self, tap: SingerTap) -> None:
        # A catalog sets the SDK's attributes of these names on the instance.
        self.declared_primary_keys = tuple(self.primary_keys)
        self.declared_replication_key = self.replication_key
        self.entry = tap.entries.get(self.name)
        self._singer_tap = tap
        super().__init__(tap)
        self.logger.addFilter(quiet)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and replication method from the catalog's entry, if there is one.

        Raises:
            ConfigValidationError: The stream is selected, and its entry is invalid.
        """
        if self.entry:
            declared = Declared(
                self.name, self.schema, self.declared_primary_keys, self.declared_replication_key
            )
            if is_selected(self.entry):
                if errors := list(stream_errors(self.entry, declared)):
                    raise ConfigValidationError("Catalog validation failed", errors=errors)
                if unknown := unknown_columns(self.entry, declared):
                    names = sanitize(", ".join(unknown))
                    self.logger.warning("--catalog: %s: there is no column %s", self.name, names)
            catalog[self.name] = resolved(self.entry, declared)
        super().apply_catalog(catalog)

    @property
    def selected_columns(self) -> list[str]:
        """The columns of its records, as in its SCHEMA; all if the stream is not selected."""
        if not self.selected:
            return list(self.schema["properties"])
        columns = self.effective_schema["properties"]
        return [name for name in columns if self.mask["properties", name]]

    @cached_property
    def is_unmapped(self) -> bool:
        """Whether records are emitted unchanged: no map, flattening or partly selected column."""
        if not self.selected or self.ABORT_AT_RECORD_COUNT is not None:
            return False
        mask = self.mask
        in_parts = any(
            len(column) > len(_COLUMN) and not wanted and mask[column[: len(_COLUMN)]]
            for column, wanted in mask.items()
        )
        same = [
            type(each) is SameRecordTransform and not each.flattening_enabled
            for each in self.stream_maps
        ]
        return same == [True] and not in_parts

    def bookmark(self, context: Context | None) -> Bookmark | None:
        """The bookmark, None for a full table."""
        key = self.declared_replication_key
        if key is None or self.replication_method != "INCREMENTAL":
            return None
        writer, state = self._singer_tap.state_writer, self.tap_state
        return Bookmark(self.get_context_state(context), key, lambda: writer.write_state(state))

    def count_written(self, records: int) -> None:
        """Count records that were written without the SDK."""
        self._counter.increment(records)
        self.state_manager.is_flushed = False

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return self._singer_tap.read_stream(self, context)

    @override
    def get_record_counter(
        self, *, endpoint: str | None = None, log_interval: float = DEFAULT_LOG_INTERVAL
    ) -> Counter:
        self._counter = super().get_record_counter(endpoint=endpoint, log_interval=log_interval)
        return self._counter

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """None: the writer puts records into files, after stream maps and flattening."""

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        """Prepare a record for flattening."""
        for each in self.stream_maps:
            if each.flattening_options and each.flattening_enabled:
                levels = each.flattening_options.max_level
                return flattenable(row, self.schema, levels, self._deselected)
        return row

    @cached_property
    def _deselected(self) -> set[tuple[str, ...]]:
        """Paths of the columns and parts of columns that are deselected."""
        return {column[1::2] for column, wanted in self.mask.items() if not wanted}

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing: records do not move bookmarks."""

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        """Set `writing` meanwhile: the stream may then write records itself, in batches."""
        self.writing = write_messages
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        finally:
            self.writing = False

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: the span is planned from the bookmark."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> datetime | None:
        """None: the cutoff already bounds bookmarks."""
        return None


class SingerTap(Tap):
    """The SDK's side of the tap: config, state, signals."""

    #: Entries of the catalog as given, by name, including those of unknown streams.
    entries: Mapping[str, dict[str, Any]]
    #: Names of all streams.
    known_streams: Collection[str] = ()

    @abstractmethod
    def checked_config(self, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The config with defaults filled in, and its errors, one line each without a value."""

    @abstractmethod
    def read_stream(self, stream: Any, context: Context | None) -> Iterable[Record]:  # noqa: ANN401 - the tap's own class
        """Read a stream, or the partition that `context` names."""

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Unwrap and load a state; unknown keys and streams are kept.

        Raises:
            ConfigValidationError: It is invalid.
        """
        # A copy: the state changes during the run.
        state = copy.deepcopy(unwrapped(state))
        if errors := list(state_errors(state, self.known_streams)):
            raise ConfigValidationError("State validation failed", errors=errors)
        drop_transient(state, self.known_streams)
        super().load_state(state)
        kept: dict[str, Any] = self.state  # type: ignore[assignment] # has other keys too
        for name, value in state.items():
            kept.setdefault(name, value)

    @abstractmethod
    def terminate(self, signum: int) -> None:
        """End the run; called in a signal handler.

        Raises:
            SystemExit: Now, or later by the writer, which must not be interrupted.
        """

    @classmethod
    def environment(cls) -> dict[str, Any]:
        """The settings in environment variables; ValueError or TypeError for a wrong type."""
        for name, text in list(os.environ.items()):
            if name.startswith(cls._env_var_prefix) and not text:
                del os.environ[name]
        return dict(cls._env_var_config)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Use own messages: the SDK's show invalid values, which may be secrets."""
        self._config, errors = self.checked_config(self._config)
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors)
        for message in errors:
            self.logger.warning("%s", message)
        return errors

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the run; the SDK would write a STATE here, perhaps into the middle of a line."""
        self.terminate(signum)
