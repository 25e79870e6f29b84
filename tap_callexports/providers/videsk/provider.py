"""Videsk: video contact centre. https://docs.videsk.io/es-developers/api-privada/exportacion"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import common_settings
from tap_callexports.provider import Provider
from tap_callexports.providers.videsk import streams
from tap_callexports.records.time_zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_callexports.http.client import Auth

_HEADER = re.compile(r"[A-Za-z0-9-]+")

SETTINGS = (
    th.Property(
        "api_token",
        th.StringType,
        secret=True,
        title="API token",
        description="API token from the dashboard.",
    ),
    *common_settings(api_url="https://api.videsk.io", lookback_hours=72, max_concurrency=2),
    th.Property(
        "timezone",
        th.StringType,
        default="UTC",
        title="Time zone",
        description="IANA zone in which times are requested.",
    ),
    th.Property(
        "auth_header",
        th.StringType,
        default="X-API-Token",
        title="Header of the token",
        description="HTTP header that carries the token; older accounts may need Authorization.",
    ),
    th.Property(
        "max_records",
        th.IntegerType(minimum=1),
        default=5000,
        title="Most rows per response",
        description="The cap on a response, if the response does not name it.",
    ),
    th.Property(
        "form_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Form ids",
        description="Definitions of the forms to export.",
    ),
    th.Property(
        "survey_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Survey ids",
        description="Definitions of the surveys to export.",
    ),
    th.Property(
        "appointments_ahead_days",
        th.IntegerType(minimum=0, maximum=3660),
        default=90,
        title="Appointments ahead (days)",
        description="How far into the future appointments are exported.",
    ),
)


class Videsk(Provider):
    """An account at Videsk."""

    name = "videsk"
    title = "Videsk"
    credentials = (("api_token",),)
    streams = (
        streams.Calls,
        streams.Queues,
        streams.ExtraData,
        streams.Comments,
        streams.Tags,
        streams.Appointments,
        streams.Recordings,
        streams.AiTopics,
        streams.AiSentiments,
        streams.Forms,
        streams.Surveys,
    )
    properties = SETTINGS

    @classmethod
    @override
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        try:
            zone_named(settings["timezone"])
        except ValueError as error:
            yield f"timezone: {error}"
        if not _HEADER.fullmatch(settings["auth_header"]):
            yield "auth_header: is not the name of an HTTP header"

    @cached_property
    @override
    def auth(self) -> Auth:
        token = f"Bearer {self.settings['api_token']}"
        return APIKeyAuthenticator(key=self.settings["auth_header"], value=token)
