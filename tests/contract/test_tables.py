"""The tables that the tests keep by hand know every provider: who is forgotten is not tested there.

The contract, the settings and the documents look after their own tables.
"""

from __future__ import annotations

from collections.abc import Iterable

import checks
import kills
import one_answer
import pytest
import servers
import test_cut_runs
import test_long_first_run
import test_nothing_leaks
import test_state_life
import test_wrong_credentials
from one_stream import provider_of
from support import PROVIDERS, assert_listed

import demo.expected
from demo import charts
from sandbox import Sandbox
from tap_callexports.providers import PROVIDERS as DECLARED


def providers_of(streams: Iterable[str]) -> set[str]:
    return {provider_of(stream) for stream in streams}


#: The tables, by name and file, and the providers in them.
TABLES: dict[str, Iterable[str]] = {
    "STREAMS in demo/expected.py": providers_of(demo.expected.STREAMS),
    "NAMES in demo/charts.py": charts.NAMES,
    "_COLOURS in demo/charts.py": charts._COLOURS,
    "_CREDENTIALS in tests/resilience/checks.py": checks._CREDENTIALS,
    "_ROLLS in tests/resilience/servers.py": servers._ROLLS,
    "_SETTINGS in tests/resilience/kills.py": kills._SETTINGS,
    "STREAMS in tests/resilience/kills.py": providers_of(kills.STREAMS),
    "SECRETS in tests/resilience/one_answer.py": one_answer.SECRETS,
    "LISTS in tests/resilience/one_answer.py": providers_of(one_answer.LISTS),
    "EMPTY in tests/resilience/test_cut_runs.py": providers_of(test_cut_runs.EMPTY),
    "STREAMS in tests/resilience/test_long_first_run.py": providers_of(test_long_first_run.STREAMS),
    "STREAMS in tests/resilience/test_nothing_leaks.py": providers_of(test_nothing_leaks.STREAMS),
    "STREAMS in tests/resilience/test_state_life.py": providers_of(test_state_life.STREAMS),
    "CASES in tests/resilience/test_wrong_credentials.py": {
        provider for provider, *_ in test_wrong_credentials.CASES.values()
    },
}


def test_every_provider_is_in_the_sandbox() -> None:
    names = [provider.name for provider in DECLARED]
    assert_listed(names, Sandbox(rows=0).apis, "Sandbox.apis in sandbox/box.py")


@pytest.mark.parametrize("where", TABLES)
def test_every_provider_is_in(where: str) -> None:
    assert_listed(PROVIDERS, TABLES[where], where)
