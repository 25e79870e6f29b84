"""What the host brings: its zone, language, hash seed, zone data, netrc, certificates, proxy."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import requires
from pathlib import Path

import pytest
from expected_streams import BY_NAME
from process import tap
from support import JSON, catalog_of, run_tap

from sandbox import Sandbox
from sandbox.instants import UTC

ROOT = Path(__file__).resolve().parents[2]
#: Around changes of clocks: Santiago's on the 7th of April, Lord Howe's the day before.
START, END = datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)
PLAIN = {"TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
HOSTS = [
    {"TZ": "America/Santiago", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
    # A host whose Python takes ASCII for the encoding of files and of its output.
    {
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "random",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    },
    {"TZ": "Australia/Lord_Howe", "PYTHONHASHSEED": "1", "LC_ALL": "POSIX"},
]
_READ_AT = re.compile(r',"(time_extracted|as_of)":"[^"]*"')


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[JSON, JSON]]:
    """A config with all providers on, with times without a zone where they can; a catalog."""
    with Sandbox(seed=9, rows=60, start=START, end=END) as box:
        box.videsk.options.dates = "day_first"
        box.twin24.options.times = "naive"
        config = box.config()
        config["videsk"]["timezone"] = "America/Santiago"
        config["burki"]["format"] = "csv"
        config |= {"start_date": START.isoformat(), "end_date": END.isoformat()}
        yield config, catalog_of(config, BY_NAME)


@pytest.fixture(scope="module")
def plain(place: tuple[JSON, JSON]) -> str:
    """The output at a plain host."""
    return output_at(PLAIN, *place)


def output_at(host: dict[str, str], config: JSON, catalog: JSON) -> str:
    """The output of a run, without the moments at which it read."""
    outcome = tap(config=config, catalog=catalog, env=host)
    assert outcome.code == 0, outcome.err
    return _READ_AT.sub("", outcome.out)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host["TZ"])
def test_the_host_changes_no_byte_of_the_output(
    place: tuple[JSON, JSON], plain: str, host: dict[str, str]
) -> None:
    assert '"time_extracted"' not in plain
    assert plain.count('{"type":"RECORD"') > 500
    assert "ñ" in plain, "no text that an ASCII host could stumble over"
    assert output_at(host, *place) == plain


def test_zones_are_known_on_a_host_without_zone_data() -> None:
    assert any(line.split(";")[0].strip() == "tzdata" for line in requires("tap-callexports") or [])
    code = """
import zoneinfo
from tap_callexports.records.time_zones import zone_named
from tap_callexports.providers.videsk.times import videsk_instant
assert zoneinfo.TZPATH == ()
print(videsk_instant("08/09/2024, 00:30:00", zone_named("America/Santiago")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONTZPATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "2024-09-08T04:30:00.000000Z"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_s_certificates_are_used_and_named_when_they_are_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    account = {"api_url": "https://127.0.0.1:9", "api_key": "canary-9d2b41"}
    config = {"start_date": "2024-05-09", "end_date": "2024-05-10", "burki": account}
    [complaint] = run_tap(config, streams=["burki_call_list"]).complaints
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE" in complaint


def test_credentials_of_the_user_s_netrc_go_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login netrc-user password netrc-password\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Sandbox(rows=3) as box:
        run = run_tap({"start_date": "2024-05-09", "end_date": "2024-05-10", **box.config()})
        assert run.code == 0
        sent = [asked.headers for api in box.apis.values() for asked in api.requests]
    values = [headers.get("authorization", "") for headers in sent]
    assert sent
    assert not any("bmV0cmMt" in value for value in values), "netrc-user:netrc-password in base64"
