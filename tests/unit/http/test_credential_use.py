"""Whether a credential was used up or never was any good."""

from __future__ import annotations

import pytest

from tap_callexports.http.credential_use import CredentialUse


def after(*responses: tuple[str, int]) -> CredentialUse:
    """The use after requests with a credential, one after the other, with these statuses."""
    uses = CredentialUse()
    for credential, status in responses:
        with uses.of(credential) as use:
            use.status = status
    return uses


@pytest.mark.parametrize(
    ("responses", "refused"),
    [
        ([("a", 401)], False),
        # Refused with the second credential that never worked, or the second time.
        ([("a", 401), ("b", 401)], True),
        ([("a", 401), ("a", 401)], True),
        # One that worked is not refused, however often it is used up,
        ([("a", 200), ("a", 401), ("a", 401), ("b", 404), ("b", 401), ("b", 401)], False),
        ([("a", 500), ("a", 401), ("a", 401)], False),
        # and makes up for one that never did.
        ([("a", 401), ("b", 200), ("c", 401), ("d", 200)], False),
    ],
)
def test_credentials_that_never_worked_are_refused(
    responses: list[tuple[str, int]], *, refused: bool
) -> None:
    assert after(*responses).refused is refused


def test_a_credential_all_of_whose_requests_were_refused_counts_once() -> None:
    uses = CredentialUse()
    for credential, refused in (("a", False), ("b", True)):
        with uses.of(credential) as first, uses.of(credential) as second:
            first.status = second.status = 401
        assert uses.refused is refused
