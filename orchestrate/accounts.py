"""Reads accounts.yml: whose calls are exported, and with which settings of the tap."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestrate.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names the file, where it is not the one beside this module.
FILE_VARIABLE = "CALLEXPORTS_ACCOUNTS"
#: What may be the name of a schema without quotes, and part of a partition's key.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_MONTH = "%Y-%m"


class AccountsError(Exception):
    """The accounts file, or the environment it names, is not as it should be."""


@dataclass(frozen=True)
class Accounts:
    """The content of an accounts file.

    Attributes:
        first_month: First instant of the first month, UTC.
        settings: The tap's settings of each provider of each account, variables not yet filled in.
    """

    first_month: datetime
    settings: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def at(self, provider: str) -> list[str]:
        """The accounts that use a provider."""
        return [name for name, providers in self.settings.items() if provider in providers]

    def settings_of(
        self, account: str, provider: str, *, runs_at_once: int | None
    ) -> dict[str, Any]:
        """The tap's settings for one run, secrets included.

        Args:
            account: Its name.
            provider: Its name.
            runs_at_once: How many runs may share the account's `requests_per_minute`, None if
                that is not known.

        Raises:
            AccountsError: A variable is not set, or the budget cannot be shared.
        """
        settings: dict[str, Any] = {
            name: _filled_in(value, f"{account}.{provider}.{name}")
            for name, value in self.settings[account][provider].items()
        }
        budget = settings.get("requests_per_minute")
        if budget is None:
            return settings
        where = f"{account}.{provider}.requests_per_minute"
        if runs_at_once is None:
            raise AccountsError(f"{where}: set a limit for the pool {provider}, which shares it")
        if budget < runs_at_once:
            raise AccountsError(
                f"{where}: {budget} a minute cannot be shared by {runs_at_once} runs; "
                f"lower the limit of the pool {provider}"
            )
        return {**settings, "requests_per_minute": budget // runs_at_once}


def read_accounts(file: Path | None = None) -> Accounts:
    """The accounts file.

    Args:
        file: Where it is; else where the environment says, else beside this module.

    Raises:
        AccountsError: It is not as it should be. The line says where.
    """
    file = file or Path(os.environ.get(FILE_VARIABLE) or Path(__file__).with_name("accounts.yml"))
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise AccountsError(f"{file}: {error}") from None
    if not isinstance(content, dict) or set(content) != {"first_month", "accounts"}:
        raise AccountsError(f"{file}: must hold first_month and accounts, and nothing else")
    try:
        first = datetime.strptime(str(content["first_month"]), _MONTH).replace(tzinfo=timezone.utc)
    except ValueError:
        raise AccountsError(f"{file}: first_month must be a month, as 2024-01") from None
    accounts = content["accounts"]
    if not isinstance(accounts, dict) or not accounts:
        raise AccountsError(f"{file}: accounts must name at least one")
    for name, providers in accounts.items():
        _check(name, providers, file)
    return Accounts(first, accounts)


def _check(name: object, providers: object, file: Path) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AccountsError(f"{file}: {name!r}: a name is of small letters, digits and _")
    if not isinstance(providers, dict) or not providers or not set(providers) <= set(STREAMS):
        raise AccountsError(f"{file}: {name}: must have settings of {', '.join(STREAMS)}")
    for provider, settings in providers.items():
        budget = settings.get("requests_per_minute", 1) if isinstance(settings, dict) else None
        if type(budget) is not int or budget < 1:
            raise AccountsError(f"{file}: {name}.{provider}: are not settings of the tap")


def _filled_in(value: object, where: str) -> object:
    """A value with the environment's variables in its texts."""
    if isinstance(value, dict):
        return {name: _filled_in(each, f"{where}.{name}") for name, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each, where) for each in value]
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        if not os.environ.get(name):
            raise AccountsError(f"{where}: the environment has no {name}")
    return _VARIABLE.sub(lambda found: os.environ[found[1]], value)
