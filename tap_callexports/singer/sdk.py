"""The private names of singer-sdk this tap touches, all of them, and why.

`tests/unit/singer/test_sdk.py` fails with the name when the SDK renames or drops one.
"""

from __future__ import annotations

import copy
import os
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BaseBatchFileEncoding as BatchEncoding
from singer_sdk.helpers._batch import SDKBatchMessage as BatchMessage
from singer_sdk.helpers._batch import StorageTarget
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL
from singer_sdk.plugin_base import _ConfigInput as ConfigInput
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

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Generator, Iterable, Mapping
    from datetime import datetime
    from types import FrameType
    from typing import Any

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import Catalog

__all__ = [
    "BatchEncoding",
    "BatchMessage",
    "ConfigInput",
    "SingerStream",
    "SingerTap",
    "StorageTarget",
    "quiet",
]

#: The catalog's place of a column; longer ones are inside of it.
_COLUMN = ("properties", "name")
#: The SDK announces every exception as an error, also the end of a test, and does not know that
#: the environment was read before (`environment`).
_ANNOUNCEMENTS = ("An unhandled error occurred while syncing", "Skipping parse of env var settings")


def quiet(record: logging.LogRecord) -> bool:
    """A logging filter for lines of the SDK that say nothing, or not what is the case.

    False for what is not to be logged.
    """
    return not str(record.msg).startswith(_ANNOUNCEMENTS)


class SingerStream(Stream):
    """A stream as the SDK runs it: its catalog, its bookmark, and what is done to its records.

    The tap moves the bookmark as windows close: the SDK moves it with each record, which loses
    calls that arrive late.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the codec has done it

    #: Whether a sync is under way that writes messages.
    writing = False

    def __init__(self, tap: SingerTap) -> None:
        # A catalog sets the SDK's attributes of these names on the instance.
        self.declared_primary_keys = tuple(self.primary_keys)
        self.declared_replication_key = self.replication_key
        self.entry = tap.entries.get(self.name)
        self._reader = tap
        super().__init__(tap)
        self.logger.addFilter(quiet)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and method from the catalog's entry of this stream, if there is one.

        What its schema leaves out of a declared column, or all of it, is not selected.

        Raises:
            ConfigValidationError: The stream is selected, and asked for what it cannot do.
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
        """The columns of its records, as in its SCHEMA.

        Of a stream that is not selected no record is written; another stream may use them.
        """
        if not self.selected:
            return list(self.schema["properties"])
        columns = self.effective_schema["properties"]
        return [name for name in columns if self.mask["properties", name]]

    @cached_property
    def is_unmapped(self) -> bool:
        """Whether nothing is done to a record: no map, no flattening, no column in parts."""
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
        """The bookmark, None for streams that are read from the start each time."""
        key = self.declared_replication_key
        if key is None or self.replication_method != "INCREMENTAL":
            return None
        writer, state = self._reader.state_writer, self.tap_state
        return Bookmark(self.get_context_state(context), key, lambda: writer.write_state(state))

    def count_written(self, records: int) -> None:
        """Tell the SDK of records that were written past it."""
        self._counter.increment(records)
        self.state_manager.is_flushed = False

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Records for the SDK, as the tap reads them."""
        return self._reader.records_of(self, context)

    @override
    def get_record_counter(
        self, *, endpoint: str | None = None, log_interval: float = DEFAULT_LOG_INTERVAL
    ) -> Counter:
        self._counter = super().get_record_counter(endpoint=endpoint, log_interval=log_interval)
        return self._counter

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Records go into files as they are written, after all that is done to them."""

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        """A record as the SDK can flatten it, where it is to."""
        for each in self.stream_maps:
            if each.flattening_options and each.flattening_enabled:
                return flattenable(row, self.schema, each.flattening_options.max_level)
        return row

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Records do not move bookmarks."""

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, Any, Any]:
        """While it runs, a stream may write records itself: the SDK takes them one by one."""
        self.writing = write_messages
        try:
            yield from super()._sync_records(context, write_messages=write_messages)
        finally:
            self.writing = False

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """The span is planned from the bookmark itself; no transient copy goes into the state."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> datetime | None:
        """Public, but of the same kind: the cutoff already bounds every bookmark."""
        return None


class SingerTap(Tap):
    """The SDK's tap, but for how it checks its config and how it ends on a signal."""

    #: Entries of the catalog as they were given, by stream; those of no stream too.
    entries: Mapping[str, dict[str, Any]]
    #: Names of all streams there are.
    known_streams: Collection[str] = ()

    @abstractmethod
    def checked_config(self, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The config with defaults filled in, and its errors, one line each without a value.

        Args:
            config: As given. Not changed.
        """

    @abstractmethod
    def records_of(self, stream: Any, context: Context | None) -> Iterable[Record]:  # noqa: ANN401 - the tap's own class
        """Read a stream, or a partition of it.

        Args:
            stream: One of this tap's.
            context: The partition, None for a stream without any.
        """

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state out of what is around it; what this tap does not know is kept.

        Raises:
            ConfigValidationError: It is not a state.
        """
        # The caller's object is never changed by this run.
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
        """End the run because of a signal; called in its handler.

        Raises:
            SystemExit: Now, or later by what must not be interrupted.
        """

    @classmethod
    def environment(cls) -> dict[str, Any]:
        """The settings that are in environment variables; an empty one counts as unset.

        Raises:
            ValueError, TypeError: A variable is not of its setting's type.
        """
        for name, text in list(os.environ.items()):
            if name.startswith(cls._env_var_prefix) and not text:
                del os.environ[name]
        return dict(cls._env_var_config)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """The SDK's texts show the values that are wrong: they may be secrets."""
        self._config, errors = self.checked_config(self._config)
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors)
        for message in errors:
            self.logger.warning("%s", message)
        return errors

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """The SDK writes a STATE from inside the handler, perhaps into a half-written line."""
        self.terminate(signum)
