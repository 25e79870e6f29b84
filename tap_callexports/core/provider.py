"""What a provider is to the core: a name, settings, streams and one HTTP client they share."""

from __future__ import annotations

import ipaddress
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_callexports.core.http import Auth, HttpClient
from tap_callexports.core.manners import Manners
from tap_callexports.core.throttle import Throttle

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

    import requests

    from tap_callexports.core.stream import ExportStream


#: Twenty years: more than any provider keeps.
MAX_LOOKBACK_HOURS = 20 * 366 * 24
#: A month.
MAX_SETTLE_MINUTES = 31 * 24 * 60


@dataclass(frozen=True, slots=True)
class Shared:
    """The tap's top-level settings, read once per run.

    Args:
        start_date: First instant to export.
        end_date: First instant not to export, if the user set one.
        run_start: The one reading of the clock in a run.
        request_timeout: Seconds.
        max_retry_wait: Seconds.
        skip_forbidden_streams: Whether a 403 is only a warning.
        user_agent: Of every request.
    """

    start_date: datetime
    end_date: datetime | None
    run_start: datetime
    request_timeout: int
    max_retry_wait: int
    skip_forbidden_streams: bool
    user_agent: str


def common_settings(
    *, api_url: str, lookback_hours: int, max_concurrency: int
) -> tuple[th.Property[Any], ...]:
    """The settings every provider has, with this provider's defaults."""
    return (
        th.Property(
            "api_url",
            th.StringType,
            default=api_url,
            title="API URL",
            description="Address of the API; another one for self-hosted servers and tests.",
        ),
        th.Property(
            "lookback_hours",
            th.IntegerType(minimum=0, maximum=MAX_LOOKBACK_HOURS),
            default=lookback_hours,
            title="Lookback (hours)",
            description="How far before the bookmark each run reads again, for calls that came "
            "late or changed.",
        ),
        th.Property(
            "settle_minutes",
            th.IntegerType(minimum=0, maximum=MAX_SETTLE_MINUTES),
            default=5,
            title="Settle time (minutes)",
            description="How old a call must be before a run reads it, so that the provider has "
            "filed it.",
        ),
        th.Property(
            "max_concurrency",
            th.IntegerType(minimum=1, maximum=32),
            default=max_concurrency,
            title="Requests at once",
            description="How many requests may be under way at the same time.",
        ),
        th.Property(
            "requests_per_minute",
            th.IntegerType(minimum=1, maximum=60_000),
            title="Requests per minute",
            description="Upper bound on requests started per minute; unset for none.",
        ),
    )


class Provider(ABC):
    """One account at one provider.

    Args:
        settings: This provider's object from the config, defaults filled in.
        shared: Top-level settings.
        logger: For warnings that belong to no stream.
    """

    #: Name of the settings object and prefix of the streams.
    name: ClassVar[str]
    #: How the provider calls itself.
    title: ClassVar[str]
    #: Settings that together switch the provider on; any one of the groups will do.
    credentials: ClassVar[tuple[tuple[str, ...], ...]]
    #: The provider's streams.
    streams: ClassVar[tuple[type[ExportStream[Any]], ...]]
    #: The properties of the settings object.
    properties: ClassVar[tuple[th.Property[Any], ...]]
    #: Settings that hold addresses.
    url_settings: ClassVar[tuple[str, ...]] = ("api_url",)
    #: Seconds before repetitions of a 401, see `Manners`.
    unauthorised_waits: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]] = ((), ())

    def __init__(self, settings: Mapping[str, Any], shared: Shared, logger: logging.Logger) -> None:
        self.settings = settings
        self.shared = shared
        self.logger = logger

    @classmethod
    def mistakes(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the settings beyond their JSON schema, as `setting: sentence`."""
        yield from ()

    @classmethod
    def is_on(cls, settings: Mapping[str, Any]) -> bool:
        """Whether a credential is given."""
        return any(all(settings.get(name) for name in group) for group in cls.credentials)

    @classmethod
    def credential_names(cls) -> str:
        """The credential's settings, as a user writes them."""
        return " or ".join(
            " + ".join(f"{cls.name}.{name}" for name in group) for group in cls.credentials
        )

    @property
    @abstractmethod
    def auth(self) -> Auth:
        """Puts the credential into requests."""

    def renew(self, refused: requests.PreparedRequest) -> bool:
        """After a 401: get a new credential for the request that was refused, if there is one."""
        return False

    @property
    def end(self) -> datetime:
        """First instant this run does not read: frozen, so that the run ends."""
        settled = self.settled
        return min(self.shared.end_date, settled) if self.shared.end_date else settled

    @property
    def settled(self) -> datetime:
        """Up to when the provider is taken to have filed every call."""
        return self.shared.run_start - timedelta(minutes=self.settings["settle_minutes"])

    @property
    def lookback(self) -> timedelta:
        """How far before the bookmark a run reads."""
        return timedelta(hours=self.settings["lookback_hours"])

    def url(self, path: str) -> str:
        """Full address of an endpoint's path."""
        return str(self.settings["api_url"]).rstrip("/") + path

    @cached_property
    def manners(self) -> Manners:
        """What all requests of this provider have in common."""
        return Manners(
            provider=self.title,
            credential=self.credential_names(),
            read_timeout=self.shared.request_timeout,
            max_retry_wait=self.shared.max_retry_wait,
            user_agent=self.shared.user_agent,
            unauthorised_waits=self.unauthorised_waits,
        )

    @cached_property
    def client(self) -> HttpClient:
        """The one client of all streams of this provider."""
        throttle = Throttle(
            at_once=self.settings["max_concurrency"],
            per_minute=self.settings.get("requests_per_minute"),
        )
        return HttpClient(self.manners, throttle, self.auth, self.logger, renew=self.renew)


def url_mistake(url: str, *, allow_insecure: bool) -> str | None:
    """What is wrong with an address a credential would be sent to, None when it is fine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "must start with https:// and name a host"
    if parts.username or parts.password:
        return "must not hold a user name or password"
    if parts.query or parts.fragment or "{" in url or any(char.isspace() for char in url):
        return "must be a plain address without query, fragment, braces or blanks"
    if parts.scheme == "http" and not (allow_insecure or _is_loopback(host)):
        return (
            f"http:// would send the credential to {host} unencrypted; use https://, or set "
            "allow_insecure_url to true"
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
