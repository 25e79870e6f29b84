"""The base class of providers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar

import requests
from singer_sdk import Stream
from singer_sdk import typing as th

from tap_callexports.http.client import Auth, HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.retry import HttpSettings
from tap_callexports.records.timestamps import EPOCH, format_instant
from tap_callexports.run import Run

#: How far this machine's clock may be off the server's.
CLOCK_SKEW = timedelta(seconds=60)


def streams_in(module: ModuleType) -> tuple[type[Stream], ...]:
    """The streams that a module defines, in its order: its classes with a `name` of their own."""
    return tuple(
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Stream)
        and each.__module__ == module.__name__
        and isinstance(vars(each).get("name"), str)
    )


class Provider(ABC):
    """One provider, as its folder declares it; an instance is its account in one run.

    Args:
        settings: The provider's object from the config, defaults filled in.
        run: The run, with the tap's top-level settings.
    """

    #: Name of the settings object and prefix of the streams; one word.
    name: ClassVar[str]
    #: The provider's name in messages.
    title: ClassVar[str]
    #: Groups of settings; any complete one switches the provider on.
    credentials: ClassVar[tuple[tuple[str, ...], ...]]
    #: Its streams (subclasses of `CallStream`), see `streams_in`; a variant of another provider has
    #: those of the other, under names of its own (`stream_name`).
    streams: ClassVar[tuple[type[Stream], ...]]
    #: The properties of its settings object, including `common_settings`.
    properties: ClassVar[tuple[th.Property[Any], ...]]
    #: Settings with addresses to which a credential is sent.
    url_settings: ClassVar[tuple[str, ...]] = ("api_url",)
    #: Seconds before repetitions of a 401, see `HttpSettings`.
    unauthorised_waits: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((), ())

    def __init__(self, settings: Mapping[str, Any], run: Run) -> None:
        self.settings = settings
        self.run = run
        self._making = threading.Lock()
        #: The server's time in the first response; the second is set only if that is more than a
        #: minute before this machine's.
        self._server_now: datetime | None = None
        self._earlier_now: datetime | None = None

    # What a provider declares.

    @classmethod
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        """Errors of the settings beyond their JSON schema, as `setting: sentence`.

        Args:
            settings: The provider's object, defaults filled in, valid by its schema.
        """
        yield from ()

    @property
    @abstractmethod
    def auth(self) -> Auth:
        """Puts the credential into requests."""

    def renew(self, refused: requests.PreparedRequest) -> bool:
        """Get a new credential after a 401, if possible.

        Args:
            refused: The request as it was sent; another worker may have renewed its credential.

        Returns:
            Whether `auth` now has another credential.
        """
        return False

    # What the tap and the streams use.

    @classmethod
    def stream_name(cls, stream: type[Stream]) -> str:
        """The name of one of its streams: that of the class, with this provider as the prefix."""
        name: str = stream.name  # type: ignore[misc] # classes of streams have one
        return f"{cls.name}_{name.partition('_')[2]}"

    @classmethod
    def is_on(cls, settings: Mapping[str, Any]) -> bool:
        """Whether a credential is given."""
        return any(all(settings.get(name) for name in group) for group in cls.credentials)

    @classmethod
    def credential_names(cls) -> str:
        """The credential's settings as a user writes them, `name.email + name.password or …`."""
        return " or ".join(
            " + ".join(f"{cls.name}.{name}" for name in group) for group in cls.credentials
        )

    @property
    def cutoff(self) -> datetime:
        """First instant this run does not read: `end_date`, or `as_of` where that is earlier."""
        end_date = self.run.end_date
        return min(end_date, self.as_of) if end_date else self.as_of

    @property
    def as_of(self) -> datetime:
        """Now minus `settle_minutes`: the provider is assumed to have stored every call before it.

        Now is this machine's time at the start of the run, or the server's time in the first
        response if that is more than a minute earlier. So this may become earlier once.
        """
        return (self._earlier_now or self.run.started) - self._ingestion_delay

    @property
    def local_as_of(self) -> datetime:
        """Now minus `settle_minutes`, by this machine's clock."""
        return self.run.started - self._ingestion_delay

    @property
    def latest_as_of(self) -> datetime:
        """Now minus `settle_minutes`, by the later of the two clocks."""
        return max(self.run.started, self._server_now or EPOCH) - self._ingestion_delay

    @property
    def _ingestion_delay(self) -> timedelta:
        return timedelta(minutes=self.settings["settle_minutes"])

    def _compare_clocks(self, server_now: datetime, now: datetime) -> None:
        """Store the server's time, and warn if this machine's clock differs.

        Args:
            server_now: The `Date` of the first response.
            now: This machine's time when it was received.
        """
        run_start = self.run.started
        self._server_now = server_now
        # The response came after the start of the run, so the server's time must be later.
        if run_start - server_now > CLOCK_SKEW:
            self._earlier_now = server_now
            self.run.logger.warning(
                "%s: this machine's clock is %.0f s ahead of the server's; the server's time is "
                "used: calls before %s are exported",
                self.title,
                (now - server_now).total_seconds(),
                format_instant(self.cutoff),
            )
        elif server_now - now > CLOCK_SKEW:
            self.run.logger.warning(
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
        """The settings of all requests to this provider."""
        return HttpSettings(
            provider=self.title,
            credential=self.credential_names(),
            read_timeout=self.run.request_timeout,
            max_retry_wait=self.run.max_retry_wait,
            user_agent=self.run.user_agent,
            unauthorised_waits=self.unauthorised_waits,
        )

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        """The rate limiter of all requests to this provider."""
        return RateLimiter(
            at_once=self.settings["max_concurrency"],
            per_minute=self.settings.get("requests_per_minute"),
        )

    @property
    def client(self) -> HttpClient:
        """The client that all streams of this provider share."""
        # A cached property may be computed twice if workers read it at the same time.
        with self._making:
            return self._client

    @cached_property
    def _client(self) -> HttpClient:
        return HttpClient(
            self.http_settings,
            self.rate_limiter,
            self.auth,
            self.run.logger,
            renew=self.renew,
            compare_clocks=self._compare_clocks,
        )
