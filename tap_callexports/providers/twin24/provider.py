"""Twin24 (TWIN): voice bots. https://developers.twin24.ai/reference/sessionincominglist"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import requests
from singer_sdk import typing as th

from tap_callexports.compat import override
from tap_callexports.config import array, common_settings, integer, open_object, secret, text
from tap_callexports.http.client import Auth, HttpClient
from tap_callexports.http.request import MAX_TRIES
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.twin24 import streams as endpoints
from tap_callexports.providers.twin24.login import JwtAuth, NoAuth, log_in
from tap_callexports.records.time_zones import zone_errors
from tap_callexports.run import TEST_REQUESTS

SETTINGS = (
    text("email", "E-mail", "E-mail address of a user of the account; needs password."),
    secret("password", "Password", "Password of that user."),
    secret(
        "access_token",
        "Access token",
        "An existing JWT, instead of e-mail and password; it cannot be renewed.",
    ),
    *common_settings(
        api_url="https://analyse.twin24.ai/api/v1", lookback_hours=72, max_concurrency=4
    ),
    text(
        "auth_url",
        "Login URL",
        "Address of the login service.",
        default="https://iam.twin24.ai/api/v1",
    ),
    text(
        "incoming_calls_path",
        "Path of incoming calls",
        "Path of the list of incoming call sessions. Unverified: no public copy of "
        "the provider's page shows it.",
        default="/statistics/cis/sessions/incoming",
    ),
    text("timezone", "Time zone", "IANA zone of times that come without an offset.", default="UTC"),
    integer("company_id", "Company id of the login", "Company that the login acts for."),
    array(
        "company_ids",
        th.IntegerType,
        "Company ids",
        "Only calls of these companies, requested one company at a time.",
    ),
    integer(
        "token_ttl",
        "Token lifetime (seconds)",
        "Lifetime of the token to request at login; the provider's default if unset.",
        minimum=1,
    ),
    integer("page_size", "Page size", "Calls per request.", default=1000, minimum=1),
    integer(
        "max_records",
        "Most calls per period",
        "Most calls that the provider returns for one period; periods with more are split.",
        default=50000,
        minimum=1,
    ),
    array(
        "extra_fields",
        th.StringType,
        "Extra fields",
        "Fields to request in addition to the columns, in the provider's spelling; their "
        "values are in extra.",
    ),
    open_object(
        "extra_params",
        "Extra parameters",
        "Query parameters to add, in the provider's spelling. May not hold from, to, "
        "limit, offset, page, fields, sort, format, zip or companyIds.",
    ),
    text(
        "date_field_param",
        "Name of the date field parameter",
        "Query parameter that says which time the period acts on; its name is not public.",
    ),
    text(
        "date_field",
        "Date field",
        "Value of date_field_param: createdAt, updatedAt, startedAt, finishedAt or "
        "billedAt. Incoming calls only.",
        default="createdAt",
    ),
)

#: Parameters that users may not add, and what to do instead: the tap sets them, or could not read
#: the response.
FIXED_PARAMS = {
    "from": "use start_date",
    "to": "use end_date",
    "limit": "use twin24.page_size",
    "offset": "the tap reads every page",
    "page": "the tap reads every page",
    "fields": "select columns, or use twin24.extra_fields",
    "sort": "the tap needs its own order",
    "format": "the tap reads JSON only",
    "zip": "the tap reads JSON only",
    "companyIds": "use twin24.company_ids",
}


class Twin24(Provider):
    """An account at Twin24."""

    name = "twin24"
    title = "Twin24"
    credentials = (("email", "password"), ("access_token",))
    streams = streams_in(endpoints)
    properties = SETTINGS
    url_settings = ("api_url", "auth_url")

    @classmethod
    @override
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        yield from zone_errors(settings["timezone"])
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
            self.rate_limiter.for_login(),
            NoAuth(),
            self.run.logger,
            reads_ahead=False,
        )
        tries = TEST_REQUESTS if self.run.connection_test else MAX_TRIES
        return JwtAuth(lambda: log_in(client, self.settings, tries))
