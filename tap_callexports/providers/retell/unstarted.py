"""Calls without a start, from the call list in several passes without a time filter.

A time filter does not find these calls, and there is no filter for a missing start. So each pass
requests one value of `call_status` or of `disconnection_reason` that such calls have; calls with a
start are dropped.
https://docs.retellai.com/api-references/list-calls
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

from singer_sdk import StreamSchema

from tap_callexports.compat import override
from tap_callexports.errors import Signal
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.retell import filters
from tap_callexports.providers.retell.streams import SCHEMAS, RetellStream
from tap_callexports.records.batch import Batch
from tap_callexports.windows import Window

#: A field and its value.
Condition: TypeAlias = tuple[str, str]

STATUS, REASON = "call_status", "disconnection_reason"
#: Values of `call_status` of calls without a start; `registered` cannot be filtered for, and
#: `ended` would read every call.
STATUSES = ("not_connected", "error")
#: Values of `disconnection_reason` of calls that never started: those in Retell's OpenAPI that
#: https://docs.retellai.com/reliability/debug-call-disconnect describes as refused, failed or not
#: answered before the call, and limits that prevent one.
REASONS = (
    "dial_busy",
    "dial_failed",
    "dial_no_answer",
    "invalid_destination",
    "telephony_provider_permission_denied",
    "telephony_provider_unavailable",
    "sip_routing_error",
    "marked_as_spam",
    "network_blocked",
    "user_declined",
    "concurrency_limit_reached",
    "no_concurrency_fallback",
    "no_valid_payment",
    "credit_exhausted",
    "budget_reached",
    "scam_detected",
    "error_user_not_joined",
    "registered_call_timeout",
)
PASSES: tuple[Condition, ...] = (
    *((STATUS, status) for status in STATUSES),
    *((REASON, reason) for reason in REASONS),
)
_VALUE_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class ReasonRefused(Signal):
    """The server refused a value of `disconnection_reason`; the next one is requested."""


class UnstartedCalls(RetellStream):
    """Calls that never started, https://docs.retellai.com/api-references/list-calls"""

    name = "retell_unstarted_calls"
    replication_key = None
    schema = StreamSchema(SCHEMAS, key="retell_unstarted_calls")
    windowed = False
    tracked_columns = (STATUS, REASON, "start_timestamp")

    #: Whether a pass has succeeded, so that a refusal is about the value.
    _filters_work = False
    #: Column of the current pass.
    _column = ""

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        first_page = "pagination_key" not in request.json
        refused = response.status in _VALUE_REFUSED
        if first_page and refused and self._column == REASON and self._filters_work:
            return ReasonRefused()
        return super().error_for(response, request)

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        passes = self._passes()
        refused = []
        for column, value in passes:
            self._column, ignored = column, False
            try:
                for batch in super().read_window(replace(window, only={column: value})):
                    self._filters_work = True
                    ignored = ignored or not {None, value}.issuperset(batch[column])
                    if ignored and column == REASON:
                        # Reading on would read every call.
                        break
                    yield _without_start(batch, passes)
            except ReasonRefused:
                refused.append(value)
            if ignored:
                # A pass by status has then read every call.
                self._warn_ignored(column)
                break
        if refused:
            self.logger.warning(
                "%s: the server refused %d of %d values of disconnection_reason (%s); calls "
                "without a start that only these would find are not exported",
                self.where,
                len(refused),
                len(REASONS),
                ", ".join(refused),
            )

    def _passes(self) -> list[Condition]:
        """The passes that the user's conditions on the same fields allow.

        Raises:
            StreamFailed: Such a condition cannot be combined with a pass.
        """
        criteria = self.provider.settings.get("filter_criteria", {})
        passes = []
        for name, value in PASSES:
            admitted = filters.admits(criteria[name], value) if name in criteria else True
            if admitted is None:
                raise self.fail(
                    f"{self.provider.name}.filter_criteria.{name} cannot be combined with the "
                    "values this stream requests; write it as one value or a list of values, or "
                    f'deselect the stream: select "!{self.name}.*"'
                )
            if admitted:
                passes.append((name, value))
        return passes

    def _warn_ignored(self, column: str) -> None:
        if column == STATUS:
            self.logger.warning(
                "%s: the server did not apply the filter on call_status; every call is read, and "
                "those with a start are dropped%s",
                self.where,
                self.dialect_advice,
            )
        else:
            self.logger.warning(
                "%s: the server did not apply the filter on disconnection_reason; calls without a "
                "start are only exported where their call_status is not_connected or error",
                self.where,
            )


def _without_start(batch: Batch, passes: list[Condition]) -> Batch:
    """The calls of a page without a start that belong to one of the passes."""
    rows = zip(batch["start_timestamp"], batch[STATUS], batch[REASON], strict=True)
    return batch.select(
        [
            number
            for number, (start, status, reason) in enumerate(rows)
            if start is None
            and (status is None or (STATUS, status) in passes or (REASON, reason) in passes)
        ]
    )
