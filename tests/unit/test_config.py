"""Mistakes in the config: each is one line that names the setting, and nobody is asked."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

import pytest
from settings_table import GONE, changed
from singer_sdk.exceptions import ConfigValidationError
from support import assert_listed, run_tap

from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
CANARY = "canary-7c1d90"
AN_INSTANT = "must be a date or date-time such as 2024-05-01"


def mistakes_of(config: dict[str, Any], box: Sandbox) -> list[str]:
    """What a run says of a config it refuses, having asked and emitted nothing."""
    run = run_tap(config)
    assert isinstance(run.error, ConfigValidationError), run
    assert run.code == 1
    assert not run.lines
    assert not any(api.requests for api in box.apis.values())
    return list(run.error.errors)


MISTAKES: list[tuple[dict[str, object], str, str]] = [
    # Unknown settings
    ({"start_dat": "2024-05-01"}, "start_dat", "unknown setting; did you mean start_date?"),
    ({"videks": {"api_token": CANARY}}, "videks", "unknown setting; did you mean videsk?"),
    ({"zzz": 1}, "zzz", "unknown setting"),
    ({"videsk.api_tokn": CANARY}, "videsk.api_tokn", "unknown setting; did you mean api_token?"),
    ({"twin24.page_siz": 1}, "twin24.page_siz", "unknown setting; did you mean page_size?"),
    ({"burki.qqq": CANARY}, "burki.qqq", "unknown setting"),
    ({"burki_api_key": CANARY}, "burki_api_key", "did you mean burki.api_key?"),
    ({"videsk_token": CANARY}, "videsk_token", "did you mean videsk.api_token?"),
    ({"flattening_enabled": True}, "flattening_max_depth", "missing; flattening_enabled needs it"),
    # Batch files
    (
        {"batch_config": {"storage": {"root": "x", "bucket": CANARY}}},
        "batch_config.storage.bucket",
        "unknown setting; known are root, prefix, params",
    ),
    (
        {"batch_config": {"storage": {"root": "x"}, "encoding": {"compression": "zip"}}},
        "batch_config.encoding.compression",
        "must be gzip or none",
    ),
    # Dates
    ({"start_date": "now"}, "start_date", AN_INSTANT),
    ({"start_date": "2024-W03"}, "start_date", AN_INSTANT),
    ({"start_date": "nope"}, "start_date", AN_INSTANT),
    ({"start_date": "2024-13-01"}, "start_date", AN_INSTANT),
    ({"start_date": "2024-02-30"}, "start_date", AN_INSTANT),
    ({"start_date": "1714521600"}, "start_date", AN_INSTANT),
    ({"start_date": "0001-01-01T00:00:00+14:00"}, "start_date", AN_INSTANT),
    ({"start_date": 20240501}, "start_date", "must be a text"),
    ({"start_date": "2999-01-01", "end_date": GONE}, "start_date", "future"),
    ({"end_date": "tomorrow"}, "end_date", AN_INSTANT),
    ({"end_date": "2024-05-01"}, "end_date", "must be after start_date"),
    ({"end_date": "2024-04-30T23:59:59Z"}, "end_date", "must be after start_date"),
    ({"end_date": "2024-05-01T01:00:00+02:00"}, "end_date", "must be after start_date"),
    # Zones
    ({"videsk.timezone": "America/Santigo"}, "videsk.timezone", "America/Santiago"),
    ({"twin24.timezone": "Europe/Mosco"}, "twin24.timezone", "did you mean Europe/Moscow"),
    ({"videsk.timezone": "../etc/passwd"}, "videsk.timezone", "is not an IANA time zone"),
    ({"videsk.timezone": 5}, "videsk.timezone", "must be a text"),
    # Addresses
    ({"videsk.api_url": "http://api.example"}, "videsk.api_url", "allow_insecure_url"),
    ({"anunzi.api_url": "http://10.0.0.1"}, "anunzi.api_url", "allow_insecure_url"),
    ({"twin24.auth_url": "http://iam.example"}, "twin24.auth_url", "allow_insecure_url"),
    ({"burki.api_url": "http://127.0.0.1.example"}, "burki.api_url", "allow_insecure_url"),
    ({"burki.api_url": f"https://me:{CANARY}@api.example"}, "burki.api_url", "password"),
    ({"burki.api_url": f"https://{CANARY}@api.example"}, "burki.api_url", "user name"),
    ({"burki.api_url": "ftp://api.example"}, "burki.api_url", "must start with https://"),
    ({"burki.api_url": "api.example"}, "burki.api_url", "must start with https://"),
    ({"burki.api_url": "https://api.example:99999"}, "burki.api_url", "is not a URL"),
    ({"burki.api_url": "https://api.example/{api_key}"}, "burki.api_url", "plain address"),
    ({"burki.api_url": f"https://api.example/?key={CANARY}"}, "burki.api_url", "plain address"),
    ({"burki.api_url": f"https://api.example/#{CANARY}"}, "burki.api_url", "plain address"),
    ({"twin24.incoming_calls_path": "list"}, "twin24.incoming_calls_path", "start with /"),
    ({"anunzi.call_details_path": "call/{call_id}"}, "anunzi.call_details_path", "start with /"),
    ({"anunzi.call_details_path": "/v2/call"}, "anunzi.call_details_path", "hold {call_id}"),
    # Credentials
    ({"twin24.password": GONE}, "twin24.password", "missing; email needs it"),
    ({"twin24.password": ""}, "twin24.password", "missing; email needs it"),
    ({"twin24.email": GONE}, "twin24.email", "missing; password needs it"),
    ({"videsk.api_token": 12345678}, "videsk.api_token", "must be a text"),
    ({"videsk.api_token": [CANARY]}, "videsk.api_token", "must be a text"),
    ({"anunzi.api_key": {"key": CANARY}}, "anunzi.api_key", "must be a text"),
    ({"twin24.password": [CANARY]}, "twin24.password", "must be a text"),
    ({"burki.api_key": True}, "burki.api_key", "must be a text"),
    ({"burki": CANARY}, "burki", "must be an object"),
    ({"burki": [CANARY]}, "burki", "must be an object"),
    ({"videsk.api_token": f"{CANARY}\n{CANARY}"}, "videsk.api_token", "line break"),
    ({"videsk.api_token": f"{CANARY}\r\nX: y"}, "videsk.api_token", "line break"),
    ({"anunzi.api_key": f"{CANARY}\0"}, "anunzi.api_key", "character"),
    ({"burki.api_key": f"{CANARY}\N{ZERO WIDTH SPACE}x"}, "burki.api_key", "character"),
    ({"burki.api_key": f"{CANARY}\N{LEFT DOUBLE QUOTATION MARK}"}, "burki.api_key", "character"),
    ({"twin24.access_token": f"{CANARY}é"}, "twin24.access_token", "character"),
    # What cannot go into a header
    ({"videsk.auth_header": "X Token"}, "videsk.auth_header", "not the name of an HTTP header"),
    ({"videsk.auth_header": "X:Token"}, "videsk.auth_header", "not the name of an HTTP header"),
    ({"user_agent": "me\r\nX-Other: 1"}, "user_agent", "line break"),
    # Filters
    (
        {"anunzi.filter_criteria": {"start_timestamp": {"lower_threshold": 1}}},
        "anunzi.filter_criteria",
        "use start_date and end_date",
    ),
    (
        {"anunzi.filter_criteria": {"agent": []}, "anunzi.agent_ids": ["agent_1"]},
        "anunzi.filter_criteria",
        "agent beside agent_ids",
    ),
    ({"anunzi.filter_criteria": []}, "anunzi.filter_criteria", "must be an object"),
    ({"anunzi.filter_dialect": "other"}, "anunzi.filter_dialect", "one of anunzi, retell"),
    ({"burki.format": "xml"}, "burki.format", "one of json, csv"),
    ({"on_unreadable": "ignore"}, "on_unreadable", "one of fail, skip"),
    ({"anunzi.agent_ids": "agent_1"}, "anunzi.agent_ids", "must be a list"),
    ({"anunzi.agent_ids": [1]}, "anunzi.agent_ids.0", "must be a text"),
    ({"twin24.company_ids": ["1"]}, "twin24.company_ids.0", "must be a whole number"),
    ({"skip_forbidden_streams": "no"}, "skip_forbidden_streams", "must be true or false"),
]


FIXED_PARAMS = (
    "from",
    "to",
    "limit",
    "offset",
    "page",
    "fields",
    "sort",
    "format",
    "zip",
    "companyIds",
)
MISTAKES += [
    ({"twin24.extra_params": {name: CANARY}}, "twin24.extra_params", f"may not hold {name}")
    for name in FIXED_PARAMS
]
MISTAKES += [
    ({"twin24.extra_params": {name: CANARY}}, "twin24.extra_params", words)
    for name, words in {
        "companyIds[]": "may not hold companyIds; use twin24.company_ids",
        "Limit": "may not hold limit; use twin24.page_size",
        "zip": "may not hold zip; the tap reads JSON only",
    }.items()
]


@pytest.mark.covers(64, 73, 125, 170, 174, 177)
@pytest.mark.parametrize(("changes", "setting", "words"), MISTAKES)
def test_a_mistake_is_one_line_that_names_the_setting(
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
    setting: str,
    words: str,
) -> None:
    with caplog.at_level(logging.DEBUG):
        [line] = mistakes_of(changed(box.config() | MAY, changes), box)

    assert line.startswith(f"{setting}: ")
    assert words in line
    assert line.isprintable(), "one line, whatever the value holds"
    assert CANARY not in line
    assert CANARY not in caplog.text


def test_a_dotted_key_is_a_mistake_that_shows_the_nested_form(box: Sandbox) -> None:
    [line] = mistakes_of(box.config() | MAY | {"burki.api_key": CANARY}, box)

    assert line == (
        "burki.api_key: unknown setting; settings of a provider stand in its object: "
        '{"burki": {"api_key": …}}'
    )


def test_a_short_name_is_not_taken_for_a_key_of_some_provider(box: Sandbox) -> None:
    assert mistakes_of(box.config() | MAY | {"api_key": CANARY}, box) == [
        "api_key: unknown setting"
    ]


def test_an_editors_schema_may_be_named_in_every_object(box: Sandbox) -> None:
    config = box.config() | MAY
    for each in (config, *(config[provider.name] for provider in PROVIDERS)):
        each["$schema"] = "https://example.com/schema.json"

    assert TapCallExports(config=config).streams


@pytest.mark.parametrize("off", [None, {}, {"api_key": ""}, {"api_key": None, "format": "csv"}])
def test_a_provider_without_a_credential_is_off(
    box: Sandbox, off: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tap = TapCallExports(config={"videsk": box.videsk.config(), "burki": off})

    assert {name.split("_")[0] for name in tap.streams} == {"videsk"}
    said = [record for record in caplog.records if "Burki is off" in record.getMessage()]
    assert len(said) == (off is not None)


def test_every_mistake_has_its_own_line(box: Sandbox) -> None:
    changes = {"zzz": 1, "videsk.api_token": 5, "anunzi.page_size": 0, "burki.format": "xml"}

    lines = mistakes_of(changed(box.config() | MAY, changes), box)

    assert sorted(line.split(":")[0] for line in lines) == sorted(changes)


def test_several_wrong_values_behind_the_schema_have_their_own_lines_too(box: Sandbox) -> None:
    changes = {"start_date": "now", "videsk.timezone": "Mars", "burki.api_url": "x"}

    lines = mistakes_of(changed(box.config() | MAY, changes), box)

    assert sorted(line.split(":")[0] for line in lines) == sorted(changes)


def test_with_no_provider_on_every_credential_is_named(box: Sandbox) -> None:
    [line] = mistakes_of(MAY | {"anunzi": {"page_size": 500}, "burki": None}, box)

    for provider in PROVIDERS:
        for name in itertools.chain(*provider.credentials):
            assert f"{provider.name}.{name}" in line


BOUNDS: list[tuple[str, int | None, int | None]] = [
    ("request_timeout", 1, None),
    ("max_retry_wait", 0, None),
    *(
        (f"{provider.name}.{setting}", least, most)
        for provider in PROVIDERS
        for setting, least, most in (
            ("lookback_hours", 0, None),
            ("settle_minutes", 0, None),
            ("max_concurrency", 1, 32),
            ("requests_per_minute", 1, None),
        )
    ),
    ("videsk.max_records", 1, None),
    ("videsk.appointments_ahead_days", 0, None),
    ("anunzi.page_size", 1, 1000),
    ("anunzi.details_lookback_hours", 0, None),
    ("twin24.page_size", 1, None),
    ("twin24.max_records", 1, None),
    ("twin24.token_ttl", 1, None),
    ("burki.assistant_id", 1, None),
    ("burki.details_lookback_hours", 0, None),
]


def test_every_bound_of_the_schema_is_in_the_table() -> None:
    schema = TapCallExports.config_jsonschema["properties"]
    settings = dict(schema)
    for provider in (each.name for each in PROVIDERS):
        parts = schema[provider]["properties"].items()
        settings |= {f"{provider}.{name}": part for name, part in parts}
    bounded = {name for name, part in settings.items() if {"minimum", "maximum"} & part.keys()}
    assert_listed(bounded, [name for name, _, _ in BOUNDS], "BOUNDS in tests/test_config.py")


@pytest.mark.covers(88)
@pytest.mark.parametrize(("setting", "least", "most"), BOUNDS)
def test_an_integer_outside_its_bounds_is_a_mistake(
    box: Sandbox, setting: str, least: int, most: int | None
) -> None:
    good = [least] if most is None else [least, most]
    bad = [
        (least - 1, f"must be {least} or more"),
        *(((most + 1, f"must be {most} or less"),) if most else ()),
    ]
    config = box.config() | MAY

    for value in good:
        TapCallExports(config=changed(config, {setting: value}))
    for value, words in bad:
        assert mistakes_of(changed(config, {setting: value}), box) == [f"{setting}: {words}"]
    for other in ("5", 1.5, True, [5]):
        [line] = mistakes_of(changed(config, {setting: other}), box)
        assert line == f"{setting}: must be a whole number"


@pytest.mark.parametrize(
    "setting",
    [
        "request_timeout",
        "max_retry_wait",
        "videsk.lookback_hours",
        "videsk.settle_minutes",
        "videsk.appointments_ahead_days",
        "videsk.requests_per_minute",
        "videsk.max_records",
    ],
)
def test_an_integer_no_clock_can_hold_does_not_crash_a_run(box: Sandbox, setting: str) -> None:
    """It is refused, or it works: a bound the user did not know is no unforeseen error."""
    run = run_tap(changed({"videsk": box.videsk.config()} | MAY, {setting: 10**15}))

    assert run.error is None or isinstance(run.error, ConfigValidationError)


def test_a_whole_number_may_be_written_with_a_point(box: Sandbox) -> None:
    changes = {"anunzi.page_size": 500.0, "videsk.max_concurrency": 2.0, "twin24.page_size": 100.0}

    run = run_tap(changed(box.config() | MAY, changes))

    assert run.code == 0
    assert {request.body["limit"] for request in box.anunzi.requests} == {500}


@pytest.mark.parametrize(
    ("start_date", "first_instant"),
    [
        ("2024-05-02", "2024-05-02T00:00:00"),
        ("2024-05-02T10:00:00", "2024-05-02T10:00:00"),
        ("2024-05-02 10:00:00", "2024-05-02T10:00:00"),
        ("2024-05-02T10:00:00Z", "2024-05-02T10:00:00"),
        ("2024-05-02T10:00:00.500000Z", "2024-05-02T10:00:00.500000"),
        ("2024-05-02T02:00:00+05:30", "2024-05-01T20:30:00"),
    ],
)
def test_a_date_is_midnight_and_no_zone_is_utc(
    box: Sandbox, start_date: str, first_instant: str
) -> None:
    run = run_tap({"burki": box.burki.config(), **MAY, "start_date": start_date})

    assert run.code == 0
    asked = min(request.query["date_from"] for request in box.burki.requests)
    assert asked.removesuffix(".000000") == first_instant


def test_an_early_start_date_is_no_crash(box: Sandbox) -> None:
    run = run_tap(changed(box.config() | MAY, {"start_date": "0001-01-01"}))

    assert run.error is None or isinstance(run.error, ConfigValidationError)


@pytest.mark.parametrize("url", ["http://localhost", "http://127.0.0.1", "http://[::1]:8080"])
def test_an_unencrypted_address_of_this_machine_is_fine(box: Sandbox, url: str) -> None:
    TapCallExports(config=changed(box.config() | MAY, {"videsk.api_url": url}))


def test_an_unencrypted_foreign_address_can_be_allowed(box: Sandbox) -> None:
    changes = {"videsk.api_url": "http://videsk.example", "allow_insecure_url": True}

    TapCallExports(config=changed(box.config() | MAY, changes))


@pytest.mark.covers(170)
def test_insecure_urls_allowed_still_may_not_hold_a_password(box: Sandbox) -> None:
    changes = {"videsk.api_url": f"http://me:{CANARY}@videsk.example", "allow_insecure_url": True}

    [line] = mistakes_of(changed(box.config() | MAY, changes), box)

    assert line.startswith("videsk.api_url: ")
    assert CANARY not in line


@pytest.mark.parametrize(
    "batches", [{"encoding": "jsonl"}, {"storage": "folder"}, {"storage": {}}, "folder", {}]
)
def test_a_wrong_batch_config_is_a_mistake_and_no_crash(box: Sandbox, batches: object) -> None:
    mistakes = mistakes_of({"batch_config": batches}, box)
    assert mistakes
    assert all(mistake.startswith("batch_config") for mistake in mistakes)


def test_discovery_works_with_a_wrong_batch_config() -> None:
    config = {"batch_config": {"encoding": {"format": "jsonl"}}}
    tap = TapCallExports(config=config, validate_config=False)
    assert tap.catalog_dict["streams"]
