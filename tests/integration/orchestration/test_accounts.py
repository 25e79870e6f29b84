"""The accounts file: what it may say, and what each run is given of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from orchestrate.accounts import Accounts, AccountsError, read_accounts
from tap_callexports.tap import TapCallExports

_SECRET = "canary-key"


def test_the_example_is_of_settings_the_tap_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(read_accounts.__code__.co_filename).with_name("accounts.yml").read_text("utf-8")
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, _SECRET)
    example = read_accounts()
    for account, providers in example.settings.items():
        for provider in providers:
            settings = example.settings_of(account, provider, runs_at_once=1)
            TapCallExports(config={provider: settings})


def test_variables_are_filled_in_wherever_a_text_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", _SECRET)
    settings = {"api_key": "${A_KEY}", "deep": {"list": ["x${A_KEY}y", 3, None]}, "page_size": 5}
    accounts = _accounts(tmp_path, {"a": {"anunzi": settings}})
    assert accounts.settings_of("a", "anunzi", runs_at_once=2) == {
        "api_key": _SECRET,
        "deep": {"list": [f"x{_SECRET}y", 3, None]},
        "page_size": 5,
    }


def test_a_variable_that_is_not_set_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "")
    accounts = _accounts(tmp_path, {"a": {"burki": {"api_key": "${A_KEY}"}}})
    with pytest.raises(AccountsError, match=r"^a\.burki\.api_key: the environment has no A_KEY$"):
        accounts.settings_of("a", "burki", runs_at_once=1)


@pytest.mark.parametrize(("runs", "what"), [(101, "101 runs"), (None, "set a limit for the pool")])
def test_runs_at_the_same_time_share_a_budget_if_that_can_be(
    tmp_path: Path, runs: int | None, what: str
) -> None:
    accounts = _accounts(tmp_path, {"a": {"burki": {"requests_per_minute": 100}}})
    for number, share in ((1, 100), (3, 33), (100, 1)):
        settings = accounts.settings_of("a", "burki", runs_at_once=number)
        assert settings == {"requests_per_minute": share}
    with pytest.raises(AccountsError, match=f"^a.burki.requests_per_minute: .*{what}"):
        accounts.settings_of("a", "burki", runs_at_once=runs)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("accounts: {a: {burki: {}}}", "must hold first_month and accounts"),
        ("{first_month: 2024-13, accounts: {a: {burki: {}}}}", "must be a month"),
        ("{first_month: 2024-01, accounts: {}}", "must name at least one"),
        ("{first_month: 2024-01, accounts: {A-b: {burki: {}}}}", "small letters"),
        ("{first_month: 2024-01, accounts: {a: {nobody: {}}}}", "must have settings of"),
        ("{first_month: 2024-01, accounts: {a: {burki: key}}}", "are not settings"),
        ("{first_month: 2024-01, accounts: {a: {burki: {requests_per_minute: 0}}}}", "are not"),
        ("{", "accounts.yml: while parsing"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_sentence(
    tmp_path: Path, content: str, what: str
) -> None:
    file = tmp_path / "accounts.yml"
    file.write_text(content, "utf-8")
    with pytest.raises(AccountsError, match=what) as error:
        read_accounts(file)
    assert str(error.value).startswith(str(file))


def _accounts(folder: Path, accounts: object) -> Accounts:
    file = folder / "accounts.yml"
    file.write_text(yaml.safe_dump({"first_month": "2024-01", "accounts": accounts}), "utf-8")
    return read_accounts(file)
