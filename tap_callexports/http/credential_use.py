"""Which credentials have worked: tells one that was used up from one that never was any good."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many credentials in a row that never worked are a refusal: one may have died on its way.
MAX_REFUSED = 2


@dataclass(slots=True)
class Use:
    """One request with a credential.

    Args:
        status: Of its response; None as long as there is none.
    """

    status: int | None = None


class CredentialUse:
    """The requests that carry renewable credentials, and how they ended. Threads share one.

    A 401 on a credential that has worked only says that it was used up or has expired, however
    many requests it was good for. A credential has never worked once every request that carried it
    was answered 401; as long as another one is under way, that is not known.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._worked: set[str] = set()
        self._never_worked = 0

    @property
    def refused(self) -> bool:
        """Whether another credential would not help: the last ones have never worked."""
        return self._never_worked >= MAX_REFUSED

    @contextmanager
    def of(self, credential: str) -> Iterator[Use]:
        """Send a request with a credential; its status is told to the Use."""
        use = Use()
        with self._lock:
            self._under_way[credential] += 1
        try:
            yield use
        finally:
            with self._lock:
                self._under_way[credential] -= 1
                self._note_status(credential, use.status)

    def _note_status(self, credential: str, status: int | None) -> None:
        if status is None:
            return
        if status != HTTPStatus.UNAUTHORIZED:
            self._worked.add(credential)
            self._never_worked = 0
        elif credential not in self._worked and not self._under_way[credential]:
            self._never_worked += 1
