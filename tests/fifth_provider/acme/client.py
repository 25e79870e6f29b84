"""How Acme is asked: `GET` with a range, start inclusive and end exclusive, cursor by cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.streams.rest import HTTPRequest, PageContext
from tap_callexports.providers.acme.paginator import PageToken, call_page

from tap_callexports.compat import override
from tap_callexports.http.paginators import CursorPaginator
from tap_callexports.records.timestamps import ISO_TIMES, format_instant
from tap_callexports.stream import CallStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.records.batch import Batch
    from tap_callexports.windows import Window


class AcmeStream(CallStream[PageToken]):
    """Base of Acme's lists."""

    times = ISO_TIMES

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        paginator = CursorPaginator(PageToken(window), "cursor", key="id")
        for page in self.pages(paginator, call_page, context):
            yield self.batch(page.items)

    @override
    def get_http_request(self, *, page: PageContext[PageToken]) -> HTTPRequest:
        token = self.token_of(page)
        params: dict[str, Any] = {
            "from": format_instant(token.window.start),
            "to": format_instant(token.window.end),
            "cursor": token.cursor,
        }
        return HTTPRequest(url=self.provider.url(self.path), params=params)
