"""HTTP manners, for every provider alike: what is tried again, how long, and what the user is told.

The only place that sends requests. A request is repeated until its answer is complete, of the
expected form and decoded, so nothing half-read ever becomes rows.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import urlsplit

import requests

from tap_callexports.core.errors import (
    Forbidden,
    ProbeFinished,
    RunFailed,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.core.reply import Reply, read_reply, shown

if TYPE_CHECKING:
    import logging

    from singer_sdk.streams.rest import HTTPRequest

    from tap_callexports.core.throttle import Throttle

T = TypeVar("T")
#: Puts a credential into a request about to be sent; the SDK's authenticators are of this kind.
Auth: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]

MAX_TRIES = 8
MAX_SECONDS = 15 * 60
CONNECT_SECONDS = 10
#: Answers that were too much for the server are tried this often before the window is split.
HEAVY_TRIES = 2
#: Whole answers that are not what the API answers (HTML, broken JSON) seldom mend.
UNREADABLE_TRIES = 4
CLOCK_SKEW_SECONDS = 60
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0

_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_TOO_HEAVY = frozenset({413, 414, 504, 524})

#: What a status means to the user, where it is not the server's own text that tells.
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "the request was refused",
    HTTPStatus.PAYMENT_REQUIRED: "the account's balance or plan does not allow it",
    HTTPStatus.NOT_FOUND: "there is nothing at this address; check api_url",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take the request; check api_url",
}


@dataclass(frozen=True, slots=True)
class Manners:
    """The settings all requests of one provider share.

    Args:
        provider: Its name, the first word of every message.
        credential: The setting to name when a credential is refused.
        read_timeout: Seconds without a byte before a request is given up.
        max_retry_wait: Longest wait, in seconds, a server may ask for.
        user_agent: Sent with every request.
        unauthorised_waits: Seconds before each repetition of a request answered 401, first where
            nothing has succeeded in this run, then where something has. Empty: a 401 is final.
    """

    provider: str
    credential: str
    read_timeout: int
    max_retry_wait: int
    user_agent: str
    unauthorised_waits: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


@dataclass(slots=True)
class Question:
    """One request and how its answer is read.

    Args:
        request: What to send.
        stream: Stream that asks, for messages.
        refused: Provider's own reading of a status that is not 2xx; None leaves it to the rules.
        tries: How often it is sent at most.
    """

    request: HTTPRequest
    stream: str
    refused: Callable[[Reply], Exception | None] = field(default=lambda _: None)
    tries: int = MAX_TRIES

    def where(self, manners: Manners) -> str:
        """Provider and stream, the first words of a message."""
        return f"{manners.provider} ({self.stream})"


class HttpClient:
    """Sends the requests of one provider.

    Args:
        manners: Shared settings.
        throttle: Gate in front of every request.
        auth: Puts the credential into a prepared request; `renew` is asked once after a 401 and
            says whether there is a new one to try.
        logger: For waits and warnings.
    """

    def __init__(
        self,
        manners: Manners,
        throttle: Throttle,
        auth: Auth,
        logger: logging.Logger,
        *,
        renew: Callable[[requests.PreparedRequest], bool] = lambda _: False,
    ) -> None:
        self.throttle = throttle
        self._manners = manners
        self._auth = auth
        self._renew = renew
        self._logger = logger
        self._session = requests.Session()
        # A cookie set by one answer must not change the next request.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._succeeded = False
        self._clock_checked = False
        self._counts = threading.local()
        #: Requests a connection test may still send for the stream at hand; None outside of one.
        self.probe_budget: int | None = None
        self.retries = 0

    @property
    def requests_of_thread(self) -> int:
        """Requests this thread has sent; a window is read by one thread from end to end."""
        return getattr(self._counts, "sent", 0)

    def ask(self, question: Question, decode: Callable[[Reply], T]) -> T:
        """Send a request until it is answered, and decode the answer.

        Args:
            question: What to ask.
            decode: Turns the reply into what is wanted; raises TransientFailure for a body that
                is not what the API answers.

        Raises:
            WindowTooLarge: The server could not answer this much.
            StreamFailed: The answer is final, or every try failed.
            RunFailed: The credential is refused.
        """
        attempt = _Attempts(self._manners)
        while True:
            try:
                reply = self._send(question, attempt)
                try:
                    result = decode(reply)
                except TransientFailure:
                    attempt.unreadable += 1
                    raise
            except TransientFailure as failure:
                self._wait_or_fail(question, attempt, failure)
            else:
                self._succeeded = True
                return result

    def _send(self, question: Question, attempt: _Attempts) -> Reply:
        """One try: the reply if it is a 2xx, else what its failure means."""
        with self.throttle.slot():
            self._count(attempt)
            prepared = self._prepare(question.request)
            reply = self._exchange(prepared)
        if reply.ok:
            return reply
        if refused := question.refused(reply):
            raise refused
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self._unauthorised(prepared, attempt)
        raise self._failure(question, reply)

    def _prepare(self, request: HTTPRequest) -> requests.PreparedRequest:
        return self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=request.encode_params(),
                json=request.data,
                headers={
                    "User-Agent": self._manners.user_agent,
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    **request.headers,
                },
                auth=self._auth,
            )
        )

    def _exchange(self, prepared: requests.PreparedRequest) -> Reply:
        timeout = (CONNECT_SECONDS, self._manners.read_timeout)
        deadline = time.monotonic() + MAX_SECONDS
        settings = self._session.merge_environment_settings(prepared.url, {}, True, None, None)  # noqa: FBT003
        try:
            response = self._session.send(
                prepared, timeout=timeout, allow_redirects=False, **settings
            )
            with response:
                reply = read_reply(response, deadline)
        except requests.exceptions.SSLError:
            raise StreamFailed(
                f"{urlsplit(prepared.url).hostname}: the TLS connection is not trusted"
            ) from None
        except requests.exceptions.ReadTimeout:
            raise TransientFailure(
                f"no answer in {self._manners.read_timeout} s", heavy=True
            ) from None
        except requests.exceptions.Timeout:
            raise TransientFailure("no connection in time") from None
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise TransientFailure("the connection failed") from None
        self._check_clock(reply)
        return reply

    def _unauthorised(self, prepared: requests.PreparedRequest, attempt: _Attempts) -> None:
        """Raise for a repetition where one may help: a renewed token, an outage in disguise."""
        if not attempt.renewed and self._renew(prepared):
            attempt.renewed = True
            raise TransientFailure("401, token renewed", wait=0)
        waits = self._manners.unauthorised_waits[self._succeeded]
        if attempt.unauthorised < len(waits):
            attempt.unauthorised += 1
            raise TransientFailure("401", wait=waits[attempt.unauthorised - 1])

    def _failure(self, question: Question, reply: Reply) -> Exception:
        status, manners = reply.status, self._manners
        said = f" ({reply.server_message})" if reply.server_message else ""
        where = question.where(manners)
        if status in _AGAIN or status in _TOO_HEAVY:
            heavy = status in _TOO_HEAVY
            return TransientFailure(str(status), wait=reply.retry_after, heavy=heavy)
        if status == HTTPStatus.UNAUTHORIZED:
            outage = ", or the server cannot check it just now" if any(
                manners.unauthorised_waits
            ) else ""
            return RunFailed(
                f"{where}: {status}, {manners.credential} was refused{outage}; check it{said}"
            )
        if status == HTTPStatus.FORBIDDEN:
            return Forbidden(
                f"{where}: {status}, the credential may not read this stream; give it the "
                f'permission, or leave the stream out: select "!{question.stream}.*"{said}'
            )
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            host = urlsplit(reply.headers.get("Location", "")).hostname or "another address"
            return StreamFailed(
                f"{where}: {status}, redirected to {shown(host, 80)}; redirects are never "
                "followed, check api_url"
            )
        sentence = _SENTENCES.get(HTTPStatus(status) if status in _KNOWN else status, "refused")
        return StreamFailed(f"{where}: {status}, {sentence}{said}")

    def _wait_or_fail(
        self, question: Question, attempt: _Attempts, failure: TransientFailure
    ) -> None:
        """Sleep before the next try; raise when there should be none."""
        where = question.where(self._manners)
        attempt.heavy += failure.heavy
        if attempt.heavy >= HEAVY_TRIES:
            raise WindowTooLarge(f"{where}: {failure}, {attempt.heavy} times") from None
        wait = attempt.wait_after(failure)
        if failure.wait is not None and failure.wait > self._manners.max_retry_wait:
            raise StreamFailed(
                f"{where}: the server asks to wait {failure.wait:.0f} s, more than max_retry_wait "
                f"({self._manners.max_retry_wait} s)"
            ) from None
        if (
            attempt.tries >= question.tries
            or attempt.unreadable >= UNREADABLE_TRIES
            or attempt.seconds + wait > MAX_SECONDS
        ):
            raise StreamFailed(
                f"{where}: {failure}; gave up after {attempt.tries} tries in "
                f"{attempt.seconds:.0f} s"
            ) from None
        if self.probe_budget is not None and self.probe_budget <= 0:
            raise StreamFailed(f"{where}: {failure}") from None
        self.retries += 1
        if wait:
            self._logger.info("%s: %s, next try in %.1f s", where, failure, wait)
        if failure.wait:
            self.throttle.pause(wait)
        self.throttle.sleep(wait)

    def _count(self, attempt: _Attempts) -> None:
        if self.probe_budget is not None:
            if self.probe_budget <= 0:
                raise ProbeFinished
            self.probe_budget -= 1
        attempt.tries += 1
        self._counts.sent = self.requests_of_thread + 1

    def _check_clock(self, reply: Reply) -> None:
        """Warn once when the local clock, which ends every export, differs from the server's."""
        if self._clock_checked or "Date" not in reply.headers:
            return
        self._clock_checked = True
        try:
            theirs = parsedate_to_datetime(reply.headers["Date"])
        except ValueError:
            return
        skew = time.time() - theirs.replace(tzinfo=theirs.tzinfo or timezone.utc).timestamp()
        if abs(skew) > CLOCK_SKEW_SECONDS:
            self._logger.warning(
                "%s: this machine's clock is %.0f s %s the server's; calls at the end of the "
                "export may be missed until the next run",
                self._manners.provider,
                abs(skew),
                "ahead of" if skew > 0 else "behind",
            )


_KNOWN = frozenset(int(status) for status in HTTPStatus)


class _Attempts:
    """How one question has fared so far."""

    def __init__(self, manners: Manners) -> None:
        self._started = time.monotonic()
        self._limit = manners.max_retry_wait
        self.tries = 0
        self.heavy = 0
        self.unreadable = 0
        self.renewed = False
        self.unauthorised = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def wait_after(self, failure: TransientFailure) -> float:
        """What the server asks for, else exponential with full jitter."""
        if failure.wait is not None:
            return failure.wait
        ceiling = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** max(0, self.tries - 1), self._limit)
        return random.uniform(ceiling / 4, ceiling)  # noqa: S311 - not a secret

