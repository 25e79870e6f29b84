"""Twin24 (TWIN): voice bots. https://developers.twin24.ai/reference/sessionincominglist

Says what an account there is; how it is asked is said in client.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_callexports.compat import override
from tap_callexports.http.client import Auth, HttpClient
from tap_callexports.provider import Provider
from tap_callexports.providers.twin24.client import FIXED_PARAMS
from tap_callexports.providers.twin24.login import JwtAuth, NoAuth, log_in
from tap_callexports.providers.twin24.settings import PROPERTIES
from tap_callexports.providers.twin24.streams import STREAMS
from tap_callexports.records.time_zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests


class Twin24(Provider):
    """A cabinet at Twin24."""

    name = "twin24"
    title = "Twin24"
    credentials = (("email", "password"), ("access_token",))
    streams = STREAMS
    properties = PROPERTIES
    url_settings = ("api_url", "auth_url")

    @classmethod
    @override
    def errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        try:
            zone_named(settings["timezone"])
        except ValueError as error:
            yield f"timezone: {error}"
        if not settings["incoming_calls_path"].startswith("/"):
            yield "incoming_calls_path: must start with /"
        # A list may be written as `companyIds[]`.
        given = {name.partition("[")[0].casefold() for name in settings.get("extra_params", {})}
        for name, instead in FIXED_PARAMS.items():
            if name.casefold() in given:
                yield f"extra_params: may not hold {name}; {instead}"

    @cached_property
    @override
    def auth(self) -> Auth:
        return self._jwt

    @override
    def renew(self, refused: requests.PreparedRequest) -> bool:
        return self._jwt.renew(refused)

    @cached_property
    def _jwt(self) -> JwtAuth:
        if token := self.settings.get("access_token"):
            return JwtAuth(None, fixed=token)
        client = HttpClient(
            replace(self.http_settings, credential="twin24.email + twin24.password"),
            self.throttle.beside(),
            NoAuth(),
            self.logger,
        )
        return JwtAuth(lambda: log_in(client, self.settings))
