"""A tap of windowed exports: what a run does around its streams. Knows no command line."""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import Catalog, CatalogEntry, MetadataMapping, Schema, StreamMetadata

from tap_callexports import clock
from tap_callexports.compat import override
from tap_callexports.errors import RunFailed, StreamFailed
from tap_callexports.progress.lines import Progress
from tap_callexports.progress.stats import COMPLETE
from tap_callexports.redaction import sanitize
from tap_callexports.singer.batch_files import LOADER_WORDS, BatchFiles
from tap_callexports.singer.catalog import catalog_errors, is_selected
from tap_callexports.singer.input import config_error
from tap_callexports.singer.messages import LineWriter
from tap_callexports.singer.sdk import CheckedTap, quiet
from tap_callexports.singer.state import drop_transient, state_errors, unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk import Stream
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_callexports.account import Account


#: The exit code after a signal is this plus the signal's number.
SIGNAL_EXIT = 128
#: Characters of one cause, and causes, in the last line of a run that failed.
_LONGEST_CAUSE, _MOST_CAUSES = 300, 40
#: How a connection test calls outcomes, and what it says of a stream without partitions to read.
_RESULTS, _NOT_ASKED = {COMPLETE: "ok"}, "not asked"


class ExportTap(CheckedTap):
    """Base of a tap whose streams are windowed exports."""

    message_writer_class = LineWriter

    # Not activate-version: of a windowed full table it would make targets delete history.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    #: Whether this is a connection test: few requests, no STATE.
    connection_test = False
    #: Every stream there is, and the account it is read from.
    owners: ClassVar[Mapping[str, type[Account]]] = {}

    def __init__(self, *, catalog: Any = None, **options: Any) -> None:  # noqa: ANN401 - the SDK's own options
        """Take over config, catalog and state.

        Raises:
            ConfigValidationError: One of them cannot be used.
        """
        #: Failures of single streams; the run goes on, and ends with exit code 1.
        self.failures: dict[str, StreamFailed] = {}
        #: The text of every failure; a stream may have one of each partition.
        self._causes: list[str] = []
        #: Says how the run gets on.
        self.progress = Progress(self.logger, lambda: self.writer.writing)
        given = catalog.to_dict() if isinstance(catalog, Catalog) else catalog
        if given is not None and (errors := list(catalog_errors(given, self.owners))):
            raise config_error(*errors)
        entries = given["streams"] if given else []
        #: Entries of the catalog as they were given, by stream; those of no stream too.
        self.entries: dict[str, dict[str, Any]] = {e["tap_stream_id"]: e for e in entries}
        # Each stream puts its own entry in the place of these (`apply_catalog`).
        known = [name for name in self.entries if name in self.owners]
        empty = {name: CatalogEntry(name, MetadataMapping(), Schema()) for name in known}
        self.logger.addFilter(quiet)
        super().__init__(catalog=None if given is None else Catalog(empty), **options)

    @override
    def setup_mapper(self) -> None:
        """Prepare stream maps.

        Raises:
            ConfigValidationError: The SDK cannot read them; it has many ways to say so.
        """
        # The SDK gives the mapper no column of a stream that is not selected, and then refuses a
        # map of it because its keys are missing. Nothing of such a stream is ever mapped.
        on = self.streams
        entries = [entry for entry in self.catalog.streams if entry.tap_stream_id in on]
        catalog = Catalog({entry.tap_stream_id: _selected(entry) for entry in entries})
        try:
            super(Tap, self).setup_mapper()
            self.mapper.register_raw_streams_from_catalog(catalog)
        except Exception as error:
            message = f"stream_maps: {sanitize(str(error)) or type(error).__name__}"
            raise config_error(message) from error

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state out of what is around it; what this tap does not know is kept.

        Raises:
            ConfigValidationError: It is not a state.
        """
        # The caller's object is never changed by this run.
        state = copy.deepcopy(unwrapped(state))
        if errors := list(state_errors(state, self.owners)):
            raise config_error(*errors)
        drop_transient(state, self.owners)
        super().load_state(state)
        kept: dict[str, Any] = self.state  # type: ignore[assignment] # has other keys too
        for name, value in state.items():
            kept.setdefault(name, value)

    def stream_failed(self, name: str, failure: StreamFailed) -> None:
        """Log that a stream is not complete, and keep it for the exit code.

        Args:
            name: The stream's.
            failure: Its text is logged as it is.
        """
        if failure in self.failures.values():
            self.logger.info("%s: not read, for the same reason", name)
        else:
            self.logger.error("%s", failure)
        self.failures[name] = failure
        self._causes.append(str(failure))

    def run_errors(self) -> Iterable[str]:
        """What keeps this tap from reading anything, though its settings are valid, a line each."""
        return ()

    def run(self) -> int:
        """Sync every selected stream.

        Returns:
            The exit code: 0 if every selected stream is complete, else 1.

        Raises:
            ConfigValidationError: There are `run_errors`.
            RunFailed: A record cannot be written.
            SystemExit: A signal came (`terminate`).
        """
        if errors := list(self.run_errors()):
            raise config_error(*errors)
        if not self.connection_test:
            self._check_selection()
        if batches := self.config.get("batch_config"):
            self.logger.warning("%s", LOADER_WORDS)
            self.writer.batches = BatchFiles(batches, self.name)
        try:
            with self.progress:
                self._read_all()
        except RunFailed as failure:
            self._causes.append(str(failure))
            raise RunFailed(self._every_cause) from None
        if self.failures:
            self.logger.error("failed: %s", self._every_cause)
        elif self.connection_test:
            sys.stderr.write("ok\n")
        return 1 if self.failures else 0

    @property
    def _every_cause(self) -> str:
        """Why the run is not complete, in one line: what is common to several streams once."""
        texts = [sanitize(cause, _LONGEST_CAUSE) for cause in dict.fromkeys(self._causes)]
        if left := len(texts[_MOST_CAUSES:]):
            texts[_MOST_CAUSES:] = [f"and {left} more, see the lines above"]
        return " | ".join(texts)

    def test_connection(self, streams: Iterable[Stream]) -> None:
        """Read a little of each stream, show how that went on stderr, and write no message.

        Args:
            streams: Which ones.
        """
        rows = [("stream", "result", "ms")]
        for stream in streams:
            stream.selected = True
            began = clock.monotonic()
            outcome = _NOT_ASKED
            for context in [None] if stream.partitions is None else stream.partitions:
                for _ in stream.get_records(context):
                    pass
                outcome = self.progress.all_stats[-1].outcome
            milliseconds = round(1000 * (clock.monotonic() - began))
            rows.append((stream.name, _RESULTS.get(outcome, outcome), str(milliseconds)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, result, time in rows:
            line = f"{name:{widths[0]}}  {result:{widths[1]}}  {time:>{widths[2]}}"
            sys.stderr.write(f"{line}\n")

    def _check_selection(self) -> None:
        """Warn of streams that cannot be read, and refuse a run that would read none.

        Raises:
            ConfigValidationError: No stream is selected.
        """
        chosen = [n for n, entry in self.entries.items() if n in self.owners and is_selected(entry)]
        begun = [name for name, bookmark in self.state.get("bookmarks", {}).items() if bookmark]
        unread: dict[type[Account], list[str]] = {}
        for name in dict.fromkeys([*chosen, *begun]):
            if name in self.owners and name not in self.streams:
                unread.setdefault(self.owners[name], []).append(name)
        for owner, names in unread.items():
            self.logger.warning(
                "not exported: %s; %s is off, give %s",
                ", ".join(names),
                owner.title,
                owner.credential_names(),
            )
        if strange := sorted(self.entries.keys() - self.owners.keys()):
            self.logger.warning("--catalog: there is no stream %s", sanitize(", ".join(strange)))
        if not any(stream.selected for stream in self.streams.values()):
            raise config_error(
                "no stream is selected; select one in the catalog, or leave --catalog out"
            )

    def _read_all(self) -> None:
        try:
            if self.connection_test:
                self.test_connection(self.streams.values())
            else:
                self.progress.expected = [s.name for s in self.streams.values() if s.selected]
                self.sync_all()
        except RecursionError:
            raise RunFailed("a row is nested too deeply to be written") from None
        finally:
            self.writer.finish()

    @override
    def terminate(self, signum: int) -> None:
        """End the run with the exit code shells expect; the last STATE is already out or kept.

        Raises:
            SystemExit: 128 + the signal's number.
        """
        # Raised inside a finalizer it ends nothing: the writer keeps it, and it need not be told.
        sys.unraisablehook = _but_exits
        self.writer.interrupt(SystemExit(SIGNAL_EXIT + signum))

    @property
    def writer(self) -> LineWriter:
        """What writes the messages."""
        return cast("LineWriter", self.message_writer)


def _but_exits(unraisable: sys.UnraisableHookArgs) -> None:
    if unraisable.exc_type is not SystemExit:
        sys.__unraisablehook__(unraisable)


def _selected(entry: CatalogEntry) -> CatalogEntry:
    """A catalog entry, selected; the one given stays as it is."""
    entry = copy.copy(entry)
    entry.metadata = copy.copy(entry.metadata)
    root = entry.metadata.get((), StreamMetadata())
    entry.metadata[()] = replace(root, selected=True)
    return entry
