"""Whether a credential was used up or never was any good."""

from __future__ import annotations

import pytest

from tap_callexports.http.credential_use import CredentialUse


def answered(uses: CredentialUse, credential: str, *statuses: int) -> None:
    """Requests with a credential, one after the other."""
    for status in statuses:
        with uses.of(credential) as use:
            use.status = status


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_credential_that_worked_is_not_refused_however_often_it_is_used_up(status: int) -> None:
    uses = CredentialUse()
    for number in range(100):
        answered(uses, f"token {number}", status, 401, 401, 401)
        assert not uses.refused


def test_credentials_that_never_worked_are_refused_with_the_second_one() -> None:
    uses = CredentialUse()
    answered(uses, "a", 401)
    assert not uses.refused
    answered(uses, "b", 401)
    assert uses.refused


def test_the_same_credential_twice_counts_twice() -> None:
    uses = CredentialUse()
    answered(uses, "a", 401, 401)
    assert uses.refused


def test_a_credential_that_works_makes_up_for_one_that_never_did() -> None:
    uses = CredentialUse()
    for number in range(10):
        answered(uses, f"dead {number}", 401)
        answered(uses, f"good {number}", 200)
        assert not uses.refused


def test_a_refusal_says_nothing_while_another_request_with_it_is_under_way() -> None:
    uses = CredentialUse()
    for number in range(10):
        with uses.of(f"token {number}") as slow:
            answered(uses, f"token {number}", 401, 401)
            assert not uses.refused
            slow.status = 200
        assert not uses.refused


def test_a_credential_all_of_whose_requests_were_refused_counts_once() -> None:
    uses = CredentialUse()
    with uses.of("a") as first, uses.of("a") as second, uses.of("a") as third:
        first.status = second.status = third.status = 401
    assert not uses.refused
    with uses.of("b") as first, uses.of("b") as second:
        first.status = second.status = 401
    assert uses.refused


def test_a_request_without_a_response_is_no_refusal() -> None:
    uses = CredentialUse()
    for _ in range(5):
        with pytest.raises(OSError, match="reset"), uses.of("a"):
            raise OSError("reset")
    assert not uses.refused
