"""The tap: its config, its streams, and the run."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.helpers.types import Context
from singer_sdk.singerlib import Catalog, CatalogEntry, MetadataMapping, Schema, StreamMetadata

from tap_callexports import clock, sync
from tap_callexports.compat import override
from tap_callexports.config import (
    START_DATE,
    provider_settings,
    read_date,
    secrets_in,
    settings_schema,
)
from tap_callexports.config_check import check_settings
from tap_callexports.connection_test import check_connection
from tap_callexports.errors import RunFailed, StreamFailed
from tap_callexports.progress.lines import Progress
from tap_callexports.provider import Provider
from tap_callexports.providers import PROVIDERS
from tap_callexports.records.batch import Record
from tap_callexports.records.timestamps import floor_second
from tap_callexports.redaction import hide_secrets, sanitize
from tap_callexports.run import Run
from tap_callexports.singer.batch_files import LOADER_WARNING, BatchFiles
from tap_callexports.singer.catalog import catalog_errors, is_selected
from tap_callexports.singer.input import config_error
from tap_callexports.singer.messages import LineWriter
from tap_callexports.singer.sdk import SingerTap, quiet
from tap_callexports.stream import CallStream

#: The exit code after a signal is this plus the signal's number.
SIGNAL_EXIT = 128
#: The provider of each stream.
_PROVIDER_OF: Mapping[str, type[Provider]] = {
    provider.stream_name(stream): provider for provider in PROVIDERS for stream in provider.streams
}


class TapCallExports(SingerTap):
    """Singer tap for call records of voice platforms."""

    name = "tap-callexports"
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(PROVIDERS)
    message_writer_class = LineWriter

    # Not activate-version: with windowed full tables targets would delete history.
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

    def __init__(
        self,
        *,
        catalog: Any = None,  # noqa: ANN401 - a dictionary, or the SDK's Catalog
        connection_test: bool = False,
        **options: Any,  # noqa: ANN401 - the SDK's own options
    ) -> None:
        """Validate config, catalog and state; raise ConfigValidationError if one is invalid."""
        self.connection_test = connection_test
        self.known_streams = _PROVIDER_OF.keys()
        given = catalog.to_dict() if isinstance(catalog, Catalog) else catalog
        if given is not None and (errors := list(catalog_errors(given, _PROVIDER_OF))):
            raise config_error(*errors)
        entries = given["streams"] if given else []
        self.entries = {entry["tap_stream_id"]: entry for entry in entries}
        # Each stream replaces its entry (`apply_catalog`).
        known = [name for name in self.entries if name in _PROVIDER_OF]
        empty = {name: CatalogEntry(name, MetadataMapping(), Schema()) for name in known}
        self.logger.addFilter(quiet)
        super().__init__(catalog=None if given is None else Catalog(empty), **options)

    # Config.

    @override
    def checked_config(self, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        schema = copy.deepcopy(self.config_jsonschema)
        self.append_builtin_config(schema)
        checked, errors = check_settings(config, schema, PROVIDERS, self._started)
        hide_secrets(secrets_in(checked, PROVIDERS))
        return checked, errors

    @cached_property
    def _started(self) -> datetime:
        # The only reading of the clock that bounds a run, in whole seconds: the coarsest filter of
        # any provider.
        return floor_second(clock.now())

    @cached_property
    def this_run(self) -> Run:
        """The run; its dates fall back to defaults if invalid, for discovery."""
        config = self.config
        end_date = _date(config.get("end_date"))
        return Run(
            start_date=_date(config.get("start_date")) or read_date(START_DATE),
            end_date=end_date,
            started=self._started,
            request_timeout=config["request_timeout"],
            max_retry_wait=config["max_retry_wait"],
            skip_forbidden_streams=config["skip_forbidden_streams"],
            user_agent=config.get("user_agent") or f"{self.name}/{self.plugin_version}",
            skip_unreadable=config["on_unreadable"] == "skip",
            nested_mixed_as_text=config["nested_mixed_as_text"],
            connection_test=self.connection_test,
            logger=self.logger,
            writer=cast("LineWriter", self.message_writer),
            progress=Progress(self.logger, lambda: self.this_run.writer.writing),
        )

    @cached_property
    def _providers_on(self) -> list[type[Provider]]:
        on = []
        for provider in PROVIDERS:
            values = self.config.get(provider.name)
            if isinstance(values, dict) and provider.is_on(values):
                on.append(provider)
            elif values:
                names = provider.credential_names()
                self.logger.info("%s is off: its settings hold no %s", provider.title, names)
        return on

    # Streams, catalog and state.

    @override
    def discover_streams(self) -> Sequence[CallStream[Any]]:
        """Streams of the providers that are on, or of all if none is."""
        providers = [
            provider(provider_settings(provider, self.config.get(provider.name)), self.this_run)
            for provider in self._providers_on or PROVIDERS
        ]
        return [
            cast("type[CallStream[Any]]", stream)(self, provider)
            for provider in providers
            for stream in provider.streams
        ]

    @override
    def setup_mapper(self) -> None:
        """Prepare stream maps; raise ConfigValidationError if the SDK cannot read them."""
        # The SDK gives the mapper no columns of deselected streams, and then refuses their maps
        # because keys are missing. So all streams are selected here; no record is affected.
        on = self.streams
        entries = [entry for entry in self.catalog.streams if entry.tap_stream_id in on]
        catalog = Catalog({entry.tap_stream_id: _selected(entry) for entry in entries})
        try:
            super(Tap, self).setup_mapper()
            self.mapper.register_raw_streams_from_catalog(catalog)
        except Exception as error:
            text = sanitize(str(error)) or type(error).__name__
            raise config_error(f"stream_maps: {text}") from error

    # The run.

    def run(self) -> int:
        """Sync every selected stream, or test the connection.

        Returns:
            The exit code: 0 if every selected stream is complete, else 1.

        Raises:
            ConfigValidationError: No provider is on, or no stream is selected.
            RunFailed: A record cannot be written.
            SystemExit: A signal came (`terminate`).
        """
        run = self.this_run
        if not self._providers_on:
            names = "; ".join(provider.credential_names() for provider in PROVIDERS)
            raise config_error(f"no provider is on: give at least one credential ({names})")
        if not run.connection_test:
            self._check_selection()
        if batches := self.config.get("batch_config"):
            self.logger.warning("%s", LOADER_WARNING)
            run.writer.batches = BatchFiles(batches, self.name)
        try:
            with run.progress:
                self._read_all()
        except RunFailed as failure:
            run.add_cause(str(failure))
            raise RunFailed(run.causes) from None
        if run.failures:
            self.logger.error("failed: %s", run.causes)
        elif run.connection_test:
            sys.stderr.write("ok\n")
        return 1 if run.failures else 0

    @property
    def failures(self) -> Mapping[str, StreamFailed]:
        """The failures of single streams, by name."""
        return self.this_run.failures

    @override
    def read_stream(self, stream: CallStream[Any], context: Context | None) -> Iterator[Record]:
        return sync.read_stream(stream, context)

    def _check_selection(self) -> None:
        """Warn of streams that cannot be read; raise ConfigValidationError if none is selected."""
        known = [name for name in self.entries if name in _PROVIDER_OF]
        selected = [name for name in known if is_selected(self.entries[name])]
        begun = [name for name, bookmark in self.state.get("bookmarks", {}).items() if bookmark]
        unread: dict[type[Provider], list[str]] = {}
        for name in dict.fromkeys([*selected, *begun]):
            if name in _PROVIDER_OF and name not in self.streams:
                unread.setdefault(_PROVIDER_OF[name], []).append(name)
        for provider, names in unread.items():
            self.logger.warning(
                "not exported: %s; %s is off, give %s",
                ", ".join(names),
                provider.title,
                provider.credential_names(),
            )
        if strange := sorted(self.entries.keys() - _PROVIDER_OF.keys()):
            self.logger.warning("--catalog: there is no stream %s", sanitize(", ".join(strange)))
        if not any(stream.selected for stream in self.streams.values()):
            raise config_error(
                "no stream is selected; select one in the catalog, or leave --catalog out"
            )

    def _read_all(self) -> None:
        run = self.this_run
        try:
            if run.connection_test:
                check_connection(self.streams.values(), run)
            else:
                run.progress.expected = [s.name for s in self.streams.values() if s.selected]
                self.sync_all()
        except RecursionError:
            raise RunFailed("a row is nested too deeply to be written") from None
        finally:
            run.writer.finish()

    @override
    def terminate(self, signum: int) -> None:
        """End the run with the exit code that shells expect: 128 + the signal's number."""
        # Raised in a finalizer it would only be reported; the writer keeps it and raises it later.
        sys.unraisablehook = _ignore_exits
        cast("LineWriter", self.message_writer).interrupt(SystemExit(SIGNAL_EXIT + signum))


def _ignore_exits(unraisable: sys.UnraisableHookArgs) -> None:
    if unraisable.exc_type is not SystemExit:
        sys.__unraisablehook__(unraisable)


def _selected(entry: CatalogEntry) -> CatalogEntry:
    """A copy of a catalog entry, selected."""
    entry = copy.copy(entry)
    entry.metadata = copy.copy(entry.metadata)
    root = entry.metadata.get((), StreamMetadata())
    entry.metadata[()] = replace(root, selected=True)
    return entry


def _date(value: object) -> datetime | None:
    """A date of the config, None if it is absent or invalid."""
    try:
        return read_date(value) if isinstance(value, str) else None
    except ValueError:
        return None
