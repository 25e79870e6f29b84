"""What is loaded, held against what the provider counts: fewer calls fail, more are a warning."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrate import comparison
from orchestrate.comparison import export_compared
from orchestrate.counts import COUNTERS, Count, CountError, count
from orchestrate.export import Exported, Range
from orchestrate.jobs import jobs_of
from orchestrate.programs import RunError
from orchestrate.streams import STREAMS
from orchestrate.warehouse import Warehouse
from sandbox import Fault, Sandbox
from tap_callexports.compat import override

_DAY = timedelta(days=1)
_TIMES = {each.name: str(each.filter_field) for group in STREAMS.values() for each in group}
_BURKI = jobs_of("burki")[0].streams
_BOTH = ["burki_calls", "burki_call_list"]
_EQUAL = "200 calls are loaded, as counted"
_MISSING = "199 calls are loaded where the provider counts 200"

each_counter = pytest.mark.parametrize("stream", COUNTERS)


@each_counter
def test_a_count_is_that_of_the_range_wherever_it_is_cut(box: Sandbox, stream: str) -> None:
    cuts = [box.start, box.start + 9 * _DAY, *_due(box, stream, _whole(box))[3:6], box.end]
    for start, end in zip([cuts[0]] * len(cuts) + cuts, cuts + [cuts[-1]] * len(cuts), strict=True):
        if start < end:
            found = count(stream, _settings(box, stream), Range(start, end))
            assert found
            assert found.low <= len(_due(box, stream, Range(start, end))) <= found.high
            assert found.high - found.low < 5
    assert len(_due(box, stream, _whole(box))) > 5


def test_burki_counts_exactly_and_with_the_filters_of_the_account(box: Sandbox) -> None:
    settings = _settings(box, "burki_calls")
    assert count("burki_calls", settings, _whole(box)) == Count(200, 200)
    rows = box.truth("burki_calls").values()
    done = sum(row["status"] == "completed" for row in rows)
    completed = {**settings, "status": "completed"}
    assert count("burki_calls", completed, _whole(box)) == Count(done, done)
    assert 0 < done < 200


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Fault("reset"), "the provider did not answer: ConnectionError"),
        (Fault("error_object"), "the provider's answer holds no count"),
    ],
)
@each_counter
def test_an_error_is_said_in_a_line_without_the_credential(
    box: Sandbox, stream: str, fault: Fault, line: str
) -> None:
    settings = _settings(box, stream)
    box.apis[stream.partition("_")[0]].faults.add(fault)
    with pytest.raises(CountError, match=f"^{line}$"):
        count(stream, settings, _whole(box))


@dataclass(frozen=True)
class _Rows(Warehouse):
    """A warehouse that has so many rows, whatever it is asked."""

    held: int = 0

    @override
    def rows(self, table: str, column: str, start: datetime, end: datetime) -> int:
        return self.held


@pytest.mark.parametrize(
    ("complete", "held", "verdicts", "failure"),
    [
        (_BOTH, 200, [_EQUAL] * 2, ""),
        (_BOTH, 199, [_MISSING] * 2, f"burki_calls: {_MISSING}; burki_call_list: {_MISSING}"),
        (_BOTH, 201, ["201 calls are loaded, the provider has 200 left"] * 2, ""),
        (_BOTH, 200, ["not compared: the provider answered 500", _EQUAL], ""),
        (_BOTH[1:], 200, [_EQUAL], "burki_calls: not whole"),
    ],
    ids=["as counted", "missing", "deleted since", "no count", "one incomplete"],
)
def test_a_run_is_compared_with_the_count(
    box: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    complete: list[str],
    held: int,
    verdicts: list[str],
    failure: str,
) -> None:
    lacking = ", ".join(name for name in _BOTH if name not in complete)
    done = Exported(dict.fromkeys(_BOTH, held), complete, f"{lacking}: not whole" * bool(lacking))
    monkeypatch.setattr(comparison, "export", lambda *_: done)
    if "500" in verdicts[0]:
        box.burki.faults.add(Fault("status", status=500, times=1))
    compared = export_compared(
        "burki", _settings(box, "burki_calls"), _BURKI, _whole(box), _Rows("north", held)
    )
    for name, verdict in zip(complete, verdicts, strict=True):
        result = next(compared)
        assert (result.stream.name, result.verdict) == (name, verdict)
    with pytest.raises(RunError, match=f"^{failure}$") if failure else nullcontext():
        assert list(compared) == []


def _whole(box: Sandbox) -> Range:
    return Range(box.start, box.end)


def _settings(box: Sandbox, stream: str) -> dict[str, Any]:
    settings: dict[str, Any] = box.apis[stream.partition("_")[0]].config()
    if stream == "anunzi_calls":
        box.anunzi.options.dialect = "retell"
        settings["filter_dialect"] = "retell"
    return settings


def _due(box: Sandbox, stream: str, span: Range) -> list[datetime]:
    """Times in a range, sorted."""
    rows = box.truth(stream).values()
    texts = sorted(row[_TIMES[stream]] for row in rows if row[_TIMES[stream]])
    times = [datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") for text in texts]
    return [time for time in times if span.start <= time < span.end]
