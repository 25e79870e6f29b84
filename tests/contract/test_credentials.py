"""Credentials: as people paste them, absent in every way, and what switches a provider on."""

from __future__ import annotations

import json
import logging

import pytest
from expected_streams import BY_NAME, OFF
from support import changed, run_tap, secret_settings

from sandbox import Sandbox
from tap_callexports.provider import Provider
from tap_callexports.providers import PROVIDERS

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
#: Burki's streams that are selected by default.
BURKI = {name for name in BY_NAME if name.startswith("burki_")} - set(OFF)
EACH = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


@EACH
@pytest.mark.parametrize("pasted", ["  {} ", "{}\n", ' "{}" \n', "'{}'"])
def test_a_pasted_credential_arrives_as_it_was_meant(
    box: Sandbox, provider: type[Provider], pasted: str
) -> None:
    api = box.apis[provider.name]
    given = api.config()
    for name in secret_settings(provider.name) & given.keys():
        # A password may hold quotes, and loses only the blanks around it.
        form = "  {}\n" if name == "password" else pasted
        given[name] = form.format(given[name])
    stream = provider.stream_name(provider.streams[0])
    assert run_tap(MAY | {provider.name: given}, streams=[stream]).code == 0
    assert api.requests


@pytest.mark.parametrize("pasted", ["Bearer {}", "BEARER   {}", "Bearer\t{}", 'Bearer "{}"'])
def test_a_token_may_be_pasted_with_the_word_before_it(box: Sandbox, pasted: str) -> None:
    changes = {
        "videsk.api_token": pasted.format(box.videsk.options.token),
        "burki.api_key": pasted.format(box.burki.options.api_key),
        "twin24.access_token": pasted.format(box.twin24.static_token),
    }
    assert run_tap(changed(box.config() | MAY, changes)).code == 0
    for api, header, secret in (
        (box.videsk, "x-api-token", box.videsk.options.token),
        (box.burki, "authorization", box.burki.options.api_key),
        (box.twin24, "authorization", box.twin24.static_token),
    ):
        assert {request.headers[header] for request in api.requests} == {f"Bearer {secret}"}


def test_an_email_and_a_password_lose_only_the_blanks_around_them(box: Sandbox) -> None:
    options = box.twin24.options
    options.password = '"Bearer x"'
    login = {"email": f" {options.email}\n", "password": f" {options.password}\n"}
    assert run_tap(MAY | {"twin24": box.twin24.config() | login}).code == 0
    assert box.twin24.requests[0].body == {"email": options.email, "password": '"Bearer x"'}


@pytest.mark.parametrize("off", [None, "", {}, {"api_key": '""'}, {"api_key": "Bearer "}])
def test_a_provider_that_is_null_or_of_whose_token_nothing_is_left_is_off(
    box: Sandbox, off: object
) -> None:
    run = run_tap(MAY | {"burki": box.burki.config(), "anunzi": off})
    assert run.code == 0
    assert {line["stream"] for line in run.lines if "stream" in line} == BURKI


@EACH
@pytest.mark.parametrize("off", [{}, None, "", "  "], ids=json.dumps)
def test_a_provider_without_its_credential_is_off_and_says_so_once(
    box: Sandbox, caplog: pytest.LogCaptureFixture, provider: type[Provider], off: object
) -> None:
    caplog.set_level(logging.INFO)
    address = {"api_url": box.apis[provider.name].config()["api_url"]}
    settings = {**address, **({} if off == {} else dict.fromkeys(provider.credentials[0], off))}
    other = "burki" if provider.name != "burki" else "videsk"
    stream = f"{other}_calls"
    run = run_tap({**MAY, provider.name: settings, other: box.apis[other].config()})
    assert run.code == 0
    assert run.records(stream)
    assert not box.apis[provider.name].requests
    said = [
        record for record in caplog.records
        if record.getMessage().startswith(f"{provider.title} is off")
    ]  # fmt: skip
    assert [record.levelname for record in said] == ["INFO"]
    assert provider.credential_names() in said[0].getMessage()


def test_empty_texts_and_nulls_count_as_unset_everywhere(box: Sandbox) -> None:
    """Meltano passes settings without a value as one of the two."""
    config = box.config() | {"start_date": "2024-05-01"}
    unset: dict[str, object] = {"end_date": None, "user_agent": "", "request_timeout": None}
    for provider in PROVIDERS:
        for number, setting in enumerate(provider.properties):
            if setting.name not in config[provider.name]:
                unset[f"{provider.name}.{setting.name}"] = None if number % 2 else ""
    run, bare = run_tap(changed(config, unset)), run_tap(config)
    assert run.code == 0
    for name in set(BY_NAME) - set(OFF):
        assert run.table(name) == bare.table(name)
