"""Tracks which credentials have worked, to tell an expired one from a wrong one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

#: This many refused credentials in a row are final; a single one may have expired on its way.
MAX_REFUSED = 2


@dataclass(slots=True)
class Use:
    """One request with a credential, and the status of its response."""

    status: int | None = None


class CredentialUse:
    """Tracks the requests with renewable credentials; threads share one.

    A 401 for a credential that has worked means that it has expired or was used up. A credential is
    refused once every request with it ended with 401 and none is under way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._worked: set[str] = set()
        self._never_worked = 0

    @property
    def refused(self) -> bool:
        """Whether the last credentials were refused, so that another one would not help."""
        return self._never_worked >= MAX_REFUSED

    @contextmanager
    def of(self, credential: str) -> Iterator[Use]:
        """Track a request with a credential; the caller sets the status of the Use."""
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
