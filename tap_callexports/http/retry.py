"""Decides what a status means, and when a request is sent again; sends nothing itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from tap_callexports import clock
from tap_callexports.errors import (
    CursorRefused,
    Forbidden,
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    Unreachable,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.traffic import Pending, Wait, current_traffic
from tap_callexports.redaction import sanitize

#: A request fails after this many seconds, not counting waits for the rate limit.
MAX_SECONDS = 15 * 60
#: Tries of a request that is too large for the server before the window is split.
TOO_LARGE_TRIES = 2
#: Tries for the parts of a window that was unreadable after MAX_TRIES.
PART_TRIES = 2
#: Renewals of the credential for one request without a wait in between.
QUICK_RENEWALS = 3
#: Seconds before the second try, doubled with each try, and their maximum.
FIRST_WAIT, MAX_WAIT = 1.0, 60.0

# What a status that is not 2xx leads to, unless the stream's `error_for` decides otherwise:
#   408, 425, 429        retries, MAX_TRIES or MAX_SECONDS; then the stream fails
#   5xx, and a body that cannot be decoded
#                        the same, then the window is split, with PART_TRIES for each part; not
#                        after a 503 with Retry-After, which is an outage of all windows
#   413, 414, 504, 524   TOO_LARGE_TRIES, then the window is split; as above if it cannot be split
#   400, 404, 422 to a request with a cursor of the server
#                        TOO_LARGE_TRIES, then the window is split; a list that cannot be split is
#                        read again, from its first page
#   401                  the credential is renewed while new ones work, or retries; then the
#                        provider fails
#   403                  the stream fails, or is skipped (skip_forbidden_streams)
#   3xx and the rest     the stream fails
_RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_TOO_LARGE = frozenset({413, 414, 504, 524})
_CURSOR_REFUSED = frozenset({400, 404, 422})

#: Messages for final statuses.
_STATUS_MESSAGES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "the request was refused",
    HTTPStatus.PAYMENT_REQUIRED: "the account's balance or plan does not allow it",
    HTTPStatus.NOT_FOUND: "there is nothing at this address; check api_url",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "the proxy asks for user and password; put them into "
    "HTTP_PROXY",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take the request; check api_url",
}


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The settings of all requests to one provider.

    Args:
        provider: Its title, the first word of every message.
        credential: The settings to name if the credential is refused.
        read_timeout: Seconds without a byte before a try fails.
        max_retry_wait: Longest wait, in seconds, a server may ask for.
        user_agent: Sent with every request.
        unauthorised_waits: Seconds before each retry after a 401, first if no request of this run
            has succeeded, then if one has. Empty: a 401 is final.
    """

    provider: str
    credential: str
    read_timeout: int
    max_retry_wait: int
    user_agent: str
    unauthorised_waits: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    def where(self, request: Request) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.provider} ({request.sender})"


def refused_cursor(response: Response, request: Request) -> CursorRefused | None:
    """The failure if the server refuses its own cursor, which may have expired."""
    if request.cursor is None or response.status not in _CURSOR_REFUSED:
        return None
    text = f"{response.status}, the server refused its own {request.cursor}"
    return CursorRefused(f"{text}{response.error_message}", too_large=True)


