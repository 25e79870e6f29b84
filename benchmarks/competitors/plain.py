"""The tap that the SDK's template makes, for each workload: `plain.py --config FILE`.

Class attributes, JSONPath and the SDK's defaults; no more than a working tap needs. The config's
`workload` says which stream there is, `schema` names the file of its columns.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BaseAPIPaginator

from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.helpers.types import Context

_MILLISECOND = timedelta(milliseconds=1)
#: Titles of the CSV file, by column.
_TITLES = {
    "id": "Call ID",
    "call_sid": "Call SID",
    "assistant_name": "Assistant Name",
    "customer_phone_number": "Customer Phone",
    "status": "Status",
    "duration": "Duration (seconds)",
    "started_at": "Started At",
    "ended_at": "Ended At",
}


class Calls(RESTStream[Any]):
    """What the streams share."""

    name = "calls"

    @property
    @override
    def url_base(self) -> str:
        """Address of the API."""
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BearerTokenAuthenticator:
        """How requests are signed."""
        return BearerTokenAuthenticator(token="benchmark")  # noqa: S106 - an invented one


class AnunziCalls(Calls):
    """Pages with a cursor."""

    path = "/v3/list-calls"
    http_method = "POST"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    records_jsonpath = "$.items[*]"
    next_page_token_jsonpath = "$.pagination_key"  # noqa: S105 - a path

    @override
    def prepare_request_payload(
        self, context: Context | None, next_page_token: str | None
    ) -> dict[str, Any]:
        """Body of a page."""
        body: dict[str, Any] = {"limit": 1000, "sort_order": "ascending"}
        if next_page_token:
            body["pagination_key"] = next_page_token
        return body


class BurkiCalls(Calls):
    """One JSON file."""

    path = "/api/v1/calls/export"
    primary_keys = ("id",)
    replication_key = "started_at"
    records_jsonpath = "$[*]"

    @override
    def get_url_params(self, context: Context | None, next_page_token: object) -> dict[str, Any]:
        """Parameters of the request."""
        return {"format": "json"}


class BurkiCsvCalls(BurkiCalls):
    """One CSV file."""

    @override
    def get_url_params(self, context: Context | None, next_page_token: object) -> dict[str, Any]:
        """Parameters of the request."""
        return {"format": "csv"}

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        """Rows of the file."""
        response.encoding = "utf-8"
        yield from csv.DictReader(io.StringIO(response.text))

    @override
    def post_process(self, row: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
        """A row under the names and with the types of the schema."""
        record: dict[str, Any] = {name: row[title] or None for name, title in _TITLES.items()}
        for name in ("id", "duration"):
            record[name] = int(record[name]) if record[name] else None
        return record


class Days(BaseAPIPaginator[datetime]):
    """Day after day, to the end."""

    def __init__(self, start: datetime, end: datetime) -> None:
        super().__init__(start)
        self._end = end

    @override
    def has_more(self, response: requests.Response) -> bool:
        """Whether there is another day."""
        return self.current_value + timedelta(days=1) < self._end

    @override
    def get_next(self, response: requests.Response) -> datetime:
        """The day after."""
        return self.current_value + timedelta(days=1)


class VideskCalls(Calls):
    """A report for each day."""

    path = "/reports/exports/calls"
    http_method = "POST"
    primary_keys = ("id",)
    replication_key = "startTime"
    records_jsonpath = "$.data[*]"

    @override
    def get_new_paginator(self) -> Days:
        """One page a day."""
        start, end = self.config["start_date"], self.config["end_date"]
        return Days(datetime.fromisoformat(start), datetime.fromisoformat(end))

    @override
    def prepare_request_payload(
        self, context: Context | None, next_page_token: datetime | None
    ) -> dict[str, Any] | None:
        """Body of a day's request."""
        if next_page_token is None:
            return None
        end = next_page_token + timedelta(days=1) - _MILLISECOND
        return {
            "$sort": 1,
            "start": next_page_token.isoformat(),
            "end": end.isoformat(),
            "timezone": "UTC",
        }


_STREAMS: dict[str, type[Calls]] = {
    "anunzi": AnunziCalls,
    "burki": BurkiCalls,
    "burki csv": BurkiCsvCalls,
    "videsk": VideskCalls,
}


class TapPlain(Tap):
    """The template's tap."""

    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType(nullable=False), required=True),
        th.Property("workload", th.StringType(nullable=False), required=True),
        th.Property("schema", th.StringType(nullable=False), required=True),
        th.Property("start_date", th.DateTimeType(nullable=True)),
        th.Property("end_date", th.DateTimeType(nullable=True)),
    ).to_dict()

    @override
    def discover_streams(self) -> list[Calls]:
        """The one stream of the workload."""
        schema = json.loads(Path(self.config["schema"]).read_text("utf-8"))
        return [_STREAMS[self.config["workload"]](self, schema=schema)]


if __name__ == "__main__":
    TapPlain.cli()
