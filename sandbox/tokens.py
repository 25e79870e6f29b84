"""Tokens of a login: JWT-shaped, with a life in seconds and perhaps in requests."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from .http import RefusalError, Request


@dataclass
class _Life:
    """What is left of a token, and what it was issued for."""

    expires: float
    requests: int | None
    scope: int | None


class Tokens:
    """Hands out tokens and knows which are still good."""

    def __init__(self) -> None:
        """Start without any."""
        self._lives: dict[str, _Life] = {}
        self._numbers = count(1)

    def issue(
        self,
        ttl: float,
        requests: int | None = None,
        scope: int | None = None,
        claims: Mapping[str, object] | None = None,
        *,
        exp_shift: float = 0,
    ) -> str:
        """A new token, good for `ttl` seconds and `requests` requests; `exp` may be wrong."""
        now = time.time()
        times = {"iat": int(now), "exp": int(now + ttl + exp_shift), "jti": next(self._numbers)}
        token = jwt({**(claims or {}), **times})
        self._lives[token] = _Life(now + ttl, requests, scope)
        return token

    def authorise(self, request: Request) -> int | None:
        """Spend one use of the bearer token of a request: its scope."""
        kind, _, token = request.header("Authorization").partition(" ")
        life = self._lives.get(token)
        if kind != "Bearer" or life is None:
            raise RefusalError(401, "Unauthorized")
        if time.time() >= life.expires or life.requests == 0:
            raise RefusalError(401, "Token is expired.")
        if life.requests is not None:
            life.requests -= 1
        return life.scope


def jwt(claims: dict[str, Any]) -> str:
    """Claims in the shape of an RS512 token; nothing stands behind the signature."""
    parts = [_part(json.dumps(part).encode()) for part in ({"alg": "RS512", "typ": "JWT"}, claims)]
    body = ".".join(parts)
    return f"{body}.{_part(hashlib.sha512(body.encode()).digest() * 4)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
