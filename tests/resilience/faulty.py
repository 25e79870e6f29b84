"""Faults for random runs: those that every run must survive, and those that none can."""

from __future__ import annotations

import random

from inprocess import Place, Ran

from sandbox import Fault
from sandbox.http import Request
from tap_callexports.provider import Provider
from tap_callexports.providers import PROVIDERS

#: How often one request is tried, and one for a count: then responses are taken as they are.
TRIES, COUNT_TRIES = 8, 5
_STATUSES = (408, 425, 429, 500, 502, 503, 520, 522, 527)
_RETRY_AFTER = ("0", "3", "30", "-1", "soon", "Wed, 01 May 2024 00:00:00 GMT", "")
_FATAL = ("redirect", 400, 403, 405, 415)
#: What a server sends for too large a window: twice, and the window is halved.
_TOO_LARGE = (413, 504, 524)
FOR_EVER = 10**6


def add_passing(dice: random.Random, place: Place) -> None:
    """Faults that are over before any request has used up its tries."""
    left = dice.randint(1, TRIES - 4)
    while left > 0:
        times = min(left, dice.choice([1, 1, 2]))
        left -= times
        place.faults.add(_passing(dice, times), skip=dice.randrange(12))
    if dice.random() < 0.3:
        large = Fault("status", status=dice.choice(_TOO_LARGE), times=dice.choice([1, 2]))
        place.faults.add(large, skip=dice.randrange(6))
    # Two for one request, and the credential is wrong: tokens may expire by themselves.
    expiring = getattr(place.options, "tokens_valid_requests", None)
    if _repeats_401(place.api.name) and not expiring and dice.random() < 0.3:
        place.faults.add(
            Fault("status", status=401), f"/{place.api.prefixes[0]}/", skip=dice.randrange(12)
        )
    place.cut_share = dice.choice([0, 0.1, 0.5, 0.9, 0.999])
    if hasattr(place.options, "cursor_refusal_status") and dice.random() < 0.3:
        refused = Fault("status", status=dice.choice([400, 404, 422]))
        place.faults.add(refused, skip=dice.randrange(4), when=_has_cursor)


def add_fatal(dice: random.Random, place: Place) -> None:
    """A fault that ends the run, if it gets so far."""
    kind = dice.random()
    skip = dice.randrange(25)
    if kind < 0.6:
        fault = Fault("status", status=dice.choice([500, 502, 503]), times=FOR_EVER)
    elif kind < 0.7:
        fault = Fault("status", status=503, headers={"Retry-After": "99999"})
    else:
        sort = dice.choice(_FATAL)
        fault = Fault("redirect") if isinstance(sort, str) else Fault("status", status=sort)
    place.faults.add(fault, skip=skip)


def excused(place: Place, ran: Ran) -> bool:
    """Whether a run met more faults than it can survive."""
    fatal = any(
        fault.kind == "redirect"
        or fault.headers.get("Retry-After") == "99999"
        or (fault.kind == "status" and fault.status in _FATAL)
        for fault in place.faults.served
    )
    smallest = any("cannot be split further" in complaint for complaint in ran.complaints)
    if smallest and sum(fault.status in _TOO_LARGE for fault in place.faults.served) > 1:
        return True
    return fatal or any(
        times >= (COUNT_TRIES if url.split("?")[0].endswith("/count") else TRIES)
        for (_, url, _), times in ran.wire.failed.items()
    )


def _passing(dice: random.Random, times: int) -> Fault:
    kind = dice.choice(
        ["status", "status", "reset", "cut_body", "cut_json", "html", "empty", "error_object"]
    )
    if kind == "status":
        wait = dice.choice(_RETRY_AFTER)
        headers = {"Retry-After": wait} if wait else {}
        return Fault("status", status=dice.choice(_STATUSES), times=times, headers=headers)
    if kind == "cut_json":
        # An uncounted CSV that is cut at the same place twice looks whole.
        return Fault("cut_json")
    return Fault(kind, times=times)  # type: ignore[arg-type] # one of the kinds above


def _repeats_401(name: str) -> bool:
    """Whether the tap sends a request of this provider again after a 401."""
    (provider,) = (each for each in PROVIDERS if each.name == name)
    renews = provider.renew is not Provider.renew
    return renews or provider.unauthorised_waits != Provider.unauthorised_waits


def _has_cursor(request: Request) -> bool:
    body = request.body if isinstance(request.body, dict) else {}
    return "pagination_key" in body or "cursor" in request.query
