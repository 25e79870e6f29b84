"""Retell AI's calls: those that started, those that did not, and single calls with transcripts.

https://docs.retellai.com/api-references/list-calls, https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import StreamFailed
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.retell import schemas
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import EPOCH_MS_TIMES, MICROSECOND, MILLISECOND, epoch_ms
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)
#: How filters are written: as Retell AI or as Anunzi documents them.
RETELL, ANUNZI = "retell", "anunzi"
STATUS, REASON = "call_status", "disconnection_reason"
#: Values of `call_status` of calls without a start; `registered` cannot be filtered for, and
#: `ended` would read every call.
STATUSES = ("not_connected", "error")
#: Values of `disconnection_reason` of calls that never started: those in Retell's OpenAPI that
#: https://docs.retellai.com/reliability/debug-call-disconnect describes as refused, failed or not
#: answered before the call, and limits that prevent one.
REASONS = (
    "dial_busy", "dial_failed", "dial_no_answer", "invalid_destination",
    "telephony_provider_permission_denied", "telephony_provider_unavailable", "sip_routing_error",
    "marked_as_spam", "network_blocked", "user_declined", "concurrency_limit_reached",
    "no_concurrency_fallback", "no_valid_payment", "credit_exhausted", "budget_reached",
    "scam_detected", "error_user_not_joined", "registered_call_timeout",
)  # fmt: skip
#: A field and a value of it, as the passes over the list request them.
PASSES = (*((STATUS, value) for value in STATUSES), *((REASON, value) for value in REASONS))


class FilterRefused(StreamFailed):
    """The server refused a filter."""


class RetellStream(CallStream["str | None"]):
    """The call list, paginated by cursor, oldest first."""

    path = "/v3/list-calls"
    primary_keys = ("call_id",)
    page_fields = {"cursor": "pagination_key", "has_more": "has_more"}
    excluded_fields = frozenset({"access_token"})  # the key to a web call's room
    times = EPOCH_MS_TIMES

    @property
    def dialect_advice(self) -> str:
        """The end of a message about filters; "" at a provider with one dialect."""
        if "filter_dialect" not in self.provider.settings:
            return ""
        other = RETELL if self.provider.settings["filter_dialect"] == ANUNZI else ANUNZI
        return f"; try {self.provider.name}.filter_dialect: {other}"

    @override
    def build_request(self, window: Window, token: str | None) -> Request:
        settings = self.provider.settings
        dialect = settings.get("filter_dialect", RETELL)
        criteria = dict(settings.get("filter_criteria", {}))
        if settings["agent_ids"]:
            criteria["agent"] = [{"agent_id": agent} for agent in settings["agent_ids"]]
        if self.windowed:
            # 1 ms wider than the window: whether `bt` includes its ends is not documented.
            low, high = epoch_ms(window.start) - 1, epoch_ms(window.end - MICROSECOND) + 1
            criteria["start_timestamp"] = between(dialect, low, high)
        criteria |= {name: equals(dialect, value) for name, value in window.only.items()}
        body = {
            "filter_criteria": criteria,
            "sort_order": "ascending",
            "limit": settings["page_size"],
        }
        return self.post(self.path, body if token is None else {**body, "pagination_key": token})

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        if response.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
            return None
        return FilterRefused(
            f"{self.where}: {response.status}, the filter was refused{response.error_message}"
            f"{self.dialect_advice}; check {self.provider.name}.filter_criteria"
        )


class Calls(RetellStream):
    """Calls that started, https://docs.retellai.com/api-references/list-calls"""

    name = "retell_calls"
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    strict_filter = True
    granularity = MILLISECOND
    schema = StreamSchema(SCHEMAS, key=name)

    @property
    @override
    def filter_ignored_text(self) -> str:
        return f"the server did not apply the time filter{self.dialect_advice}"


class UnstartedCalls(RetellStream):
    """Calls that never started, https://docs.retellai.com/api-references/list-calls

    A time filter does not find them, and there is no filter for a missing start. So the list is
    read in several passes without a time filter, each for one value of `call_status` or
    `disconnection_reason` that such calls have, and calls with a start are dropped.
    """

    name = "retell_unstarted_calls"
    replication_key = None
    schema = StreamSchema(SCHEMAS, key=name)
    windowed = False
    tracked_columns = (STATUS, REASON, "start_timestamp")

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        passes = [each for each in PASSES if self._admits(*each)]
        refused, succeeded = [], False
        for column, value in passes:
            ignored = False
            try:
                for batch in super().read_window(replace(window, only={column: value})):
                    ignored = ignored or not {None, value}.issuperset(batch[column])
                    if ignored and column == REASON:
                        # Reading on would read every call.
                        break
                    yield _without_start(batch, passes)
                succeeded = True
            except FilterRefused:
                if column == STATUS or not succeeded:
                    raise
                refused.append(value)
            if ignored:
                result = "only calls whose call_status is not_connected or error are exported"
                if column == STATUS:
                    result = "every call is read, and those with a start are dropped"
                    result += self.dialect_advice
                text = f"the server did not apply the filter on {column}; {result}"
                self.logger.warning("%s: %s", self.where, text)
                break
        if refused:
            values = f"{len(refused)} of {len(REASONS)} values of {REASON} ({', '.join(refused)})"
            self.logger.warning(
                "%s: the server refused %s; calls without a start that only these would find are "
                "not exported",
                self.where,
                values,
            )

    def _admits(self, name: str, value: str) -> bool:
        """Whether the user's condition on a field, if there is one, allows a value.

        Raises:
            StreamFailed: The condition is of a form that cannot be combined with a pass.
        """
        criteria = self.provider.settings.get("filter_criteria", {})
        if name not in criteria:
            return True
        condition = criteria[name] if isinstance(criteria[name], dict) else {}
        operator, values = condition.get("operator", condition.get("op")), condition.get("value")
        found = value in (values if isinstance(values, list) else [values])
        if operator in ("eq", "in", "ne"):
            return found is (operator != "ne")
        raise self.fail(
            f"{self.provider.name}.filter_criteria.{name} cannot be combined with the values this "
            "stream requests; write it as one value or a list of values, or deselect the stream: "
            f'select "!{self.name}.*"'
        )


class CallDetails(DetailStream):
    """Calls with their transcripts, https://docs.retellai.com/api-references/get-call"""

    name = "retell_call_details"
    path_setting = "call_details_path"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    granularity = MILLISECOND
    schema = StreamSchema(SCHEMAS, key=name)
    times = EPOCH_MS_TIMES
    excluded_fields = Calls.excluded_fields
    calls = Calls
    status_column = STATUS
    unfinished = frozenset({"registered", "ongoing"})


def between(dialect: str, low: int, high: int) -> dict[str, Any]:
    """Filter a number (epoch ms for a time); whether `low` and `high` pass is not documented."""
    if dialect == ANUNZI:
        return {"operator": "bt", "low_threshold": low, "high_threshold": high}
    return {"type": "range", "op": "bt", "value": [low, high]}


def equals(dialect: str, value: str) -> dict[str, Any]:
    """Filter an enumeration by one value."""
    if dialect == ANUNZI:
        return {"operator": "eq", "value": value}
    return {"type": "enum", "op": "in", "value": [value]}


def _without_start(batch: Batch, passes: list[tuple[str, str]]) -> Batch:
    """The calls of a page without a start that belong to one of the passes."""
    rows = zip(batch["start_timestamp"], batch[STATUS], batch[REASON], strict=True)
    return batch.select(
        number
        for number, (start, status, reason) in enumerate(rows)
        if start is None
        and (status is None or (STATUS, status) in passes or (REASON, reason) in passes)
    )