def failure_of(response: Response, settings: HttpSettings, request: Request) -> Exception:
    """The exception for a response that is not 2xx: a TransientFailure or a StreamFailed."""
    status = response.status
    server_text = response.error_message
    where = settings.where(request)
    if status in _RETRIED or status in _TOO_LARGE:
        announced = status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in response.headers
        return TransientFailure(
            f"{status}{server_text}",
            wait=response.retry_after or None,
            too_large=status in _TOO_LARGE,
            unreadable=status >= HTTPStatus.INTERNAL_SERVER_ERROR and not announced,
        )
    if status == HTTPStatus.UNAUTHORIZED:
        may_heal = any(settings.unauthorised_waits)
        outage = ", or the server cannot check it just now" if may_heal else ""
        return ProviderFailed(
            f"{settings.provider}: {status}, {settings.credential} was refused{outage}; check "
            f"it{server_text}"
        )
    if status == HTTPStatus.FORBIDDEN:
        return Forbidden(
            f"{where}: {status}, the credential may not read this stream; give it the "
            f'permission, or deselect the stream: select "!{request.sender}.*"{server_text}'
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        host = _host_of(response.headers.get("Location", "")) or "another address"
        return StreamFailed(
            f"{where}: {status}, redirected to {sanitize(host, 80)}; redirects are never "
            "followed, check api_url"
        )
    return StreamFailed(
        f"{where}: {status}, {_STATUS_MESSAGES.get(status, 'refused')}{server_text}"
    )


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


class Attempts:
    """The tries of one request, and whether there is another one."""

    def __init__(self, request: Request, settings: HttpSettings) -> None:
        self._request = request
        self._settings = settings
        self._started = clock.monotonic()
        #: When a response that is still being received fails.
        self.deadline = self._started + MAX_SECONDS
        self._tries = self._too_large = self._unreadable = self._unconnected = 0
        self._unauthorised = self._renewals = 0
        #: The current wait, for other threads.
        self.pending = Pending()

    @property
    def tries(self) -> int:
        """How often the request was sent."""
        return self._tries

    @property
    def _counted(self) -> int:
        """The tries that count: not those that only led to a new credential."""
        return self._tries - self._renewals

    @property
    def _few_tries(self) -> bool:
        """Whether the request is for a part of an unreadable window."""
        return self._request.splittable and current_traffic().few_tries

    @property
    def try_number(self) -> str:
        """The number of the last try, of how many."""
        tries = self._request.max_tries
        if self._request.splittable and self._too_large:
            tries = min(tries, self._tries + TOO_LARGE_TRIES - self._too_large)
        if self._few_tries and self._unreadable:
            tries = min(tries, self._tries + PART_TRIES - self._unreadable)
        return f"try {self._tries} of {tries}"

    def sent(self) -> None:
        """Count a try."""
        self._tries += 1

    def exclude(self, seconds: float) -> None:
        """Exclude seconds of waiting for the rate limit from the time limit."""
        self._started += seconds
        self.deadline += seconds

    def now(
        self,
        doing: str,
        *,
        until: float | None = None,
        received: Callable[[], int] | None = None,
        reason: str = "",
    ) -> None:
        """Set the current wait; the arguments are those of `Wait`."""
        self.pending.wait = Wait(doing, self._tries, until, received, reason)

    def renewed(self) -> TransientFailure:
        """The failure to retry after a 401 that led to a new credential; the try does not count.

        There are waits between the logins if each new credential is refused for this request only.
        """
        self._renewals += 1
        soon = self._renewals <= QUICK_RENEWALS
        return TransientFailure("401, token renewed", wait=0 if soon else None)

    def unauthorised(self, *, succeeded: bool) -> None:
        """Raise TransientFailure to retry after a 401, if an outage of the provider looks like one.

        Args:
            succeeded: Whether any request of this client has succeeded in this run.
        """
        waits = self._settings.unauthorised_waits[succeeded]
        if self._unauthorised < len(waits):
            self._unauthorised += 1
            wait = min(waits[self._unauthorised - 1], self._settings.max_retry_wait)
            raise TransientFailure("401", wait=wait)

    def wait_after(self, failure: TransientFailure) -> float:
        """Seconds until the next try: exponential with jitter, or what the server asks for.

        The server's wait is raised to the shortest one without it; a wait of 0 (a renewed token) is
        kept.

        Raises:
            WindowTooLarge: The response is too large for the server.
            CursorRefused: The server refuses its cursor, and the request is not `splittable`.
            StreamFailed: There is no next try (`final_failure`).
        """
        where = self._settings.where(self._request)
        self._too_large += failure.too_large
        self._unreadable += failure.unreadable
        self._unconnected += not failure.connected
        if self._too_large >= TOO_LARGE_TRIES:
            if self._request.splittable:
                raise WindowTooLarge(f"{failure}, {self._too_large} times") from None
            if isinstance(failure, CursorRefused):
                raise failure
        longest = self._settings.max_retry_wait
        if failure.wait is not None and failure.wait > longest:
            raise StreamFailed(
                f"{where}: {failure}; the server asks to wait {failure.wait:.0f} s, more than "
                f"max_retry_wait ({longest} s)"
            ) from None
        ceiling = min(MAX_WAIT, FIRST_WAIT * 2 ** max(0, self._counted - 1), longest)
        shortest = ceiling / 4
        if failure.wait is None:
            wait = random.uniform(shortest, ceiling)  # noqa: S311 - not a secret
        else:
            wait = max(shortest, failure.wait) if failure.wait else 0.0
        seconds = clock.monotonic() - self._started
        over = self._counted >= self._request.max_tries or seconds + wait > MAX_SECONDS
        if over or (self._few_tries and self._unreadable >= PART_TRIES):
            raise self.final_failure(failure) from None
        return wait

    def final_failure(self, failure: TransientFailure) -> StreamFailed:
        """The exception after the last try: Unreachable if no try connected, Unreadable if the
        server responded to the last one, else StreamFailed.
        """
        where = self._settings.where(self._request)
        seconds = clock.monotonic() - self._started
        message = f"{where}: {failure}; gave up after {self._tries} tries in {seconds:.0f} s"
        if self._unconnected == self._tries:
            return Unreachable(message)
        if failure.unreadable or failure.too_large:
            return Unreadable(message)
        return StreamFailed(message)
