"""What must be true of every run: few requests, no secrets, only the configured host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inprocess import Place, Ran
from oracle import Judge, Ledger, Problem
from support import secret_settings
from transport import Sent

from sandbox.instants import from_ms, parse

#: How far beside its span a run may request: two granules.
_BESIDE = timedelta(seconds=2)
#: A phone number of the sandbox; not the digits of a metric's fraction.
_PHONE = re.compile(r"(?<![\d.])1\d{3}55501\d\d(?!\d)")
#: Requests that a wrong credential may cost; a 401 may be an outage where the provider says so.
_MOST_REFUSED = 4
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
#: Numbers that are instants, in seconds and in milliseconds: those from 2001 to 2286.
_SECONDS, _MILLISECONDS = range(10**9, 10**10), range(10**12, 10**13)


def check_run(place: Place, ran: Ran, ledgers: list[Ledger], judge: Judge) -> Iterator[Problem]:
    """What is wrong with a run beside its records."""
    yield from _leaks(place, ran)
    yield from _complaints(ran)
    yield from _requests(place, ran, ledgers, judge)


def check_refused(place: Place, ran: Ran) -> Iterator[Problem]:
    """What is wrong with a run whose credential was."""
    name = place.api.name
    settings = [f"{name}.{secret}" for secret in secret_settings(name) & place.api.config().keys()]
    if ran.code == 0 or any(line["type"] == "RECORD" for line in ran.lines):
        yield Problem("broken", "a wrong credential was taken")
    if len(ran.wire.sent) > _MOST_REFUSED:
        yield Problem("broken", f"{len(ran.wire.sent)} requests with a wrong credential")
    if not any(setting in complaint for setting in settings for complaint in ran.complaints):
        yield Problem("broken", f"none of {settings} is named: {ran.complaints}")
    yield from _leaks(place, ran)
    yield from _complaints(ran)


def _leaks(place: Place, ran: Ran) -> Iterator[Problem]:
    """Credentials anywhere, people's numbers in logs and states."""
    log = "\n".join([*ran.log, *ran.complaints])
    private = log + "".join(json.dumps(line) for line in ran.lines if line["type"] != "RECORD")
    sent = {request.headers.get("authorization", "") for request in place.api.requests}
    secrets = ["canary", *filter(None, (header.rpartition(" ")[2] for header in sent))]
    for text in (ran.text, log):
        if any(secret in text for secret in secrets):
            yield Problem("broken", "a secret in the output or the log")
    if found := _PHONE.search(private):
        yield Problem("broken", f"a phone number in the log or in a state: {found[0]}")


def _complaints(ran: Ran) -> Iterator[Problem]:
    for complaint in ran.complaints:
        if not complaint or "\n" in complaint or len(complaint) > 1000:
            yield Problem("broken", f"not one line: {complaint!r}")


def _requests(place: Place, ran: Ran, ledgers: list[Ledger], judge: Judge) -> Iterator[Problem]:
    """Only to the configured host, only for the span, and not for ever."""
    if ran.wire.strays:
        yield Problem("broken", f"requests to another host: {ran.wire.strays[:3]}")
    rows = sum(len(place.api.of(ledger.stream).rows) for ledger in ledgers)
    failed = sum(ran.wire.failed.values())
    # An empty account takes 20 passes for calls without a start.
    most = 120 + 3 * (rows + len(ran.states) + failed)
    # To give up on a window is to have halved it down to a second, and to have read each half.
    most += 200 if ran.code else 0
    if len(ran.wire.sent) > most:
        yield Problem("broken", f"{len(ran.wire.sent)} requests for {rows} rows")
    high = max((judge.end_of(ledger) for ledger in ledgers), default=judge.end)
    for sent in ran.wire.sent:
        for at in instants_of(sent):
            if not judge.start - _BESIDE <= at <= high + judge.ahead + _BESIDE:
                yield Problem("broken", f"a request for {at}, outside of the span: {sent.url}")
                return


def instants_of(sent: Sent) -> Iterator[datetime]:
    """Every instant in a request, as a text or a number, however the provider calls it."""
    yield from _instants(parse_qs(urlsplit(sent.url).query))
    yield from _instants(sent.body)


def _instants(value: Any) -> Iterator[datetime]:
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _instants(part)
    elif isinstance(value, str) and _ISO_DATE.match(value):
        yield parse(value)
    elif isinstance(value, str) and value.isdecimal():
        yield from _instants(int(value))
    elif isinstance(value, int) and value in _SECONDS:
        yield from_ms(1000 * value)
    elif isinstance(value, int) and value in _MILLISECONDS:
        yield from_ms(value)
