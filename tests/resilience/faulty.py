"""Trouble for random runs: what every run must survive, and what none can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import Fault
from sandbox.twin24 import Twin24Api

if TYPE_CHECKING:
    import random

    from inprocess import Place, Ran

    from sandbox.http import Request

#: So often one question is asked, and that for a count: then answers are taken as they are.
TRIES, COUNT_TRIES = 8, 5
_STATUSES = (408, 425, 429, 500, 502, 503, 520, 522, 527)
_RETRY_AFTER = ("0", "3", "30", "-1", "soon", "Wed, 01 May 2024 00:00:00 GMT", "")
_FATAL = ("redirect", 400, 403, 405, 415)
#: Answers that were too much for the server: twice, and the window is halved.
_HEAVY = (413, 504, 524)
#: Where a 401 need not mean that the credential is wrong.
_UNSURE = {"burki": "/burki/", "twin24": "/twin24/"}
FOR_EVER = 10**6


def add_passing(dice: random.Random, place: Place) -> None:
    """Trouble that is over before any question has used up its tries."""
    left = dice.randint(1, TRIES - 4)
    while left > 0:
        times = min(left, dice.choice([1, 1, 2]))
        left -= times
        place.faults.add(_passing(dice, times), skip=dice.randrange(12))
    if dice.random() < 0.3:
        heavy = Fault("status", status=dice.choice(_HEAVY), times=dice.choice([1, 2]))
        place.faults.add(heavy, skip=dice.randrange(6))
    # Two for one request, and the credential is wrong: tokens may expire by themselves.
    short_lived = isinstance(place.api, Twin24Api) and place.api.options.tokens_valid_requests
    if place.api.name in _UNSURE and not short_lived and dice.random() < 0.3:
        unauthorised = Fault("status", status=401)
        place.faults.add(unauthorised, _UNSURE[place.api.name], skip=dice.randrange(12))
    place.cut_share = dice.choice([0, 0.1, 0.5, 0.9, 0.999])
    if place.api.name == "anunzi" and dice.random() < 0.3:
        gone = Fault("status", status=dice.choice([400, 404, 422]))
        place.faults.add(gone, skip=dice.randrange(4), when=_has_cursor)


def add_fatal(dice: random.Random, place: Place) -> None:
    """Trouble that ends the run, if it gets so far."""
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
    """Whether a run met more trouble than it can survive."""
    assert ran.wire is not None
    fatal = any(
        fault.kind == "redirect"
        or fault.headers.get("Retry-After") == "99999"
        or (fault.kind == "status" and fault.status in _FATAL)
        for fault in place.faults.served
    )
    smallest = any("cannot be split further" in complaint for complaint in ran.complaints)
    if smallest and sum(fault.status in _HEAVY for fault in place.faults.served) > 1:
        return True
    return fatal or any(
        times >= (COUNT_TRIES if url.split("?")[0].endswith("/calls/count") else TRIES)
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
        # An uncounted CSV that is cut at the same place twice is whole to anybody.
        return Fault("cut_json")
    return Fault(kind, times=times)  # type: ignore[arg-type] # one of the kinds above


def _has_cursor(request: Request) -> bool:
    return isinstance(request.body, dict) and "pagination_key" in request.body
