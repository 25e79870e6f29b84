"""The command line: reads the input, shows progress, and turns failures into exit codes.

Every failure is one line on stderr.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from traceback import walk_tb
from typing import IO, TYPE_CHECKING

from singer_sdk import mapper
from singer_sdk.exceptions import ConfigValidationError

from tap_callexports.compat import override
from tap_callexports.errors import ExportError
from tap_callexports.progress.lines import Progress
from tap_callexports.singer.input import config_error, read_catalog, read_config, read_state
from tap_callexports.singer.sdk import ConfigInput
from tap_callexports.tap import SIGNAL_EXIT, TapCallExports

if TYPE_CHECKING:
    import click  # a part of the SDK

#: Environment variable with the path of a logging configuration.
_LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"


class CommandLine(TapCallExports):
    """Singer tap for call records of voice platforms, as a command."""

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
        """Print the tap's description for `--about`, or sync and exit with its exit code."""
        if about:
            cls.print_about(about_format)
            return
        progress_class = _progress_class()
        progress_class.prepare(cls.logger)
        cls.print_version(print_fn=cls.logger.info)
        try:
            given = dict(config.config) if config else {}
            tap = cls(
                config=given, state=read_state(state, cls.logger), catalog=read_catalog(catalog)
            )
            tap.this_run.progress = progress_class(cls.logger, tap.this_run.progress.blocked)
            code = tap.run()
        except ConfigValidationError as error:
            # Caught here: the SDK's command would log one more line without information.
            cls.report(error)
            code = 1
        raise SystemExit(code)

    @classmethod
    def report(cls, error: ConfigValidationError) -> None:
        """Log the errors of the input, one line each."""
        for message in error.errors:
            cls.logger.error("%s", message)

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run a connection test: a few requests for the last week, without messages."""
        if value == "disabled":
            super().cb_test(ctx, param, value)
            return
        config = ctx.params.get("config")
        given = dict(config.config) if config else {}
        if value == "schema":
            tap = cls(config=given)
            tap.write_schemas()
            tap.this_run.writer.flush()
            ctx.exit()
        ctx.exit(cls(config=given, connection_test=True).run())

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> ConfigInput:
        """Read each config file once: it may be a pipe."""
        return read_config(value, cls.environment)


def run_command() -> None:
    """Run the command line and exit; every failure is one line on stderr and exit code 1."""
    logger = CommandLine.logger
    if sys.stdout is None:
        logger.error("standard output is closed: send it to a target or a file")
        raise SystemExit(1)
    try:
        _command()()
    except SystemExit as exit_:
        # Not in the handler: the signal may have interrupted a log line.
        if isinstance(exit_.code, int) and exit_.code > SIGNAL_EXIT:
            name = signal.Signals(exit_.code - SIGNAL_EXIT).name
            logger.warning("%s: stopped; the last STATE is a safe place to restart", name)
        raise
    except ConfigValidationError as error:
        CommandLine.report(error)
    except ExportError as error:
        logger.error("%s", error)
    except Exception as error:
        # The text of an unexpected error may hold data: log only its type and place.
        kind = type(error).__name__
        places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        if any(file == mapper.__file__ for file, _ in places):
            logger.error(
                "stream_maps: an expression fails on a record (%s): is a column that it names null "
                "or not selected there, or a key of stream_map_config missing?",
                kind,
            )
        else:
            logger.error(
                "unexpected %s at %s:%d; this is a bug, please report it with this line",
                kind,
                *places[-1],
            )
        logger.debug("details", exc_info=True)
    raise SystemExit(1)


def _command() -> Callable[[], None]:
    """The SDK's command; creating it sets up logging.

    Raises:
        ConfigValidationError: A log level or logging configuration in the environment is invalid.
    """
    prefix = CommandLine.name.upper().replace("-", "_")
    for name in (f"{prefix}_LOGLEVEL", "LOGLEVEL"):
        if level := os.environ.get(name):
            if not isinstance(logging.getLevelName(level.upper()), int):
                raise config_error(f"{name}: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
            break
    if not os.environ.get(_LOG_CONFIG):
        os.environ.pop(_LOG_CONFIG, None)
    try:
        command: Callable[[], None] = CommandLine.cli
    except Exception as error:  # noqa: BLE001 - YAML, paths and logging have many ways to fail
        raise config_error(
            f"{_LOG_CONFIG}: the file it names is not a logging configuration "
            f"({type(error).__name__}); correct the file or unset the variable"
        ) from None
    return command


def _progress_class() -> type[Progress]:
    """A bar if standard error is a terminal of its own that nothing parses, else log lines."""
    if (
        not sys.stderr.isatty()
        or sys.stdout.isatty()
        or os.environ.get("TERM", "dumb") == "dumb"
        # Meltano parses the log, and sets this variable.
        or _LOG_CONFIG in os.environ
    ):
        return Progress
    from tap_callexports.progress.bar import Bar  # noqa: PLC0415 - few runs need it

    return Bar
