"""Credentials: as people paste them, absent in every way, and what switches a provider on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from expected_streams import BY_NAME, OFF
from settings_table import GONE, changed
from support import run_tap

if TYPE_CHECKING:
    from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
#: Burki's streams that are selected by default.
BURKI = {name for name in BY_NAME if name.startswith("burki_")} - set(OFF)

PASTED = [
    "{}",
    "  {}  ",
    "{}\n",
    '"{}"',
    "'{}'",
    ' "{}" \n',
    "Bearer {}",
    "bearer {}",
    "BEARER   {}",
    "Bearer\t{}",
    '"Bearer {}"',
    'Bearer "{}"',
]


@pytest.mark.covers(125)
@pytest.mark.parametrize("pasted", PASTED)
def test_a_pasted_credential_arrives_as_it_was_meant(box: Sandbox, pasted: str) -> None:
    config = changed(
        box.config() | MAY,
        {
            "videsk.api_token": pasted.format(box.videsk.options.token),
            "anunzi.api_key": pasted.format(box.anunzi.options.api_key),
            "burki.api_key": pasted.format(box.burki.options.api_key),
            "twin24.access_token": pasted.format(box.twin24.static_token),
        },
    )

    assert run_tap(config).code == 0

    sent = {
        "x-api-token": (box.videsk, box.videsk.options.token),
        "authorization": (box.anunzi, box.anunzi.options.api_key),
    }
    for header, (api, secret) in sent.items():
        assert {request.headers[header] for request in api.requests} == {f"Bearer {secret}"}
    for api, secret in (
        (box.burki, box.burki.options.api_key),
        (box.twin24, box.twin24.static_token),
    ):
        assert {request.headers["authorization"] for request in api.requests} == {
            f"Bearer {secret}"
        }


@pytest.mark.covers(125)
def test_an_email_and_a_password_lose_only_the_blanks_around_them(box: Sandbox) -> None:
    box.twin24.options.password = '"Bearer x"'
    login = {
        "email": f" {box.twin24.options.email}\n",
        "password": f" {box.twin24.options.password}\n",
    }

    run = run_tap(MAY | {"twin24": box.twin24.config() | login})

    assert run.code == 0
    body = box.twin24.requests[0].body
    assert body == {"email": box.twin24.options.email, "password": '"Bearer x"'}


def test_an_access_token_needs_no_login(box: Sandbox) -> None:
    changes = {"twin24.access_token": box.twin24.static_token, "twin24.password": GONE}
    config = changed(MAY | {"twin24": box.twin24.config()}, changes)

    assert run_tap(config).code == 0

    assert not any("login" in request.path for request in box.twin24.requests)


@pytest.mark.covers(128)
@pytest.mark.parametrize(
    "off",
    [
        {"page_size": 500},
        {"page_size": 500, "api_key": None},
        {"page_size": 500, "api_key": ""},
        {"page_size": 500, "api_key": "  "},
        {"page_size": 500, "api_key": '""'},
        {"page_size": 500, "api_key": "Bearer "},
    ],
)
def test_an_object_without_its_credential_is_off_and_says_so_once(
    box: Sandbox, caplog: pytest.LogCaptureFixture, off: dict[str, object]
) -> None:
    anunzi = {"api_url": box.anunzi.config()["api_url"], **off}
    config = MAY | {"burki": box.burki.config(), "anunzi": anunzi}

    with caplog.at_level(logging.INFO):
        run = run_tap(config)

    assert run.code == 0
    assert {line["stream"] for line in run.lines if "stream" in line} == BURKI
    assert not box.anunzi.requests
    said = [record for record in caplog.records if record.getMessage().startswith("Anunzi is off")]
    assert [record.levelname for record in said] == ["INFO"]
    assert "anunzi.api_key" in said[0].getMessage()


@pytest.mark.parametrize("off", [None, "", {}])
def test_a_provider_that_is_null_or_empty_is_off(box: Sandbox, off: object) -> None:
    run = run_tap(MAY | {"burki": box.burki.config(), "anunzi": off, "videsk": off, "twin24": off})

    assert run.code == 0
    assert {line["stream"] for line in run.lines if "stream" in line} == BURKI


def test_empty_texts_and_nulls_count_as_unset_everywhere(box: Sandbox) -> None:
    """Meltano passes settings without a value as one of the two."""
    unset: dict[str, object] = {
        "end_date": None,
        "user_agent": "",
        "request_timeout": None,
        "videsk.timezone": "",
        "videsk.max_concurrency": None,
        "videsk.requests_per_minute": "",
        "burki.status": "",
        "burki.assistant_id": None,
        "burki.format": "",
        "anunzi.filter_criteria": None,
        "twin24.access_token": "",
        "twin24.extra_params": None,
        "twin24.date_field_param": "",
    }
    config = box.config() | {"start_date": "2024-05-01"}

    run, bare = run_tap(changed(config, unset)), run_tap(config)

    assert run.code == 0
    for stream in ("videsk_calls", "anunzi_calls", "twin24_incoming_calls", "burki_calls"):
        assert run.table(stream) == bare.table(stream)


@pytest.mark.covers(128)
def test_one_provider_without_its_half_is_named_though_others_are_fine(box: Sandbox) -> None:
    run = run_tap(changed(box.config() | MAY, {"twin24.password": GONE}))

    assert run.code == 1
    assert "twin24.password: missing; email needs it" in getattr(run.error, "errors", [])
