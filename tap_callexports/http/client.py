"""The HTTP client of all providers.

A request is repeated until its response is complete, valid and parsed, so that no partial response
becomes rows. `retry.py` decides what is repeated.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import ClassVar, TypeAlias, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_callexports import clock
from tap_callexports.concurrency import (
    NotItsTurn,
    interruptible_sleep,
    note_received,
    wait_for_turn,
)
from tap_callexports.errors import ProviderFailed, StreamFailed, TestFinished, TransientFailure
from tap_callexports.http.body import read_response
from tap_callexports.http.connection import Connections, is_loopback
from tap_callexports.http.connection_errors import CONNECT_SECONDS, connection_failure, host_of
from tap_callexports.http.credential_use import CredentialUse
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.retry import Attempts, HttpSettings, failure_of, refused_cursor
from tap_callexports.http.traffic import (
    CREDENTIAL,
    DECODING,
    RATE_LIMIT,
    RECEIVING,
    RESPONSE,
    RETRY,
    current_traffic,
)

T = TypeVar("T")
#: Adds a credential to a prepared request, as the SDK's authenticators do.
Auth: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]

#: In seconds since 1970; a later `Date` is invalid.
YEAR_2100 = 4_102_444_800

# Its warnings quote headers that it cannot parse.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class HttpClient:
    """Sends the requests of one provider.

    Args:
        settings: The settings of all its requests.
        rate_limiter: Limits all its requests.
        auth: Adds the credential to a prepared request.
        logger: Logs waits and warnings.
        renew: Called after a 401 with the refused request; returns whether `auth` has another
            credential. Not called once several new credentials in a row were refused.
        reads_ahead: Whether a large response waits for its worker's turn; not a login, which the
            oldest worker may need.
        compare_clocks: Called once, with the `Date` of the first response and this machine's time.
    """

    #: The transport adapter; tests replace it.
    transport: ClassVar[type[HTTPAdapter]] = Connections

    def __init__(
        self,
        settings: HttpSettings,
        rate_limiter: RateLimiter,
        auth: Auth,
        logger: logging.Logger,
        *,
        renew: Callable[[requests.PreparedRequest], bool] = lambda _: False,
        compare_clocks: Callable[[datetime, datetime], None] = lambda *_: None,
        reads_ahead: bool = True,
    ) -> None:
        self.rate_limiter = rate_limiter
        self._settings = settings
        self._auth = auth
        self._renew = renew
        self._compare_clocks = compare_clocks
        self._received = note_received if reads_ahead else None
        self._logger = logger
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, self.transport())
        # A cookie set by a response must not change the next request.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._first = threading.Lock()
        self._succeeded = False
        self._comparing = threading.Lock()
        #: Raised by every further request.
        self._provider_failure: ProviderFailed | None = None
        self._credentials = CredentialUse()
        self._clock_checked = False
        #: Requests that a connection test may still send for the current stream; None in a sync.
        self.test_budget: int | None = None
        #: Successful responses so far.
        self.responses = 0

    def send(self, request: Request, parse: Callable[[Response], T]) -> T:
        """Send a request, repeat it where needed, and parse the response.

        Args:
            request: The request; its `error_for` may raise other exceptions for statuses.
            parse: Parses a 2xx response; raises TransientFailure for an invalid body, and the
                request is sent again.

        Returns:
            The result of `parse`.

        Raises:
            WindowTooLarge: The response is too large, or too much for the server.
            CursorRefused: The server refuses its own cursor, and the request is not `splittable`.
            Unreadable: Every try failed, the last one with a server error or a body that cannot be
                decoded.
            StreamFailed: The status is final, or every try failed otherwise.
            ProviderFailed: The credential was refused, or the host cannot be reached; raised by
                every later request, too, without sending it.
            TestFinished: A connection test has sent its last request.
            Cancelled: The worker was cancelled.
        """
        while True:
            try:
                return self._send(request, parse)
            except NotItsTurn:
                # Here, where this thread holds no lock that the oldest worker may need.
                wait_for_turn()

    def _send(self, request: Request, parse: Callable[[Response], T]) -> T:
        if not self._succeeded:
            # One at a time until a request has succeeded, so that a wrong credential is sent once
            # and not by every worker.
            with self._first:
                if not self._succeeded:
                    return self._send_unless_failed(request, parse)
        return self._send_unless_failed(request, parse)

    def _send_unless_failed(self, request: Request, parse: Callable[[Response], T]) -> T:
        if self._provider_failure:
            raise self._provider_failure
        attempts = Attempts(request, self._settings)
        with current_traffic().waiting(attempts.pending):
            try:
                return self._with_retries(request, attempts, parse)
            except ProviderFailed as failure:
                self._provider_failure = failure
                raise

    def _with_retries(
        self, request: Request, attempts: Attempts, parse: Callable[[Response], T]
    ) -> T:
        while True:
            try:
                result = self._try_once(request, attempts, parse)
            except TransientFailure as failure:
                self._wait(request, attempts, failure)
            else:
                self._succeeded = True
                self.responses += 1
                return result

    def _try_once(self, request: Request, attempts: Attempts, parse: Callable[[Response], T]) -> T:
        """Send once and return the parsed 2xx response, or raise the failure."""
        # Before waiting for a slot: it may log in, which takes a slot of its own.
        attempts.now(CREDENTIAL)
        prepared = self._prepare(request)
        attempts.now(RATE_LIMIT)
        waiting_since = clock.monotonic()
        with self.rate_limiter.slot():
            attempts.exclude(clock.monotonic() - waiting_since)
            self._count(attempts)
            attempts.now(RESPONSE)
            # The credential may have been renewed during the wait.
            prepared.prepare_auth(self._auth)
            with self._credentials.of(prepared.headers.get("Authorization", "")) as use:
                response = self._transmit(request, prepared, attempts)
                use.status = response.status
        attempts.now(DECODING)
        if response.ok:
            try:
                return parse(response)
            except TransientFailure as failure:
                failure.unreadable = True
                raise
        if error := refused_cursor(response, request) or request.error_for(response, request):
            raise error
        if response.status == HTTPStatus.UNAUTHORIZED:
            if not self._credentials.refused and self._renew(prepared):
                raise attempts.renewed()
            attempts.unauthorised(succeeded=self._succeeded)
        raise failure_of(response, self._settings, request)

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        return self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=request.params,
                json=request.json,
                headers={
                    "User-Agent": self._settings.user_agent,
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                },
                auth=self._auth,
            )
        )

    def _transmit(
        self, request: Request, prepared: requests.PreparedRequest, attempts: Attempts
    ) -> Response:
        timeout = (CONNECT_SECONDS, self._settings.read_timeout)
        url, where = str(prepared.url), self._settings.where(request)
        environment = self._session.merge_environment_settings(
            url=url, proxies={}, stream=True, verify=None, cert=None
        )
        # A proxy must not see the credential of a local server.
        loopback = is_loopback(urlsplit(url).hostname or "")
        proxies = {} if loopback else environment["proxies"]
        # Not `Session.send`: it reads the whole body of a redirect, even if that is not followed.
        adapter = self._session.get_adapter(url=url)
        try:
            with adapter.send(
                prepared,
                stream=True,
                timeout=timeout,
                verify=environment["verify"] or True,
                cert=environment["cert"],
                proxies=proxies,
            ) as raw:
                attempts.now(RECEIVING, received=raw.raw.tell)
                response = read_response(raw, attempts.deadline, self._received)
        except requests.exceptions.ReadTimeout:
            raise TransientFailure(
                f"{host_of(url)}: no response in {self._settings.read_timeout} s", too_large=True
            ) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            proxy = requests.utils.select_proxy(url, proxies)
            raise connection_failure(error, where, url, proxy) from None
        except OSError:
            raise StreamFailed(
                f"{where}: the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read"
            ) from None
        self._check_clock(response)
        return response

    def _wait(self, request: Request, attempts: Attempts, failure: TransientFailure) -> None:
        """Sleep before the next try, or raise if there is none."""
        interruptible_sleep(0)  # a cancelled worker logs nothing more
        wait = attempts.wait_after(failure)
        where = self._settings.where(request)
        if self.test_budget is not None and self.test_budget <= 0:
            raise attempts.final_failure(failure) from None
        reason = f"{failure}; {attempts.try_number}"
        if wait:
            self._logger.info("%s: %s, next in %g s", where, reason, round(wait, 1))
        if failure.fewer_at_once:
            self.rate_limiter.allow_fewer()
        if failure.wait:
            # The wait that the server requests holds for all workers.
            self.rate_limiter.pause(wait)
        attempts.now(RETRY, until=clock.monotonic() + wait, reason=reason)
        interruptible_sleep(wait)

    def _count(self, attempts: Attempts) -> None:
        if self.test_budget is not None:
            if self.test_budget <= 0:
                raise TestFinished
            self.test_budget -= 1
        attempts.sent()
        current_traffic().sent(again=attempts.tries > 1)

    def _check_clock(self, response: Response) -> None:
        """Compare clocks on the first valid `Date`."""
        if self._clock_checked:
            return
        theirs = response.date
        if theirs is None or not 0 <= theirs < YEAR_2100:
            return
        with self._comparing:
            if not self._clock_checked:
                self._clock_checked = True
                self._compare_clocks(
                    *(
                        datetime.fromtimestamp(seconds, timezone.utc)
                        for seconds in (theirs, clock.time())
                    )
                )
