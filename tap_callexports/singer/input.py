"""Reads the files on the command line: config, state, catalog."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import IO, Any

from singer_sdk.exceptions import ConfigValidationError

from tap_callexports.singer.sdk import ConfigInput
from tap_callexports.singer.state import state_errors

#: Instead of a config file: settings from environment variables.
ENVIRONMENT = "ENV"


def read_config(
    paths: Iterable[str], environment: Callable[[], dict[str, Any]] = dict
) -> ConfigInput:
    """Read config files, each once, and merge them object by object; later settings win.

    Args:
        paths: Of files, or ENVIRONMENT.
        environment: Reads the settings in environment variables.

    Raises:
        ConfigValidationError: One cannot be read, or is not a JSON object.
    """
    config: dict[str, Any] = {}
    for path in paths:
        if path == ENVIRONMENT:
            try:
                values = environment()
            except (ValueError, TypeError, RecursionError):
                raise config_error(
                    "--config=ENV: an environment variable is not of its setting's type (integers "
                    "as digits, objects and lists as JSON)"
                ) from None
        else:
            values = _read_config_file(path)
        config = _merged(config, values)
    return ConfigInput(config=config)


def read_state(file: IO[str] | None, logger: logging.Logger) -> dict[str, Any] | None:
    """Read the state; None without a file or, with a warning, for an empty one.

    Raises:
        ConfigValidationError: It is not a JSON object.
    """
    if file is None:
        return None
    text = _text_of("--state", file)
    if not text.strip():
        logger.warning("--state: the file is empty; everything is read, as without a state")
        return None
    state = _read_json("--state", text)
    if not isinstance(state, dict):
        raise config_error(*state_errors(state, ()))
    return state


def read_catalog(file: IO[str] | None) -> Any:  # noqa: ANN401 - any JSON value
    """Read the catalog, None without a file; raises ConfigValidationError if it is not JSON."""
    if file is None:
        return None
    catalog = _read_json("--catalog", _text_of("--catalog", file))
    # None would mean that no catalog was given.
    return {} if catalog is None else catalog


def config_error(*errors: str) -> ConfigValidationError:
    """The exception for invalid input, with one line per error."""
    return ConfigValidationError("Input validation failed", errors=list(errors))


def _read_config_file(path: str) -> dict[str, Any]:
    if "{" in path:  # it may hold a secret, and is not shown
        raise config_error("--config: must be the name of a file, or ENV, not JSON text")
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123 - any path the shell gives
            values = json.load(file)
    except OSError as error:
        raise config_error(f"--config {path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", "?")
        raise config_error(f"--config {path}: is not JSON (line {line})") from None
    if not isinstance(values, dict):
        raise config_error(f"--config {path}: is not a JSON object")
    return values


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge two configs; objects are merged recursively, other values replaced."""
    merged = below | above
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            merged[name] = _merged(below[name], above[name])
    return merged


def _text_of(option: str, file: IO[str]) -> str:
    try:
        return file.read().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise config_error(f"{option}: the file is not UTF-8 text") from None
    except OSError as error:
        raise config_error(f"{option}: the file cannot be read: {error.strerror}") from None


def _read_json(option: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise config_error(f"{option}: the file is not JSON") from None
