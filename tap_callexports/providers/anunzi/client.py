"""How Anunzi and Retell AI are asked: `POST /v3/list-calls`, oldest first, cursor by cursor, and
`GET /v2/get-call/{call_id}`.

https://doc.anunzi.net/api-calls/listar-llamadas, https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import FilterIgnored, Signal
from tap_callexports.http.cursor import CursorPaginator
from tap_callexports.providers.anunzi import filters
from tap_callexports.providers.anunzi.paginator import (
    ListToken,
    call_page,
    one_call,
)
from tap_callexports.records.timestamps import (
    EPOCH_MS_TIMES,
    MICROSECOND,
    epoch_ms,
    format_instant,
    parse_instant,
)
from tap_callexports.stream import ExportStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.http.response import Response
    from tap_callexports.records.batch import Batch, Record
    from tap_callexports.windows import Window

#: Times a window is opened again without a new call before the export gives up.
REOPENINGS = 3
#: Fields that are not exported: the key to a web call's room.
SECRETS = frozenset({"access_token"})
_CURSOR_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class CursorRefused(Signal):
    """The server no longer takes a cursor it gave; the window is opened again."""


class Order:
    """Whether pages come oldest first, as asked: proven by two times, disproven by one."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._rising = self._falling = False

    @property
    def proven(self) -> bool:
        """Whether every call before the newest so far has come."""
        return self._rising and not self._falling

    def learn(self, times: list[str]) -> None:
        """Look at the next page.

        Args:
            times: Instant texts of its calls, in its order.
        """
        known = [*self._last, *times]
        self._falling = self._falling or known != sorted(known)
        self._rising = self._rising or (bool(known) and known[0] < known[-1])
        self._last = times[-1:] or self._last

    def restart(self) -> None:
        """The next page may begin before the last one ended."""
        self._last = []


class AnunziStream(ExportStream[ListToken]):
    """Base of the streams that come from the call list."""

    http_method = "POST"
    path = "/v3/list-calls"
    excluded_fields = SECRETS
    times = EPOCH_MS_TIMES

    def criteria(self, token: ListToken) -> dict[str, Any]:
        """`filter_criteria` of a request: the user's, the time range, and the token's condition.

        A condition of the user's on the same field as the token's is one that admits its value.
        """
        settings = self.account.settings
        criteria = dict(settings.get("filter_criteria", {}))
        if settings["agent_ids"]:
            criteria["agent"] = [{"agent_id": agent} for agent in settings["agent_ids"]]
        if token.low is not None and token.high is not None:
            criteria["start_timestamp"] = filters.between(self.dialect, token.low, token.high)
        if token.condition is not None:
            name, value = token.condition
            criteria[name] = filters.equals(self.dialect, value)
        return criteria

    @property
    def dialect(self) -> str:
        """How filters are written, see filters.py."""
        return str(self.account.settings["filter_dialect"])

    @override
    def get_http_request(self, *, page: PageContext[ListToken]) -> HTTPRequest:
        token = self.token_of(page)
        body: dict[str, Any] = {
            "filter_criteria": self.criteria(token),
            "sort_order": "ascending",
            "limit": self.account.settings["page_size"],
        }
        if token.cursor is not None:
            body["pagination_key"] = token.cursor
        return HTTPRequest(url=self.account.url(self.path), method=self.http_method, data=body)

    @override
    def error_for(self, reply: Response, page: PageContext[ListToken]) -> Exception | None:
        if self.token_of(page).cursor is not None and reply.status in _CURSOR_REFUSED:
            return CursorRefused()
        if reply.status == HTTPStatus.BAD_REQUEST:
            return self.fail(
                f"400, the filter was refused{reply.error_message}; try anunzi.filter_dialect: "
                f"{filters.other(self.dialect)}, and check anunzi.filter_criteria"
            )
        return None

    def follow(self, token: ListToken, context: Context | None) -> Iterator[Batch]:
        """All pages from a first one, opened again where the server drops its own cursor.

        Args:
            token: Of the first page.
            context: The partition; these streams have none.

        Yields:
            A batch for each page; after a dropped cursor calls come again.

        Raises:
            StreamFailed: The server drops one cursor after another, or as `pages`.
            WindowTooLarge: As `pages`.
            ProviderFailed: As `pages`.
        """
        column, idle = self.declared_replication_key, 0
        newest, order = "", Order()
        while True:
            progress = False
            try:
                paginator = CursorPaginator(token, "pagination_key", key="call_id")
                for page in self.pages(paginator, call_page, context):
                    batch = self.batch(page.items)
                    page.items.clear()  # nothing more is looked for there, and others wait
                    times = list(filter(None, batch[column])) if column else []
                    order.learn(times)
                    progress = progress or bool(times and max(times) > newest)
                    newest = max([newest, *times])
                    yield batch
            except CursorRefused:
                idle = 0 if progress else idle + 1
                if idle >= REOPENINGS:
                    raise self.fail(
                        f"the server refused its own pagination_key {idle} times in a row"
                    ) from None
                order.restart()
                if order.proven and token.low is not None:
                    # From where the last page that came ended, inclusive.
                    low = max(token.low, epoch_ms(parse_instant(newest)) - 1)
                    token = ListToken(low, token.high)
            else:
                return


class WindowedCalls(AnunziStream):
    """Base of the call list by start time."""

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        token = _token(window)
        for batch in self.follow(token, context):
            if self.violates_filter(batch, window):
                raise FilterIgnored(
                    f"{self.where}: the server did not apply the time filter; try "
                    f"anunzi.filter_dialect: {filters.other(self.dialect)}"
                )
            yield batch

    @override
    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        order, end = Order(), format_instant(window.end)
        for batch in self.follow(_token(window), context):
            starts = list(filter(None, batch["start_timestamp"]))
            order.learn(starts)
            yield batch
            if order.proven and starts and starts[0] >= end:
                return


class OneCallStream(DetailStream[str]):
    """Base of the streams that ask for one call, by its id."""

    excluded_fields = SECRETS
    times = EPOCH_MS_TIMES

    @override
    def details(self, call: Record) -> Batch:
        call_id = call["call_id"]
        return self.batch([self.ask(call_id, lambda reply: one_call(reply, call_id))])

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        path = self.endpoint.replace("{call_id}", quote(self.token_of(page), safe=""))
        return HTTPRequest(url=self.account.url(path))


def _token(window: Window) -> ListToken:
    """One millisecond wider than the window: whether `bt` includes its ends is not documented."""
    return ListToken(epoch_ms(window.start) - 1, epoch_ms(window.end - MICROSECOND) + 1)
