"""Twin24's login: a JWT for all workers, renewed before it expires and if it is refused.

`POST {auth_url}/auth/login`.
https://wiki.twin24.ai/scripts/use-cases/authorization-token
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import requests

from tap_callexports import clock
from tap_callexports.compat import override
from tap_callexports.errors import (
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    Unreachable,
    WindowTooLarge,
)
from tap_callexports.http.client import HttpClient
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.redaction import hide_secrets

#: Below `auth_url`.
PATH = "/auth/login"
#: A token is renewed this long before it expires.
EARLY_SECONDS = 60.0
#: Lifetime of a token without `exp`, as documented.
WEEK_SECONDS = 7 * 24 * 3600.0
#: A token with a shorter lifetime, or an expired one, is used until it is refused: its `exp` or a
#: clock is wrong.
SHORTEST_SECONDS = 5.0
#: The credential is refused after this many logins in a row that return the refused token.
MAX_SAME_TOKENS = 2
_SENDABLE = re.compile(r"[!-~]+")


class NoAuth(requests.auth.AuthBase):
    """Adds no credential, and keeps requests from reading ~/.netrc."""

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class JwtAuth(requests.auth.AuthBase):
    """Adds a valid token to each request.

    Args:
        login: Returns a token and its lifetime in seconds; None for a `fixed` token.
        fixed: A token that cannot be renewed.
    """

    def __init__(
        self, login: Callable[[], tuple[str, float]] | None, *, fixed: str | None = None
    ) -> None:
        self._login = login
        self._token = fixed
        self._expires = float("inf") if fixed else 0.0
        self._lock = threading.Lock()
        #: Logins in a row that returned the refused token.
        self._same = 0

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            if self._token is None or clock.monotonic() > self._expires:
                self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renew(self, refused: requests.PreparedRequest) -> bool:
        """Get a new token after a 401, as `log_in`; return whether there is another one."""
        if self._login is None:
            return False
        with self._lock:
            # Another worker may have renewed it since this request went out.
            if refused.headers.get("Authorization") == f"Bearer {self._token}":
                before = self._token
                self._renew()
                self._same = self._same + 1 if self._token == before else 0
            return self._same < MAX_SAME_TOKENS

    def _renew(self) -> None:
        assert self._login is not None  # noqa: S101 - a fixed token never gets here
        self._token, seconds = self._login()
        hide_secrets([self._token])
        if seconds <= SHORTEST_SECONDS:
            self._expires = float("inf")
        else:
            # A token that lives shorter than the margin is used for half of its life.
            self._expires = clock.monotonic() + max(seconds - EARLY_SECONDS, seconds / 2)


def log_in(client: HttpClient, settings: Mapping[str, Any], tries: int) -> tuple[str, float]:
    """Log in, and return the token and its lifetime in seconds by the server's clock.

    Args:
        client: A client without credential.
        settings: The provider's object, defaults filled in.
        tries: How often the request is sent at most.

    Raises:
        ProviderFailed: The login is refused, or cannot be reached.
    """
    body = {"email": settings["email"], "password": settings["password"]}
    optional = {"ttl": settings.get("token_ttl"), "companyId": settings.get("company_id")}
    body |= {name: value for name, value in optional.items() if value is not None}
    url = settings["auth_url"].rstrip("/") + PATH
    try:
        return client.send(Request(url, json=body, sender="login", max_tries=tries), _token_of)
    except (StreamFailed, WindowTooLarge) as failure:
        if isinstance(failure, ProviderFailed) and not isinstance(failure, Unreachable):
            raise  # the credential was refused: the address is right
        raise ProviderFailed(f"{failure}; check twin24.auth_url") from None


def _token_of(response: Response) -> tuple[str, float]:
    token = response.object().get("token")
    if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
        raise TransientFailure(f"{response.status} without a token")
    expires = _expiry_of(token)
    now = clock.time() if response.date is None else response.date
    return token, WEEK_SECONDS if expires is None else expires - now


def _expiry_of(token: str) -> float | None:
    """The `exp` of a JWT in epoch seconds; the signature is not verified."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
