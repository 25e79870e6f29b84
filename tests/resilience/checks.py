"""What holds of every run, whatever happened in it: bounded, discreet, and only where told."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from oracle import Problem

from sandbox.instants import from_ms, parse
from sandbox.twin24 import Twin24Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inprocess import Place, Ran
    from oracle import Judge, Ledger
    from support import JSON
    from transport import Sent

#: How far beside its span a run may ask: two granules.
_BESIDE = timedelta(seconds=2)
#: Not the digits of a metric's fraction.
_PHONE = re.compile(r"(?<![\d.])1\d{3}55501\d\d(?!\d)")
_BOOKMARK_KEYS = {
    "replication_key", "replication_key_value", "as_of", "partitions", "context",
}  # fmt: skip
_CREDENTIALS = {
    "videsk": ("videsk.api_token", 2),
    "anunzi": ("anunzi.api_key", 2),
    "twin24": ("twin24.password", 2),
    "burki": ("burki.api_key", 4),
}


def check_manners(
    place: Place, ran: Ran, ledgers: list[Ledger], config: JSON, judge: Judge
) -> Iterator[Problem]:
    """What is wrong with a run beside its records."""
    assert ran.wire is not None
    yield from _leaks(place, ran)
    yield from _complaints(ran)
    yield from _asked(place, ran, ledgers, judge)
    yield from _states(ran, config)


def refused_credential(place: Place, ran: Ran) -> Iterator[Problem]:
    """What is wrong with a run whose credential was."""
    setting, most = _CREDENTIALS[place.api.name]
    assert ran.wire is not None
    if ran.code == 0 or any(line["type"] == "RECORD" for line in ran.lines):
        yield Problem("broken", "a wrong credential was taken")
    if len(ran.wire.sent) > most:
        yield Problem("broken", f"{len(ran.wire.sent)} requests with a wrong credential")
    if not any(setting in complaint for complaint in ran.complaints):
        yield Problem("broken", f"{setting} is not named: {ran.complaints}")
    yield from _leaks(place, ran)
    yield from _complaints(ran)


def _leaks(place: Place, ran: Ran) -> Iterator[Problem]:
    """Credentials anywhere, people's numbers in logs and states."""
    said = "\n".join([*ran.log, *ran.complaints])
    private = said + "".join(json.dumps(line) for line in ran.lines if line["type"] != "RECORD")
    secrets = ["canary"]
    if isinstance(place.api, Twin24Api):
        secrets += [place.api.static_token, *place.api._tokens._lives]
    for text in (ran.text, said):
        if any(secret in text for secret in secrets):
            yield Problem("broken", "a secret in the output or the log")
    if found := _PHONE.search(private):
        yield Problem("broken", f"a phone number in the log or in a state: {found[0]}")


def _complaints(ran: Ran) -> Iterator[Problem]:
    for complaint in ran.complaints:
        if not complaint or "\n" in complaint or len(complaint) > 1000:
            yield Problem("broken", f"not one line: {complaint!r}")


def _asked(place: Place, ran: Ran, ledgers: list[Ledger], judge: Judge) -> Iterator[Problem]:
    """Only the configured host, only the span, and not for ever."""
    assert ran.wire is not None
    if ran.wire.strays:
        yield Problem("broken", f"asked somebody else: {ran.wire.strays[:3]}")
    rows = sum(len(place.api.of(ledger.stream).rows) for ledger in ledgers)
    trouble = sum(ran.wire.failed.values())
    # An empty account takes 20 passes for calls without a start.
    most = 120 + 3 * (rows + len(ran.states) + trouble)
    # To give up on a window is to have halved it down to a second, and to have read each half.
    most += 200 if ran.code else 0
    if len(ran.wire.sent) > most:
        yield Problem("broken", f"{len(ran.wire.sent)} requests for {rows} rows")
    high = max((judge.end_of(ledger) for ledger in ledgers), default=judge.end)
    for sent in ran.wire.sent:
        for at in ends_of(sent):
            if not judge.start - _BESIDE <= at <= high + judge.ahead + _BESIDE:
                yield Problem("broken", f"asked for {at}, outside of the span: {sent.url}")
                return


def ends_of(sent: Sent) -> Iterator[datetime]:
    """The ends of the time range of a request, however the provider writes it."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(sent.url).query).items()}
    for name in ("from", "to", "date_from", "date_to"):
        if name in query:
            yield parse(query[name])
    if isinstance(sent.body, dict):
        for name in ("start", "end"):
            if name in sent.body:
                yield parse(sent.body[name])
        between = sent.body.get("filter_criteria", {}).get("start_timestamp")
        if between:
            low, high = (
                between["value"]
                if "value" in between
                else (between["low_threshold"], between["high_threshold"])
            )
            yield from_ms(low)
            yield from_ms(high)


def _states(ran: Ran, config: JSON) -> Iterator[Problem]:
    """States stay small, and the last one of a run that ended holds nothing but bookmarks."""
    for name, entry in ran.state.get("bookmarks", {}).items():
        parts = entry.get("partitions", [])
        if len(json.dumps(entry)) > 2048 + 250 * len(parts):
            yield Problem("broken", f"the state of {name} has {len(json.dumps(entry))} bytes")
        others = {key for part in [entry, *parts] for key in part} - _BOOKMARK_KEYS
        if ran.code == 0 and others:
            yield Problem("broken", f"the last state of {name} holds {others}")
        if ran.code == 0 and not config.get("end_date") and entry.get("replication_key_value"):
            end = datetime.fromisoformat(entry["replication_key_value"].replace("Z", "+00:00"))
            if end > datetime.now(timezone.utc):
                yield Problem("broken", f"the bookmark of {name} lies in the future")
