"""Videsk: video contact centre. https://docs.videsk.io/es-developers/api-privada/exportacion"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import array, common_settings, integer, secret, text
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.videsk import streams as endpoints
from tap_callexports.records.time_zones import zone_errors

_HEADER = re.compile(r"[A-Za-z0-9-]+")

SETTINGS = (
    secret("api_token", "API token", "API token from the dashboard."),
    *common_settings(api_url="https://api.videsk.io", lookback_hours=72, max_concurrency=2),
    text("timezone", "Time zone", "IANA time zone in which times are requested.", default="UTC"),
    text(
        "auth_header",
        "Header of the token",
        "HTTP header that carries the token; older accounts may need Authorization.",
        default="X-API-Token",
    ),
    integer(
        "max_records",
        "Most rows per response",
        "The cap on a response, if the response does not name it.",
        default=5000,
        minimum=1,
    ),
    array("form_ids", th.StringType, "Form ids", "Ids of the forms to export."),
    array("survey_ids", th.StringType, "Survey ids", "Ids of the surveys to export."),
    integer(
        "appointments_ahead_days",
        "Appointments ahead (days)",
        "How far into the future appointments are exported.",
        default=90,
        minimum=0,
        maximum=3660,
    ),
)


class Videsk(Provider):
    """An account at Videsk."""

    name = "videsk"
    title = "Videsk"
    credentials = (("api_token",),)
    streams = streams_in(endpoints)
    properties = SETTINGS

    @classmethod
    @override
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        yield from zone_errors(settings["timezone"])
        if not _HEADER.fullmatch(settings["auth_header"]):
            yield "auth_header: is not the name of an HTTP header"

    @cached_property
    @override
    def auth(self) -> Auth:
        token = f"Bearer {self.settings['api_token']}"
        return APIKeyAuthenticator(key=self.settings["auth_header"], value=token)
