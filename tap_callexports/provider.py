"""What a provider declares: its names, its settings and its streams. Knows none by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_callexports.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_callexports.stream import ExportStream


#: Most that a lookback may be: twenty years, more than any provider keeps.
MAX_LOOKBACK_HOURS = 20 * 366 * 24
#: Most that `settle_minutes` may be: a month.
MAX_SETTLE_MINUTES = 31 * 24 * 60


def common_settings(
    *, api_url: str, lookback_hours: int, max_concurrency: int
) -> tuple[th.Property[Any], ...]:
    """The settings every provider has.

    Args: This provider's defaults of the settings of these names.
    """
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
            description="How far before the last run each run reads again, for calls that came "
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


class Provider(Account):
    """One provider, as its folder declares it; an instance is an account at it in a run."""

    #: All its endpoints; each becomes a stream of the catalog.
    streams: ClassVar[tuple[type[ExportStream[Any]], ...]]
    #: Of its settings object, `common_settings` among them.
    properties: ClassVar[tuple[th.Property[Any], ...]]
    #: Settings that hold addresses to which a credential is sent.
    url_settings: ClassVar[tuple[str, ...]] = ("api_url",)

    @classmethod
    def errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the settings beyond their JSON schema, as `setting: sentence`.

        Args:
            settings: The provider's object, defaults filled in; its schema holds.
        """
        yield from ()

    @classmethod
    def is_on(cls, settings: Mapping[str, Any]) -> bool:
        """Whether a credential is given."""
        return any(all(settings.get(name) for name in group) for group in cls.credentials)
