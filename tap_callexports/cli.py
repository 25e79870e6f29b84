"""The command line of a tap: what it is given, how it shows itself, and how it ends.

Whatever goes wrong is one line on stderr and an exit code. Knows no provider and no window.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from traceback import walk_tb
from typing import IO, TYPE_CHECKING, cast

from singer_sdk import mapper
from singer_sdk.exceptions import ConfigValidationError

from tap_callexports.compat import override
from tap_callexports.errors import ExportError
from tap_callexports.export_tap import SIGNAL_EXIT, ExportTap
from tap_callexports.progress.lines import Progress
from tap_callexports.singer.input import config_error, read_catalog, read_config, read_state

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from tap_callexports.singer.messages import LineWriter
    from tap_callexports.singer.sdk import ConfigInput

#: Names the file that says how to log.
_LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"


class CommandLine(ExportTap):
    """A tap of windowed exports as a command."""

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
        way = _way_to_show()
        way.prepare(cls.logger)
        cls.print_version(print_fn=cls.logger.info)
        try:
            given = dict(config.config) if config else {}
            tap = cls(
                config=given,
                state=read_state(state, cls.logger),
                catalog=read_catalog(catalog),
            )
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
        for message in error.errors:
            cls.logger.error("%s", message)

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run a connection test: few requests of the last week, and no STATE."""
        if value == "disabled":
            super().cb_test(ctx, param, value)
            return
        config = ctx.params.get("config")
        tap = cls(config=dict(config.config) if config else {})
        if value == "schema":
            tap.write_schemas()
            cast("LineWriter", tap.message_writer).flush()
            ctx.exit()
        tap.connection_test = True
        ctx.exit(tap.run())

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> ConfigInput:
        """Read the config files; a second reader would find a pipe empty."""
        return read_config(value, cls.environment)


def run_command(tap: type[CommandLine]) -> None:
    """Run a tap's command line; every failure is one line on stderr and exit code 1.

    Raises:
        SystemExit: Always.
    """
    if sys.stdout is None:
        tap.logger.error("standard output is closed: send it to a target or a file")
        raise SystemExit(1)
    try:
        _logging_ready(tap)()
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


def _logging_ready(tap: type[CommandLine]) -> Callable[[], None]:
    """A tap's command; the SDK sets up logging when it is asked for it.

    Raises:
        ConfigValidationError: What the environment says of logging cannot be used.
    """
    prefix = tap.name.upper().replace("-", "_")
    for name in (f"{prefix}_LOGLEVEL", "LOGLEVEL"):
        if level := os.environ.get(name):
            if not isinstance(logging.getLevelName(level.upper()), int):
                raise config_error(f"{name}: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
            break
    if not os.environ.get(_LOG_CONFIG):
        os.environ.pop(_LOG_CONFIG, None)
    try:
        command: Callable[[], None] = tap.cli
    except Exception as error:  # noqa: BLE001 - YAML, paths and logging have many ways to fail
        raise config_error(
            f"{_LOG_CONFIG}: the file it names is not a logging configuration "
            f"({type(error).__name__}); correct the file or unset the variable"
        ) from None
    return command


def _way_to_show() -> type[Progress]:
    """A bar where somebody looks at standard error, and nothing else of this run is shown there."""
    if (
        not sys.stderr.isatty()
        or sys.stdout.isatty()
        or os.environ.get("TERM", "dumb") == "dumb"
        # Meltano reads the log, and says with this in which form.
        or _LOG_CONFIG in os.environ
    ):
        return Progress
    from tap_callexports.progress.bar import Bar  # noqa: PLC0415 - few runs need it

    return Bar
