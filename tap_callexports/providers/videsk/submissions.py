"""How Videsk is asked for forms and surveys: one definition at a time, with rows of any columns.

https://docs.videsk.io/es-developers/api-privada/exportacion/formularios and .../encuestas
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from tap_callexports.compat import override
from tap_callexports.providers.videsk.answers import Header, keys_for
from tap_callexports.providers.videsk.client import VideskStream
from tap_callexports.records.values import plain
from tap_callexports.redaction import sanitize

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from singer_sdk.streams.rest import PageContext

    from tap_callexports.http.response import Response
    from tap_callexports.providers.videsk.client import RangeToken
    from tap_callexports.records.rows import Row

_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class SubmissionStream(VideskStream):
    """Base of the exports that are asked for one definition, which is a partition, at a time."""

    #: The columns that are no questions: ids, or labels of columns without one.
    fixed: ClassVar[tuple[str, ...]]

    #: Labels that were said to repeat.
    _told: frozenset[str] = frozenset()

    @property
    @override
    def keys(self) -> dict[str, str]:
        return keys_for(self.fixed)

    @override
    def arranged(self, rows: Collection[Row], labels: Sequence[str]) -> Collection[Row]:
        known = set(labels)
        unnamed = dict.fromkeys(label for row in rows for label in row if label not in known)
        header = Header([*labels, *unnamed], self.fixed)
        if rows and header.hidden:
            raise self.fail(
                f"the answer has the columns {', '.join(header.hidden)} twice, under a label that "
                "a question has too; give the question another label"
            )
        if new := set(header.repeated) - self._told:
            self._told |= new
            self.logger.warning(
                "%s: %s: questions of one %s have the same label, and the provider gives the "
                "value of one of them only",
                self.where,
                ", ".join(sanitize(label, 80) for label in sorted(new)),
                self.definition,
            )
        if not self.passthrough:
            # Answers lie within a list, where nobody decodes what a map or flattening then meets.
            rows = [{label: plain(value) for label, value in row.items()} for row in rows]
        return [header.arranged(row) for row in rows]

    @override
    def error_for(self, reply: Response, page: PageContext[RangeToken]) -> Exception | None:
        if reply.status in _REFUSED and page.stream_context:
            definition = sanitize(str(page.stream_context[self.partition_column]), 80)
            return self.fail(
                f"{reply.status}, the {self.definition} {definition} was refused"
                f"{reply.error_message}; check videsk.{self.partition_setting}, and "
                "videsk.timezone if it names that"
            )
        return super().error_for(reply, page)
