"""What providers count is what they have: exactly, or between a count too low and one too high."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrate.counts import COUNTERS, Count, CountError, count
from orchestrate.export import Range
from orchestrate.streams import STREAMS
from sandbox import Fault, Sandbox

_DAY = timedelta(days=1)
_TIMES = {each.name: str(each.filter_field) for group in STREAMS.values() for each in group}


@pytest.fixture(params=COUNTERS)
def stream(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_a_count_is_that_of_the_range(box: Sandbox, stream: str) -> None:
    whole = Range(box.start, box.end)
    part = Range(box.start + 9 * _DAY, box.start + 20 * _DAY)
    for span in (whole, part):
        found = count(stream, _settings(box, stream), span)
        assert found
        assert found.low <= len(_due(box, stream, span)) <= found.high
        assert found.high - found.low < 5
    assert len(_due(box, stream, part)) > 5


def test_a_range_cut_at_a_call_holds_it_or_not_as_the_tap_does(box: Sandbox, stream: str) -> None:
    times = sorted(map(_time, _due(box, stream, Range(box.start, box.end), times=True)))
    for at in times[3:6]:
        for span in (Range(box.start, at), Range(at, box.end)):
            found = count(stream, _settings(box, stream), span)
            assert found
            assert found.low <= len(_due(box, stream, span)) <= found.high


def test_burki_counts_to_the_microsecond(box: Sandbox) -> None:
    span = Range(box.start + 3 * _DAY, box.start + 17 * _DAY)
    due = len(_due(box, "burki_calls", span))
    assert count("burki_calls", _settings(box, "burki_calls"), span) == Count(due, due)


def test_filters_of_the_account_are_counted_with(box: Sandbox) -> None:
    span = Range(box.start, box.end)
    done = [row for row in _due(box, "burki_calls", span) if row["status"] == "completed"]
    settings = {**_settings(box, "burki_calls"), "status": "completed"}
    assert 0 < len(done) < len(_due(box, "burki_calls", span))
    assert count("burki_calls", settings, span) == Count(len(done), len(done))


def test_anunzi_s_documents_know_no_count(box: Sandbox) -> None:
    settings = {**_settings(box, "anunzi_calls"), "filter_dialect": "anunzi"}
    assert count("anunzi_calls", settings, Range(box.start, box.end)) is None
    assert box.anunzi.requests == []


def test_an_error_is_said_in_a_line_without_the_credential(box: Sandbox, stream: str) -> None:
    api, settings = box.apis[stream.partition("_")[0]], _settings(box, stream)
    span = Range(box.start, box.end)
    api.faults.add(Fault("status", 500))
    with pytest.raises(CountError, match=r"^the provider answered 500$"):
        count(stream, settings, span)
    api.faults.add(Fault("reset"))
    with pytest.raises(CountError, match=r"^the provider did not answer: ConnectionError$"):
        count(stream, settings, span)
    api.faults.add(Fault("error_object"))
    with pytest.raises(CountError, match=r"^the provider's answer holds no count$"):
        count(stream, settings, span)


def _settings(box: Sandbox, stream: str) -> dict[str, Any]:
    settings: dict[str, Any] = box.apis[stream.partition("_")[0]].config()
    if stream == "anunzi_calls":
        box.anunzi.options.dialect = "retell"
        settings["filter_dialect"] = "retell"
    return settings


def _due(box: Sandbox, stream: str, span: Range, *, times: bool = False) -> list[Any]:
    """Rows with a time in a range, or those times."""
    column = _TIMES[stream]
    start, end = (each.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in (span.start, span.end))
    rows = [row for row in box.truth(stream).values() if row[column] and start <= row[column] < end]
    return [row[column] for row in rows] if times else rows


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
