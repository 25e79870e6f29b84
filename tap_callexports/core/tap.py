"""What any windowed tap does around its streams: input, failures, signals, connection test."""

from __future__ import annotations

import copy
import signal
import sys
from dataclasses import replace
from traceback import walk_tb
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap, mapper
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib.catalog import Catalog, CatalogEntry, StreamMetadata

from tap_callexports.core.batches import Batches
from tap_callexports.core.compat import override
from tap_callexports.core.errors import ExportError, RunFailed, StreamFailed
from tap_callexports.core.input import read_catalog, read_config, read_state, wrong
from tap_callexports.core.messages import LineWriter
from tap_callexports.core.progress import Progress, way_to_show
from tap_callexports.core.reply import shown
from tap_callexports.core.sdk import CheckedTap, ConfigInput, StateWriter
from tap_callexports.core.state import state_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.helpers.types import TapState


#: Exit codes of signals are this and the signal's number.
SIGNAL_EXIT = 128


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
    probing = False

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the SDK's own options
        #: Failures of single streams; the run goes on, and ends with exit code 1.
        self.failures: dict[str, StreamFailed] = {}
        #: Says how the run gets on.
        self.progress = Progress(self.logger, lambda: self.writer.writing)
        super().__init__(**options)

    @override
    def setup_mapper(self) -> None:
        """Prepare stream maps.

        Raises:
            ConfigValidationError: The SDK cannot read them; it has many ways to say so.
        """
        # The SDK gives the mapper no column of a stream that is not selected, and then refuses a
        # map of it because its keys are missing. Nothing of such a stream is ever mapped.
        catalog = Catalog({entry.tap_stream_id: _selected(entry) for entry in self.catalog.streams})
        try:
            super(Tap, self).setup_mapper()
            self.mapper.register_raw_streams_from_catalog(catalog)
        except Exception as error:
            mistake = f"stream_maps: {shown(str(error)) or type(error).__name__}"
            raise wrong(mistake) from error

    @property
    @override
    def state_writer(self) -> StateWriter:
        return _NoState(self.message_writer) if self.probing else super().state_writer

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state, after checking it; what this tap does not know is kept.

        Raises:
            ConfigValidationError: It is not a state.
        """
        if mistakes := list(state_mistakes(state)):
            raise wrong(*mistakes)
        # The caller's object is never changed by this run.
        state = copy.deepcopy(state)
        super().load_state(state)
        kept: dict[str, Any] = self.state  # type: ignore[assignment] # has other keys too
        for name, value in state.items():
            kept.setdefault(name, value)

    def stream_failed(self, name: str, failure: StreamFailed) -> None:
        """Remember that a stream is not complete."""
        self.failures[name] = failure
        self.logger.error("%s", failure)

    def run_mistakes(self) -> Iterable[str]:
        """What keeps this tap from reading anything, though its settings are valid."""
        return ()

    def run(self) -> int:
        """Sync every selected stream.

        Returns:
            The exit code: 0 if every selected stream is complete, else 1.

        Raises:
            RunFailed: A credential was refused, or a row cannot be written.
        """
        if mistakes := list(self.run_mistakes()):
            raise wrong(*mistakes)
        if batches := self.config.get("batch_config"):
            self.writer.batches = Batches(batches, self.name)
        with self.progress:
            self._read_all()
        if self.failures:
            self.logger.error("not complete: %s", ", ".join(sorted(self.failures)))
        return 1 if self.failures else 0

    def _read_all(self) -> None:
        try:
            if self.probing:
                self.run_connection_test()
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
        """Where messages go."""
        return cast("LineWriter", self.message_writer)

    # The command line.

    @classmethod
    @override
    def invoke(  # type: ignore[override] # as the SDK's own taps
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Sync, or print what `--about` asks for.

        Raises:
            SystemExit: Always after a sync, with its exit code.
        """
        if about:
            cls.print_about(about_format)
            return
        way = way_to_show()
        way.prepare(cls.logger)
        cls.print_version(print_fn=cls.logger.info)
        try:
            inputs = {"state": read_state(state), "catalog": read_catalog(catalog)}
            tap = cls._from_input(config, **inputs)
            tap.progress = way(cls.logger, tap.progress.blocked)
            code = tap.run()
        except ConfigValidationError as error:
            # Caught here: the SDK's command adds a line that says nothing.
            cls.report(error)
            code = 1
        raise SystemExit(code)

    @classmethod
    def report(cls, error: ConfigValidationError) -> None:
        """Log what is wrong with the input, one line each."""
        for mistake in error.errors:
            cls.logger.error("%s", mistake)

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run a connection test: few requests of the last week, and no STATE."""
        if value == "disabled":
            super().cb_test(ctx, param, value)
            return
        tap = cls._from_input(ctx.params.get("config"))
        if value == "schema":
            tap.write_schemas()
            cast("LineWriter", tap.message_writer).flush()
            ctx.exit()
        tap.probing = True
        ctx.exit(tap.run())

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> ConfigInput:
        """Read the config files; a second reader would find a pipe empty."""
        return read_config(value)

    @classmethod
    def _from_input(cls, config: ConfigInput | None, **options: Any) -> ExportTap:  # noqa: ANN401 - the SDK's
        values = dict(config.config) if config else {}
        try:
            return cls(config=values, parse_env_config=bool(config and config.parse_env), **options)
        except (ValueError, TypeError) as error:
            if not (config and config.parse_env):
                raise
            raise wrong(
                "--config=ENV: an environment variable is not of its setting's type (integers as "
                "digits, objects and lists as JSON)"
            ) from error


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


class _NoState(StateWriter):
    """A state writer that writes nothing."""

    @override
    def write_state(self, state: TapState) -> None: ...


def run_command(tap: type[ExportTap]) -> None:
    """Run a tap's command line; every failure is one line on stderr and exit code 1.

    Raises:
        SystemExit: Always.
    """
    try:
        tap.cli()
    except SystemExit as exit_:
        # Said here, not in the handler: a log line may have been under way.
        if isinstance(exit_.code, int) and exit_.code > SIGNAL_EXIT:
            name = signal.Signals(exit_.code - SIGNAL_EXIT).name
            tap.logger.warning("%s: stopped; the last STATE is a safe place to restart", name)
        raise
    except ConfigValidationError as error:
        tap.report(error)
    except ExportError as error:
        tap.logger.error("%s", error)
    except Exception as error:
        # The text of an unforeseen error may hold data: only its kind and place are shown.
        kind = type(error).__name__
        places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        if any(file == mapper.__file__ for file, _ in places):
            tap.logger.error(
                "stream_maps: an expression fails on a record (%s): is a column that it names null "
                "there, or not selected?",
                kind,
            )
        else:
            tap.logger.error(
                "unexpected %s at %s:%d; this is a bug, please report it with this line",
                kind,
                *places[-1],
            )
        tap.logger.debug("details", exc_info=True)
    raise SystemExit(1)
