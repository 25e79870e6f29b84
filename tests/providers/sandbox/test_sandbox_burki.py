from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from sandbox.burki.calls import ASSISTANTS
from sandbox_clients import Value, burki

from sandbox import Sandbox
from sandbox.instants import UTC, zoneless

if TYPE_CHECKING:
    import requests

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def _wire(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: zoneless(value) if name.endswith("_at") and value else value
        for name, value in record.items()
    }


def test_json_file(box: Sandbox, http: requests.Session) -> None:
    reply = burki(box, http, format="json")
    rows = reply.json()
    truth = box.burki.truth("burki_calls")
    assert reply.headers["Content-Disposition"] == "attachment; filename=calls_export.json"
    assert {row["id"]: row for row in rows} == {key[0]: _wire(one) for key, one in truth.items()}
    starts = [truth[row["id"],]["started_at"] for row in rows]
    assert starts == sorted(starts, reverse=True)
    assert reply.text.startswith('[\n  {\n    "id": ')
    assert reply.text.isascii()
    assert {len(row["started_at"]) for row in rows} == {19, 26}


def test_csv_file(box: Sandbox, http: requests.Session) -> None:
    reply = burki(box, http)
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.content.count(b"\r\n") == 201
    table = list(csv.reader(io.StringIO(reply.text, newline="")))
    assert table[0][:4] == ["Call ID", "Call SID", "Assistant Name", "Customer Phone"]
    assert {row[2] for row in table[1:]} == set(ASSISTANTS.values())
    rows = burki(box, http, format="json").json()
    for line, row in zip(table[1:], rows, strict=True):
        values = {**row, "duration": row["duration"] or 0}
        assert line == ["" if value is None else str(value) for value in values.values()]


def test_csv_variants(box: Sandbox, http: requests.Session) -> None:
    box.burki.options.bom = True
    box.burki.options.delimiter = ";"
    box.burki.options.ninth_column = True
    body = burki(box, http).content
    assert body.startswith(b"\xef\xbb\xbfCall ID;")
    table = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert table[0][4] == "Conversation Type"
    assert {len(row) for row in table} == {9}
    record = box.burki.truth("burki_calls")[1,]
    assert record["conversation_type"] == next(row[4] for row in table if row[0] == "1")


def test_both_ends_are_inclusive_to_the_microsecond(http: requests.Session) -> None:
    with Sandbox(rows=5) as box:
        tick = timedelta(microseconds=1)
        box.burki.add_at(NOON - tick, NOON, NOON + tick, NOON + 2 * tick)

        def found(low: str, high: str) -> int:
            rows = burki(box, http, format="json", date_from=low, date_to=high).json()
            count = burki(box, http, "count", date_from=low, date_to=high).json()["count"]
            assert count == len(rows)
            return len(rows)

        assert found("2030-01-01T12:00:00", "2030-01-01T12:00:00.000001") == 2
        assert found("2030-01-01 12:00:00", "2030-01-01T12:00:00Z") == 1
        assert found("2030-01-01T13:00:00+01:00", "2030-01-01T12:00:00.999999") == 3
        assert found("2030-01-01", "2030-01-02") == 4
        assert found("1893499200", "1893499200000") == 1
        assert found("2030-01-02", "2030-01-01") == 0


def test_filters(box: Sandbox, http: requests.Session) -> None:
    rows = burki(box, http, format="json").json()

    def count(**query: Value) -> int:
        return len(burki(box, http, format="json", **query).json())

    failed = [row for row in rows if row["status"] == "failed"]
    assert count(status="failed") == len(failed) > 0
    assert count(status="FAILED") == 0
    assert count(status="") == count(assistant_id=0) == count(limit=1) == 200
    second = [row for row in rows if row["assistant_name"] == ASSISTANTS[2]]
    assert count(assistant_id=2) == len(second) > 0
    assert count(assistant_id=999) == 0
    box.burki.options.filter_ignored = True
    assert count(status="failed", date_from="2031-01-01") == 200


def test_rows_without_a_start(http: requests.Session) -> None:
    with Sandbox(rows=5) as box:
        row = box.burki.add_at(NOON, started_at=None)[0]
        rows = burki(box, http, format="json").json()
        assert rows[0]["id"] == row.canonical["id"]
        assert len(burki(box, http, format="json", date_from="2000-01-01").json()) == 5
        assert len(box.burki.truth("burki_calls")) == 5


def test_empty_files(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        assert burki(box, http, format="json").content == b"[]"
        assert burki(box, http).text.count("\r\n") == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "JSON"}, 422),
        ({"format": "xml"}, 422),
        ({"date_from": ""}, 422),
        ({"date_to": "2024-05-01T00:00:00 00:00"}, 422),
        ({"assistant_id": ""}, 422),
    ],
)
def test_bad_queries(
    box: Sandbox, http: requests.Session, query: dict[str, Any], status: int
) -> None:
    reply = burki(box, http, **query)
    assert reply.status_code == status
    assert reply.json()["detail"][0]["loc"] == ["query", next(iter(query))]


def test_other_refusals(box: Sandbox, http: requests.Session) -> None:
    url = f"{box.url}/burki/api/v1/calls/export"
    anonymous = http.get(url, timeout=10)
    assert anonymous.status_code == 401
    assert anonymous.json()["detail"].startswith("Authentication required.")
    posted = http.post(url, timeout=10)
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET")
    assert http.head(url, timeout=10).status_code == 405
    assert burki(box, http, "export/").status_code == 307
    crash = burki(box, http, "count", assistant_id=999)
    assert (crash.status_code, crash.text) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("option", "status", "count"),
    [("right", 200, 200), ("wrong_high", 200, 221), ("missing", 404, None), ("error", 500, None)],
)
def test_the_count_may_fail(
    box: Sandbox,
    http: requests.Session,
    option: Literal["right", "wrong_high", "missing", "error"],
    status: int,
    count: int | None,
) -> None:
    box.burki.options.count = option
    reply = burki(box, http, "count")
    assert reply.status_code == status
    if count is not None:
        assert reply.json() == {"count": count}


def test_cut_files_envelopes_and_compression(box: Sandbox, http: requests.Session) -> None:
    zipped = burki(box, http, format="json")
    assert zipped.headers["Content-Encoding"] == "gzip"
    box.burki.options.gzip = False
    plain = burki(box, http, format="json")
    assert "Content-Encoding" not in plain.headers
    assert plain.content == zipped.content
    box.burki.options.cut_rows = 7
    assert plain.json()[:-7] == burki(box, http, format="json").json()
    box.burki.options.envelope = "items"
    assert len(burki(box, http, format="json").json()["items"]) == 193


def test_extra_columns(box: Sandbox, http: requests.Session) -> None:
    box.burki.rows[0].extra_wire["Flow"] = "ventas"
    table = list(csv.reader(io.StringIO(burki(box, http).text, newline="")))
    assert table[0][-1] == "Flow"
    assert {row[0]: row[-1] for row in table[1:]}["1"] == "ventas"
