"""Videsk: video contact centre. https://docs.videsk.io/es-developers/api-privada/exportacion

Says what an account there is; how it is asked is said in client.py.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import APIKeyAuthenticator

from tap_callexports.compat import override
from tap_callexports.provider import Provider
from tap_callexports.providers.videsk.settings import PROPERTIES
from tap_callexports.providers.videsk.streams import STREAMS
from tap_callexports.records.time_zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_callexports.http.client import Auth

_HEADER = re.compile(r"[A-Za-z0-9-]+")


class Videsk(Provider):
    """An account at Videsk."""

    name = "videsk"
    title = "Videsk"
    credentials = (("api_token",),)
    streams = STREAMS
    properties = PROPERTIES

    @classmethod
    @override
    def errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
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
