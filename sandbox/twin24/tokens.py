"""Tokens of Twin24: JWT-shaped, with a life in seconds and perhaps in requests."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

EXPIRED = "Token is expired."


@dataclass
class _Life:
    """What is left of a token."""

    expires: float
    requests: int | None
    company: int | None


class Tokens:
    """Hands out tokens and knows which are still good."""

    def __init__(self) -> None:
        """Start without any."""
        self._lives: dict[str, _Life] = {}
        self._numbers = count(1)

    def issue(
        self,
        ttl: float,
        requests: int | None,
        company: int | None,
        default: int,
        *,
        exp_shift: float = 0,
    ) -> str:
        """A new token, good for `ttl` seconds and `requests` requests."""
        now = time.time()
        claims = {
            "iat": int(now),
            "exp": int(now + ttl + exp_shift),
            "version": 1,
            "sub": "42",
            "company_id": company or default,
            "jti": next(self._numbers),
        }
        token = jwt(claims)
        self._lives[token] = _Life(now + ttl, requests, company)
        return token

    def use(self, token: str) -> int | None:
        """Spend one request of a token: its chosen company. Raises PermissionError with why."""
        life = self._lives.get(token)
        if life is None:
            raise PermissionError("Unauthorized")
        if time.time() >= life.expires or life.requests == 0:
            raise PermissionError(EXPIRED)
        if life.requests is not None:
            life.requests -= 1
        return life.company


def jwt(claims: dict[str, Any]) -> str:
    """Claims in the shape of an RS512 token; nothing stands behind the signature."""
    parts = [_part(json.dumps(part).encode()) for part in ({"alg": "RS512", "typ": "JWT"}, claims)]
    body = ".".join(parts)
    return f"{body}.{_part(hashlib.sha512(body.encode()).digest() * 4)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
