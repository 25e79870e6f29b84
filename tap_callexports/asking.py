"""A stream that can ask its provider: a page as a request, an answer as a page.

Knows no window, no schema and no record.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.compat import override
from tap_callexports.errors import StreamFailed
from tap_callexports.http.paginator import PaginationError
from tap_callexports.http.retry import MAX_TRIES, Question
from tap_callexports.singer.sdk import BookmarkedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.account import Account
    from tap_callexports.export_tap import ExportTap
    from tap_callexports.http.paginator import Paginator
    from tap_callexports.http.response import Response
    from tap_callexports.progress.lines import Progress
    from tap_callexports.records.codec import Codec

T = TypeVar("T")
TToken = TypeVar("TToken")
TPage = TypeVar("TPage")


class AskingStream(BookmarkedStream[TToken], Generic[TToken]):
    """What an endpoint is on the side of HTTP.

    Type parameter: the token, which tells one page from the next.
    """

    #: Path of the endpoint below the provider's address, or the setting that holds it.
    path: str
    path_setting: ClassVar[str | None] = None
    #: False where the provider has no time range: one read of everything, each run.
    windowed: ClassVar[bool] = True
    #: Whether a request that is too much for the server gets smaller with the window.
    splittable: ClassVar[bool] = True

    def __init__(self, tap: ExportTap, account: Account) -> None:
        self.account = account
        #: The stream that messages name: another one's, where this one only reads for it.
        self.log_name = self.name
        self._run = tap
        #: What was repaired, by response; those that needed no repair are not in it.
        self._repairs: list[Counter[str]] = []
        super().__init__(tap)

    # What an endpoint or its provider says.

    @abstractmethod
    @override
    def get_http_request(self, *, page: PageContext[TToken]) -> HTTPRequest:
        """The request of one page, without credential.

        Args:
            page: What to ask for: its token (`token_of`), and the partition.
        """

    def error_for(self, reply: Response, page: PageContext[TToken]) -> Exception | None:
        """A provider's own reading of a status that is not 2xx.

        Args:
            reply: The answer.
            page: What was asked for.

        Returns:
            What is raised in place of the common reading (`http/retry.py`): StreamFailed
            (`fail`) with what the user should do, TransientFailure to ask again, or a signal that
            `read_window` catches. None for the common reading.
        """
        return None

    @property
    @abstractmethod
    def codec(self) -> Codec:
        """Decodes responses, and turns their rows into records."""

    # Helpers for those that read.

    @property
    def endpoint(self) -> str:
        """Path below the provider's address."""
        settings = self.account.settings
        return str(settings[self.path_setting]) if self.path_setting else self.path

    @staticmethod
    def token_of(page: PageContext[TToken]) -> TToken:
        """The token of a page `get_http_request` is asked for; `ask` always gives one."""
        assert page.next_page_token is not None  # noqa: S101 - for the type checker
        return page.next_page_token

    def ask(
        self,
        token: TToken,
        decode: Callable[[Response], T],
        context: Context | None = None,
        *,
        tries: int = MAX_TRIES,
        spooled: bool = False,
    ) -> T:
        """Send the request of one page until it is answered and decoded.

        An answer that is not 2xx raises what `error_for` makes of it, else what follows here.

        Args:
            token: What tells this page from others, for `get_http_request`.
            decode: Makes of a 2xx answer what is wanted; raises TransientFailure for one that is
                not whole or not what the API answers, and it is asked again.
            context: The partition.
            tries: How often it is sent at most.
            spooled: Whether a large response comes as a SpooledResponse.

        Returns:
            What `decode` made of the answer.

        Raises:
            WindowTooLarge: The answer is too much for the server, or for memory.
            StreamFailed: No answer came, or a final one.
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """
        page = PageContext(stream_context=context, next_page_token=token)
        question = Question(
            self.get_http_request(page=page),
            self.log_name,
            error_for=lambda reply: self.error_for(reply, page),
            tries=tries,
            splittable=self.windowed and self.splittable,
            spooled=spooled,
        )

        def decode_and_count(reply: Response) -> T:
            reply = replace(reply, decoder=self.codec)
            decoded = decode(reply)
            # A large response may be decoded again for its rows.
            if reply.repairs:
                self._repairs.append(Counter(reply.repairs))
            return decoded

        return self.account.client.ask(question, decode_and_count)

    def take_repairs(self) -> Counter[str]:
        """What was repaired since this was last called, as `repaired` counts."""
        repairs, self._repairs = self._repairs, []
        return sum(repairs, Counter())

    def pages(
        self,
        paginator: Paginator[TToken, TPage],
        decode: Callable[[Response], TPage],
        context: Context | None = None,
    ) -> Iterator[TPage]:
        """Every page of a dialogue.

        Args:
            paginator: Says what to ask for; a new one for each dialogue.
            decode: Makes a page of an answer, as in `ask`.
            context: The partition.

        Raises:
            StreamFailed: As `ask`, and where the paginator finds a contradiction.
            WindowTooLarge: As `ask`.
            ProviderFailed: As `ask`.
        """
        while not paginator.finished:
            page = self.ask(paginator.current_value, decode, context)
            try:
                paginator.advance(page)
            except PaginationError as error:
                raise self.fail(str(error)) from None
            yield page

    def fail(self, sentence: str) -> StreamFailed:
        """The failure of this stream, with provider and stream in front.

        Args:
            sentence: What happened and what to do; nothing of a row, and no secret.
        """
        return StreamFailed(f"{self.where}: {sentence}")

    @property
    def where(self) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.account.title} ({self.log_name})"

    @property
    def connection_test(self) -> bool:
        """Whether this is a connection test."""
        return self._run.connection_test

    @property
    def progress(self) -> Progress:
        """Where a run says how it gets on."""
        return self._run.progress
