"""What is loaded, held against what the provider counts: fewer calls fail, more are a warning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from orchestrate import comparison
from orchestrate.comparison import Comparison, Result, compare, export_compared
from orchestrate.counts import Count
from orchestrate.export import Exported, Range
from orchestrate.jobs import jobs_of
from orchestrate.programs import RunError
from orchestrate.streams import STREAMS
from orchestrate.warehouse import Warehouse
from sandbox import Fault, Sandbox
from tap_callexports.compat import override

_STREAMS = jobs_of("burki")[0].streams
_BOTH = ["burki_calls", "burki_call_list"]


@dataclass(frozen=True)
class _Rows(Warehouse):
    """A warehouse that has so many rows, whatever it is asked."""

    held: int = 0

    @override
    def rows(self, table: str, column: str, start: datetime, end: datetime) -> int:
        return self.held


def test_every_stream_is_in_one_job() -> None:
    for provider, streams in STREAMS.items():
        jobs = jobs_of(provider)
        assert sorted(each.name for job in jobs for each in job.streams) == sorted(
            each.name for each in streams
        )
        for job in jobs:
            assert {each.ranged for each in job.streams} == {job.ranged}
            assert len({each.per_call for each in job.streams}) == 1
    assert [job.name for job in jobs_of("anunzi")] == ["anunzi", "anunzi_details", "anunzi_whole"]


def test_as_many_calls_as_counted_are_no_news(box: Sandbox) -> None:
    found = compare(_STREAMS[0], _settings(box), _span(box), _Rows("north", 200))
    assert found
    assert (found.loaded, found.counted.low, found.counted.high) == (200, 200, 200)
    assert (found.lack, found.excess) == ("", "")


def test_one_call_less_is_a_lack_and_one_more_an_excess(box: Sandbox) -> None:
    less, more = (
        compare(_STREAMS[0], _settings(box), _span(box), _Rows("north", rows))
        for rows in (199, 201)
    )
    assert less
    assert more
    assert less.lack == "199 calls are loaded where the provider counts 200"
    assert less.excess == more.lack == ""
    assert more.excess == "201 calls are loaded, the provider has 200 left"


def test_between_a_count_too_low_and_one_too_high_nothing_is_wrong() -> None:
    for loaded, lack, excess in ((2, True, False), (3, False, False), (5, False, False)):
        found = Comparison(loaded, Count(3, 5))
        assert (bool(found.lack), bool(found.excess)) == (lack, excess)
    assert Comparison(6, Count(3, 5)).excess


def test_what_no_provider_counts_is_not_compared(box: Sandbox) -> None:
    for provider, name in (("videsk", "videsk_calls"), ("twin24", "twin24_incoming_calls")):
        (stream,) = [each for each in STREAMS[provider] if each.name == name]
        assert compare(stream, {}, _span(box), _Rows("north")) is None
    assert compare(_STREAMS[0], _settings(box), None, _Rows("north")) is None
    assert box.burki.requests == []


def test_calls_that_are_missing_fail_the_job(box: Sandbox, exported: list[str]) -> None:
    exported += _BOTH
    with pytest.raises(RunError) as error:
        _export_compared(box, rows=199)
    missing = "199 calls are loaded where the provider counts 200"
    assert str(error.value) == f"burki_calls: {missing}; burki_call_list: {missing}"


def test_a_stream_that_is_not_complete_fails_the_job_and_is_not_compared(
    box: Sandbox, exported: list[str]
) -> None:
    exported += _BOTH[1:]
    with pytest.raises(RunError, match=r"^burki_calls: not whole$"):
        _export_compared(box, rows=200)
    assert len(box.burki.requests) == 1


def test_streams_that_are_complete_are_told_before_a_failure(
    box: Sandbox, exported: list[str]
) -> None:
    exported += _BOTH[:1]
    results = export_compared("burki", _settings(box), _STREAMS, _span(box), _Rows("north", 200))
    assert next(results).stream.name == _BOTH[0]
    with pytest.raises(RunError, match=r"^burki_call_list: not whole$"):
        next(results)


def test_calls_that_were_deleted_since_are_a_doubt(box: Sandbox, exported: list[str]) -> None:
    exported += _BOTH
    results = _export_compared(box, rows=201)
    assert [(each.stream.name, each.rows) for each in results] == [(name, 201) for name in _BOTH]
    assert {each.doubt for each in results} == {"201 calls are loaded, the provider has 200 left"}


def test_a_count_that_cannot_be_had_is_a_doubt(box: Sandbox, exported: list[str]) -> None:
    exported += _BOTH
    box.burki.faults.add(Fault("status", status=500, times=1))
    first, second = _export_compared(box, rows=200)
    assert (first.doubt, first.rows) == ("not compared: the provider answered 500", 200)
    assert (second.doubt, second.rows) == ("", 200)
    assert second.verdict == "200 calls are loaded, as counted"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The streams of Burki that an export has brought; none is really made."""
    complete: list[str] = []

    def export(
        provider: str, settings: Any, streams: list[str], span: Range, warehouse: _Rows
    ) -> Exported:
        assert (provider, streams) == ("burki", _BOTH)
        assert settings["api_key"]
        rows = dict.fromkeys(streams, warehouse.rows("", "", span.start, span.end))
        lacking = [name for name in streams if name not in complete]
        return Exported(rows, complete, f"{', '.join(lacking)}: not whole" if lacking else "")

    monkeypatch.setattr(comparison, "export", export)
    return complete


def _export_compared(box: Sandbox, *, rows: int) -> list[Result]:
    warehouse = _Rows("north", rows)
    return list(export_compared("burki", _settings(box), _STREAMS, _span(box), warehouse))


def _settings(box: Sandbox) -> dict[str, Any]:
    settings: dict[str, Any] = box.config()["burki"]
    return settings


def _span(box: Sandbox) -> Range:
    return Range(box.start, box.end)
