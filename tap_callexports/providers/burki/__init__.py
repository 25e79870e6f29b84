"""Burki: voice AI, hosted or self-hosted. https://docs.burki.dev/api-reference/calls/export

Says what an account there is; how it is asked is said in client.py.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.provider import Provider
from tap_callexports.providers.burki.settings import PROPERTIES
from tap_callexports.providers.burki.streams import STREAMS

if TYPE_CHECKING:
    from tap_callexports.http.client import Auth


class Burki(Provider):
    """An organisation at Burki."""

    name = "burki"
    title = "Burki"
    credentials = (("api_key",),)
    streams = STREAMS
    properties = PROPERTIES
    # A database outage answers 401 as a wrong key does; it heals by itself.
    unauthorised_waits = ((1.0,), (2.0, 8.0))

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
