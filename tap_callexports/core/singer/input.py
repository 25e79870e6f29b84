"""The files a tap is started with; what is wrong with one is a line, before anything is asked.

Knows no setting and no stream.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from tap_callexports.core.singer.sdk import ConfigInput
from tap_callexports.core.singer.state import state_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable

#: In place of a config file: settings are in environment variables.
ENVIRONMENT = "ENV"


def read_config(paths: Iterable[str]) -> ConfigInput:
    """Config files merged, settings of later ones over those of earlier ones.

    Each is read once: it may be a pipe.

    Args:
        paths: Of files, or ENVIRONMENT.

    Raises:
        ConfigValidationError: One cannot be read, or is no JSON object.
    """
    config: dict[str, Any] = {}
    names = list(paths)
    for path in names:
        if path == ENVIRONMENT:
            continue
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - any path the shell gives
                values = json.load(file)
        except OSError as error:
            raise wrong(f"--config {path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            line = getattr(error, "lineno", "?")
            raise wrong(f"--config {path}: is not JSON (line {line})") from None
        if not isinstance(values, dict):
            raise wrong(f"--config {path}: is not a JSON object")
        config |= values
    return ConfigInput(config=config, parse_env=ENVIRONMENT in names)


def read_state(file: IO[str] | None) -> dict[str, Any] | None:
    """The state to start from, None where none is given.

    Raises:
        ConfigValidationError: It is not a state.
    """
    if file is None:
        return None
    state = _read_json("--state", file)
    if mistakes := list(state_mistakes(state)):
        raise wrong(*mistakes)
    return dict(state)


def read_catalog(file: IO[str] | None) -> dict[str, Any] | None:
    """The catalog to select by, None where none is given.

    Raises:
        ConfigValidationError: It is not a catalog.
    """
    if file is None:
        return None
    catalog = _read_json("--catalog", file)
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list) or not all(map(_is_catalog_entry, streams)):
        raise wrong("--catalog: must be an object with a list 'streams', each with its schema")
    return dict(catalog)


def wrong(*mistakes: str) -> ConfigValidationError:
    """The error to raise for input that cannot be used, one line a mistake."""
    return ConfigValidationError("Input validation failed", errors=list(mistakes))


def _read_json(option: str, file: IO[str]) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.load(file)
    except ValueError:
        raise wrong(f"{option}: the file is not JSON") from None


def _is_catalog_entry(stream: object) -> bool:
    return (
        isinstance(stream, dict)
        and "tap_stream_id" in stream
        and isinstance(stream.get("schema"), dict)
        and isinstance(stream["schema"].get("properties"), dict)
        and isinstance(stream.get("metadata", []), list)
    )
