"""`--test`: a quick look whether every stream can be read, leaving no trace in any state."""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from expected_streams import BY_NAME, STREAMS, Stream
from process import tap
from support import PROVIDERS, Run, kept_signals, secret_settings

from sandbox import Fault, Sandbox
from tap_callexports.connection_test import check_connection
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def busy() -> Iterator[Sandbox]:
    """Calls of the last days, more than fit one page anywhere."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with Sandbox(seed=3, rows=1500, start=now - timedelta(days=5), end=now) as running:
        running.videsk.options.cap = 200
        running.twin24.options.limit_max = 100
        yield running


def asked(box: Sandbox) -> Counter[str]:
    """Requests by path's first segment, logins apart."""
    return Counter(
        name
        for name, api in box.apis.items()
        for request in api.requests
        if "login" not in request.path
    )


def probe(stream: str, box: Sandbox, **settings: object) -> tuple[Run, int]:
    """A connection test of one stream, and how many requests it took."""
    api = next(api for api in box.apis.values() if stream in api.streams)
    before = asked(box)[api.name]
    out = io.StringIO()
    with kept_signals(), contextlib.redirect_stdout(out):
        config = {api.name: api.config() | settings}
        one = TapCallExports(config=config, connection_test=True)
        check_connection([one.streams[stream]], one.this_run)
    assert out.getvalue() == ""
    return Run(1 if one.failures else 0, []), asked(box)[api.name] - before


def _table(err: str) -> tuple[list[str], list[list[str]], str]:
    """What stands at the end of stderr: the table's header and rows, and the last line."""
    lines = err.rstrip().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("stream "))
    header, *rows = [line.split() for line in lines[start:-1]]
    return header, rows, lines[-1]


@pytest.mark.covers(161)
@pytest.mark.parametrize("when", ["now", "long ago"])
def test_a_connection_test_asks_little_and_writes_no_state(
    when: str, box: Sandbox, busy: Sandbox
) -> None:
    account = busy if when == "now" else box
    outcome = tap("--test", config=account.config() | {"start_date": "2024-05-01"})

    assert outcome.code == 0
    assert outcome.errors == []
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert '"status":"failed"' not in outcome.err
    header, rows, last = _table(outcome.err)
    assert header == ["stream", "result", "ms"]
    assert {name: result for name, result, _ in rows} == dict.fromkeys(BY_NAME, "ok")
    assert last == "ok"
    for provider, requests in asked(account).items():
        streams = len(account.apis[provider].streams)
        assert streams <= requests <= 2 * streams, provider
    assert set(asked(account)) == set(PROVIDERS)


@pytest.mark.covers(161)
@pytest.mark.parametrize("stream", BY_NAME)
def test_a_connection_test_of_any_stream_is_two_requests_at_most(
    stream: str, busy: Sandbox
) -> None:
    run, requests = probe(stream, busy)

    assert run.code == 0
    assert 1 <= requests <= 2


@pytest.mark.parametrize("stream", BY_NAME)
def test_a_connection_test_of_any_stream_of_an_empty_account_is_fine(stream: str) -> None:
    with Sandbox(seed=3, rows=0) as empty:
        run, requests = probe(stream, empty)

    assert run.code == 0
    assert 1 <= requests <= 2


@pytest.mark.parametrize("stream", [each for each in STREAMS if each.per_call], ids=str)
def test_a_connection_test_asks_for_one_call_of_a_stream_that_goes_call_by_call(
    stream: Stream,
) -> None:
    now = datetime.now(timezone.utc)
    with Sandbox(seed=3, rows=40, start=now - timedelta(days=5), end=now) as quiet:
        probe(stream.name, quiet)

    paths = [request.path for api in quiet.apis.values() for request in api.requests]
    assert len([path for path in paths if re.search(stream.path, path)]) == 1


