"""The recipes of docs/privacy.md, carried out: no person is left in what the tap writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest
from generator.facts import columns_of, is_personal, streams
from pages import privacy_example
from process import tap
from support import JSON, Run, catalog_of, run_tap

from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
SALT = "a salt for tests, and for nothing else"
PHONE = "+15555550187"
PERSON = "somebody.private@example.org"
SAID = "Quiero cancelar mi plan y hablar con una persona"
#: Texts as short may be in anything.
SHORT = 8
STREAMS = streams()
HASHED = "sha256(config['hash_salt'] + self) if self else None"
MAPS: dict[str, dict[str, str]] = privacy_example("config")["stream_maps"]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """The four APIs; each also has fields that no schema knows, with a person in them."""
    with Sandbox(seed=4, rows=40) as running:
        for api in running.apis.values():
            for stream in api.streams:
                for row in api.of(stream).rows[:3]:
                    row.extra_wire = {"contactoNuevo": {"fono": PHONE, "mail": PERSON}}
        comments = running.videsk.of("videsk_comments")
        comments.amend(comments.rows[0], comments=SAID)
        yield running


@pytest.fixture(scope="module")
def plain(box: Sandbox) -> Run:
    """A run that keeps everything."""
    run = run_tap({**MAY, **box.config()}, streams=STREAMS)
    assert run.code == 0, run.complaints
    return run


@pytest.fixture(scope="module")
def private(plain: Run) -> set[str]:
    """What is only in personal columns, and in what the schemas do not know."""
    known: list[Any] = []
    others: list[Any] = [line for line in plain.lines if line["type"] != "RECORD"]
    for stream in STREAMS:
        columns = columns_of(stream)
        for record in plain.records(stream):
            for name, value in record.items():
                personal = name == "extra" or is_personal(columns[name])
                (known if personal else others).append(value)
    public = "\n".join(texts_in(others))
    found = {text for text in texts_in(known) if len(text) >= SHORT and text not in public}
    assert {PHONE, PERSON, SAID} <= found
    assert people_in(plain, found) == found
    return found


def masked(box: Sandbox, salt: str | None = SALT) -> JSON:
    """A config with the recipe."""
    given = {} if salt is None else {"stream_map_config": {"hash_salt": salt}}
    return {**MAY, **box.config(), "stream_maps": MAPS, **given}


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_in([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def people_in(run: Run, private: set[str]) -> set[str]:
    """The private texts that are anywhere in a run's messages."""
    written = "\n".join(texts_in(run.lines))
    return {text for text in private if text in written}


def hash_of(value: str | None) -> str | None:
    return hashlib.sha256(f"{SALT}{value}".encode()).hexdigest() if value else None


def test_with_the_maps_every_row_is_there_with_hashes_and_without_persons(
    box: Sandbox, plain: Run, private: set[str]
) -> None:
    run = run_tap(masked(box), streams=STREAMS)
    assert run.code == 0, run.complaints
    assert people_in(run, private) == set()
    for stream in STREAMS:
        rules, rows, before = MAPS[stream], run.table(stream), plain.table(stream)
        assert rows.keys() == before.keys()
        assert rows
        for key, row in rows.items():
            assert row == {
                name: hash_of(value) if rules.get(name) == HASHED else value
                for name, value in before[key].items()
                if rules.get(name) != "__NULL__"
            }
            assert row.keys() == run.schema(stream)["schema"]["properties"].keys()


@pytest.mark.parametrize("salt", [None, ""])
def test_without_a_salt_the_run_ends_before_a_number_is_written(
    box: Sandbox, private: set[str], salt: str | None
) -> None:
    run = run_tap(masked(box, salt), streams=["anunzi_calls"])
    assert run.code == 1
    assert people_in(run, private) == set()
    assert [text for text in private if text in str(run.complaints)] == []


def test_an_expression_that_fails_on_a_record_is_one_line(box: Sandbox) -> None:
    maps = {"videsk_appointments": {"canceled_by": "md5(canceled_by)"}}
    ended = tap(config={**MAY, "videsk": box.config()["videsk"], "stream_maps": maps})
    assert ended.code == 1
    [line] = ended.errors
    assert line.startswith("stream_maps: an expression fails on a record (AttributeError): ")


def test_no_person_is_in_a_run_with_the_selection(
    box: Sandbox, plain: Run, private: set[str]
) -> None:
    box.twin24.requests.clear()
    config = {**MAY, **box.config()}
    run = run_tap(config, catalog=selected(catalog_of(config, STREAMS)))
    assert run.code == 0, run.complaints
    assert people_in(run, private) == set()
    left = [name for name, stream in STREAMS.items() if stream.selected_by_default]
    for stream in left:
        assert run.table(stream).keys() == plain.table(stream).keys()
    # Twin24 is not even asked for what is not selected.
    asked = {
        field
        for request in box.twin24.requests
        for field in request.query.get("fields", "").split(",")
    }
    assert {"callId", "id", "duration"} <= asked
    assert not {"callingNumber", "phone", "messagesAsString", "recordPath"} & asked


def selected(catalog: JSON) -> JSON:
    """A catalog with the page's selection, as Meltano applies it."""
    chosen, *excluded = privacy_example("select")
    assert chosen == "*.*"
    out = [pattern[1:] for pattern in excluded]
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            column = ".".join(part["breadcrumb"][1::2]) or "*"
            name = f"{entry['tap_stream_id']}.{column}"
            if any(fnmatch(name, pattern) for pattern in out):
                part["metadata"]["selected"] = False
    return catalog
