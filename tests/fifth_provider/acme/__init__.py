"""Acme: an invented provider, as small as one can be. https://docs.acme.example/calls"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.authenticators import BearerTokenAuthenticator
from tap_callexports.providers.acme.settings import PROPERTIES
from tap_callexports.providers.acme.streams import STREAMS

from tap_callexports.compat import override
from tap_callexports.provider import Provider

if TYPE_CHECKING:
    from tap_callexports.http.client import Auth


class Acme(Provider):
    """An account at Acme."""

    name = "acme"
    title = "Acme"
    credentials = (("api_key",),)
    streams = STREAMS
    properties = PROPERTIES

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
