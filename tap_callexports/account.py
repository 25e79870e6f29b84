"""An account at a provider: its settings, and the one HTTP client that its streams share.

Knows no stream and no window.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tap_callexports.http.client import Auth, HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.retry import HttpSettings
from tap_callexports.records.timestamps import EPOCH, format_instant

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    import requests

#: How far this machine's clock may be off the server's.
CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class TapSettings:
    """The tap's top-level settings, read once per run; instants are UTC.

    Args:
        start_date: First instant to export.
        end_date: First instant not to export, if the user set one.
        run_start: This machine's time, read once: a whole second.
        request_timeout: Seconds a request may go without a byte.
        max_retry_wait: Longest wait, in seconds, a server may ask for.
        skip_forbidden_streams: Whether a 403 is only a warning.
        user_agent: Of every request.
        skip_unreadable: Whether the smallest window, or single call, that cannot be read is passed.
    """

    start_date: datetime
    end_date: datetime | None
    run_start: datetime
    request_timeout: int
    max_retry_wait: int
    skip_forbidden_streams: bool
    user_agent: str
    skip_unreadable: bool = False


class Account(ABC):
    """What the streams of one provider have in common in a run.

    The half of a Provider that streams know: it does not know them.

    Args:
        settings: The provider's object from the config, defaults filled in.
        shared: Top-level settings.
        logger: For warnings that belong to no stream.
    """

    #: Name of the settings object and prefix of the streams.
    name: ClassVar[str]
    #: How the provider calls itself.
    title: ClassVar[str]
    #: Groups of settings; any one of them, given in full, switches the provider on.
    credentials: ClassVar[tuple[tuple[str, ...], ...]]
    #: Seconds before repetitions of a 401, see `HttpSettings`.
    unauthorised_waits: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((), ())

    def __init__(
        self, settings: Mapping[str, Any], shared: TapSettings, logger: logging.Logger
    ) -> None:
        self.settings = settings
        self.shared = shared
        self.logger = logger
        self._making = threading.Lock()
        #: What the first response says of the time, and the same where it is over a minute earlier
        #: than this machine's.
        self._server_now: datetime | None = None
        self._earlier_now: datetime | None = None

    @classmethod
    def credential_names(cls) -> str:
        """The credential's settings as a user writes them, `name.email + name.password or …`."""
        return " or ".join(
            " + ".join(f"{cls.name}.{name}" for name in group) for group in cls.credentials
        )

    @property
    @abstractmethod
    def auth(self) -> Auth:
        """Puts the credential into requests."""

    def renew(self, refused: requests.PreparedRequest) -> bool:
        """After a 401: get a new credential, if there is a way to.

        Args:
            refused: The request as it was sent; another worker may have renewed what it carries.

        Returns:
            Whether `auth` now has another credential to try.
        """
        return False

    @property
    def cutoff(self) -> datetime:
        """First instant this run does not read: `end_date`, or `as_of` where that is earlier."""
        end_date = self.shared.end_date
        return min(end_date, self.as_of) if end_date else self.as_of

    @property
    def as_of(self) -> datetime:
        """Now less `settle_minutes`: up to here the provider is taken to have filed every call.

        Now is this machine's time at the start of the run. Where the first response says that it
        is over a minute earlier, now is what that response says: so this may become earlier once.
        """
        return (self._earlier_now or self.shared.run_start) - self._ingestion_delay

    @property
    def local_as_of(self) -> datetime:
        """Now less `settle_minutes`, by this machine's clock."""
        return self.shared.run_start - self._ingestion_delay

    @property
    def latest_as_of(self) -> datetime:
        """Now less `settle_minutes`, by the later one of the two clocks."""
        return max(self.shared.run_start, self._server_now or EPOCH) - self._ingestion_delay

    @property
    def _ingestion_delay(self) -> timedelta:
        return timedelta(minutes=self.settings["settle_minutes"])

    def _compare_clocks(self, server_now: datetime, now: datetime) -> None:
        """Take note of the server's time, and warn where this machine's clock is another one.

        Args:
            server_now: The `Date` of the first response.
            now: This machine's time when it was read.
        """
        run_start = self.shared.run_start
        self._server_now = server_now
        # The response came later than the run began: that says nothing of the clocks.
        if run_start - server_now > CLOCK_SKEW:
            self._earlier_now = server_now
            self.logger.warning(
                "%s: this machine's clock is %.0f s ahead of the server's; the server's time is "
                "used: calls before %s are exported",
                self.title,
                (now - server_now).total_seconds(),
                format_instant(self.cutoff),
            )
        elif server_now - now > CLOCK_SKEW:
            self.logger.warning(
                "%s: this machine's clock is %.0f s behind the server's; this machine's time is "
                "used: calls from %s on are left to a later run",
                self.title,
                (server_now - now).total_seconds(),
                format_instant(self.cutoff),
            )

    def url(self, path: str) -> str:
        """Full address of an endpoint's path, which begins with a slash."""
        return str(self.settings["api_url"]).rstrip("/") + path

    @cached_property
    def http_settings(self) -> HttpSettings:
        """What all requests of this provider have in common."""
        return HttpSettings(
            provider=self.title,
            credential=self.credential_names(),
            read_timeout=self.shared.request_timeout,
            max_retry_wait=self.shared.max_retry_wait,
            user_agent=self.shared.user_agent,
            unauthorised_waits=self.unauthorised_waits,
        )

    @cached_property
    def throttle(self) -> RateLimiter:
        """The one gate in front of all requests to this provider."""
        return RateLimiter(
            at_once=self.settings["max_concurrency"],
            per_minute=self.settings.get("requests_per_minute"),
        )

    @property
    def client(self) -> HttpClient:
        """The one client of all streams of this provider."""
        # Workers ask for it at the same time, and a cached property may be made twice then.
        with self._making:
            return self._client

    @cached_property
    def _client(self) -> HttpClient:
        return HttpClient(
            self.http_settings,
            self.throttle,
            self.auth,
            self.logger,
            renew=self.renew,
            compare_clocks=self._compare_clocks,
        )