@pytest.mark.parametrize("setting", ["form_ids", "survey_ids"])
def test_a_connection_test_tries_the_first_of_many_definitions(setting: str) -> None:
    stream = f"videsk_{setting.removesuffix('_ids')}s"
    with Sandbox(seed=3, rows=0) as empty:
        (first, *_) = empty.videsk.config()[setting]
        run, requests = probe(stream, empty, **{setting: [first, "unknown", "unknown too"]})
        nothing, none = probe(stream, empty, **{setting: []})

    assert (run.code, requests) == (0, 1)
    assert (nothing.code, none) == (0, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_test_fails_with_a_wrong_credential(box: Sandbox, provider: str) -> None:
    settings = box.apis[provider].config()
    [secret] = secret_settings(provider) & settings.keys()
    settings[secret] = "canary-wrong-5d2c"

    outcome = tap("--test", config={provider: settings})

    assert outcome.code == 1
    *_, line = outcome.errors
    assert outcome.err.rstrip().endswith(line)
    assert f"{provider}.{secret}" in line
    assert "canary-wrong-5d2c" not in outcome.out + outcome.err
    assert outcome.out == ""
    assert len(box.apis[provider].requests) <= 2


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        ("burki", Fault("status", status=503, times=99)),
        ("burki", Fault("html", times=99)),
        ("videsk", Fault("status", status=504, times=99)),
        ("twin24", Fault("reset", times=99)),
        ("anunzi", Fault("error_object", times=99)),
    ],
    ids=lambda value: str(value)[:25],
)
def test_a_connection_test_fails_when_a_server_is_out_of_order(
    box: Sandbox, provider: str, fault: Fault
) -> None:
    path = "/sessions/incoming" if provider == "twin24" else ""
    box.apis[provider].faults.add(fault, path)

    outcome = tap("--test", config={provider: box.apis[provider].config()})

    assert outcome.code == 1
    assert any(f"{provider}_" in line for line in outcome.errors)
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert asked(box)[provider] <= 2 * len(box.apis[provider].streams)


def test_a_connection_test_fails_on_a_stream_that_is_forbidden(box: Sandbox) -> None:
    box.videsk.faults.add(Fault("status", status=403, times=99))

    outcome = tap("--test", config=box.config())

    assert outcome.code == 1
    assert any('select "!videsk_calls.*"' in line for line in outcome.errors)


def test_a_connection_test_of_nothing_names_the_credentials(box: Sandbox) -> None:
    outcome = tap("--test", config={})

    assert outcome.code == 1
    [line] = outcome.errors
    assert "no provider is on" in line
    assert not asked(box)


def test_a_test_of_the_schemas_asks_nobody(box: Sandbox) -> None:
    outcome = tap("--test=schema", config=box.config())

    assert outcome.code == 0
    assert {line["type"] for line in outcome.lines} == {"SCHEMA"}
    assert not asked(box)


def test_every_provider_is_tested_though_others_are_refused(box: Sandbox) -> None:
    config = box.config()
    config["anunzi"]["api_key"] = config["videsk"]["api_token"] = "canary-wrong-5d2c"

    outcome = tap("--test", config=config)

    assert outcome.code == 1
    _, rows, last = _table(outcome.err)
    bad = {name: name.startswith(("anunzi_", "videsk_")) for name in BY_NAME}
    assert {name: result for name, result, _ in rows} == {
        name: "failed" if failed else "ok" for name, failed in bad.items()
    }
    assert last.count("anunzi.api_key was refused") == 1
    assert last.count("videsk.api_token was refused") == 1
    assert outcome.out == ""


def test_no_record_or_number_is_shown(busy: Sandbox) -> None:
    outcome = tap("--test", config=busy.config(), env={"LOGLEVEL": "DEBUG"})

    numbers = {str(value) for row in busy.burki.rows for value in row.canonical.values()}
    assert not [text for text in numbers if text.startswith("+") and text in outcome.err]
    assert outcome.out == ""
