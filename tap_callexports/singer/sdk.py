"""The private names of singer-sdk this tap touches, all of them, and why.

`tests/unit/singer/test_sdk.py` fails with the name when the SDK renames or drops one.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BaseBatchFileEncoding as BatchEncoding
from singer_sdk.helpers._batch import SDKBatchMessage as BatchMessage
from singer_sdk.helpers._batch import StorageTarget
from singer_sdk.plugin_base import _ConfigInput as ConfigInput
from singer_sdk.streams.rest import RESTStream

from tap_callexports.compat import override

if TYPE_CHECKING:
    import logging
    from collections.abc import Generator
    from datetime import datetime
    from types import FrameType
    from typing import Any

    from singer_sdk.helpers.types import Context, Record

TToken = TypeVar("TToken")


__all__ = [
    "BatchEncoding",
    "BatchMessage",
    "BookmarkedStream",
    "CheckedTap",
    "ConfigInput",
    "StorageTarget",
    "quiet",
]

#: The SDK announces every exception as an error, also the end of a test, and does not know that
#: the environment was read before (`environment`).
_ANNOUNCEMENTS = ("An unhandled error occurred while syncing", "Skipping parse of env var settings")


def quiet(record: logging.LogRecord) -> bool:
    """A logging filter for lines of the SDK that say nothing, or not what is the case.

    False for what is not to be logged.
    """
    return not str(record.msg).startswith(_ANNOUNCEMENTS)


class BookmarkedStream(RESTStream[TToken], Generic[TToken]):
    """A stream whose bookmark is moved by the tap as windows close, never by single records."""

    @override
    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Records do not move bookmarks: the SDK's own way loses calls that arrive late."""

    #: Whether a sync is under way that writes messages.
    writing = False

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


class CheckedTap(Tap):
    """A tap that says in its own words what is wrong, and ends on a signal as processes should."""

    @abstractmethod
    def checked_config(self, config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The config with defaults filled in, and its errors, one line each without a value.

        Args:
            config: As given. Not changed.
        """

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
