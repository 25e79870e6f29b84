"""What a status means, and when a request is sent again: decisions only.

Reads the clock, but sends nothing and never sleeps.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_callexports import clock
from tap_callexports.errors import (
    Forbidden,
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    Unreachable,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.http.traffic import Pending, Wait, current_traffic
from tap_callexports.redaction import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_callexports.http.request import Request
    from tap_callexports.http.response import Response

#: A request fails after so many seconds, not counting its waits for the rate limit.
MAX_SECONDS = 15 * 60
#: Requests that were too much for the server are sent this often before the window is split.
TOO_LARGE_TRIES = 2
#: The same for the parts of a window that was unreadable after MAX_TRIES.
PART_TRIES = 2
#: Renewals of the credential for one request before there are waits between them.
QUICK_RENEWALS = 3
#: Seconds before the second try, doubled from try to try, and the most of them.
FIRST_WAIT, MAX_WAIT = 1.0, 60.0

# What follows on a status that is not 2xx, unless the provider's stream reads it otherwise:
#   408, 425, 429        sent again, MAX_TRIES times or MAX_SECONDS long; then the stream fails
#   5xx, and a body that cannot be decoded
#                        the same, then the window is read in halves, PART_TRIES times each;
#                        not after a 503 with Retry-After, an outage in which no window is answered
#   413, 414, 504, 524   sent TOO_LARGE_TRIES times, then the window is read in halves; where it
#                        cannot be split, as above
#   401                  the credential is renewed, as long as such ones work, or waited for; then
#                        the provider fails
#   403                  the stream fails, or is skipped (skip_forbidden_streams)
#   3xx and the rest     the stream fails
_RETRIED = frozenset({408, 425, 429, *range(500, 600)})
_TOO_LARGE = frozenset({413, 414, 504, 524})

#: What a status means to the user, where it is not the server's own text that tells.
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
    """What all requests of one provider have in common.

    Args:
        provider: Its title, the first word of every message.
        credential: The settings to name when the credential is refused.
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

    def where(self, request: Request) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.provider} ({request.sender})"


def failure_of(response: Response, settings: HttpSettings, request: Request) -> Exception:
    """What an answer that is not 2xx means, by its status.

    Returns:
        What to raise: TransientFailure, ProviderFailed, Forbidden or another StreamFailed.
    """
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
            f'permission, or leave the stream out: select "!{request.sender}.*"{server_text}'
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
    """How one request has fared so far, and whether it is asked again."""

    def __init__(self, request: Request, settings: HttpSettings) -> None:
        self._request = request
        self._settings = settings
        self._started = clock.monotonic()
        #: When even a dripping answer is given up.
        self.deadline = self._started + MAX_SECONDS
        self._tries = self._too_large = self._unreadable = self._unconnected = 0
        self._unauthorised = self._renewals = 0
        #: What it waits for now, for other threads to see.
        self.pending = Pending()

    @property
    def tries(self) -> int:
        """How often it was sent."""
        return self._tries

    @property
    def _counted(self) -> int:
        """The tries that count: not those after which only the credential was renewed."""
        return self._tries - self._renewals

    @property
    def _few_tries(self) -> bool:
        """Whether this is a part of a window that could not be read."""
        return self._request.splittable and current_traffic().few_tries

    @property
    def try_number(self) -> str:
        """Which try the last one was, of how many."""
        tries = self._request.max_tries
        if self._request.splittable and self._too_large:
            tries = min(tries, self._tries + TOO_LARGE_TRIES - self._too_large)
        if self._few_tries and self._unreadable:
            tries = min(tries, self._tries + PART_TRIES - self._unreadable)
        return f"try {self._tries} of {tries}"

    def sent(self) -> None:
        """One more request went out."""
        self._tries += 1

    def exclude(self, seconds: float) -> None:
        """It waited these seconds for a turn: no failing of the server, they do not count."""
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
        """Note what it waits for from here on.

        Args: As of a Wait.
        """
        self.pending.wait = Wait(doing, self._tries, until, received, reason)

    def renewed(self) -> TransientFailure:
        """After a 401 there is a new credential: the reason for another try, which is not counted.

        Who used the old one up is not this request's doing; but should each new one be refused for
        this request, and for no other, there are waits between the logins.
        """
        self._renewals += 1
        soon = self._renewals <= QUICK_RENEWALS
        return TransientFailure("401, token renewed", wait=0 if soon else None)

    def unauthorised(self, *, succeeded: bool) -> None:
        """Raise for a repetition after a 401, where an outage may look like one.

        Args:
            succeeded: Whether any request of this client has been answered in this run.

        Raises:
            TransientFailure: Another try may help; else nothing happens.
        """
        waits = self._settings.unauthorised_waits[succeeded]
        if self._unauthorised < len(waits):
            self._unauthorised += 1
            raise TransientFailure("401", wait=waits[self._unauthorised - 1])

    def wait_after(self, failure: TransientFailure) -> float:
        """Seconds until the next try: exponential with jitter, or what the server asks for.

        A wait that the server asks for is never less than the shortest one without it. After a
        failure with a wait of 0 (a renewed token) the next try is at once.

        Raises:
            WindowTooLarge: The answer is too much for the server.
            StreamFailed: There should be no next try; Unreadable where the server answered the last
                one, Unreachable where none of them connected.
        """
        where = self._settings.where(self._request)
        self._too_large += failure.too_large
        self._unreadable += failure.unreadable
        self._unconnected += not failure.connected
        if self._request.splittable and self._too_large >= TOO_LARGE_TRIES:
            raise WindowTooLarge(f"{failure}, {self._too_large} times") from None
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
        """What to raise when there is no next try, by what the tries have in common.

        Args:
            failure: How the last one ended.
        """
        where = self._settings.where(self._request)
        seconds = clock.monotonic() - self._started
        message = f"{where}: {failure}; gave up after {self._tries} tries in {seconds:.0f} s"
        if self._unconnected == self._tries:
            return Unreachable(message)
        if failure.unreadable or failure.too_large:
            return Unreadable(message)
        return StreamFailed(message)
