"""The report of the demo shows what the tables hold, by itself and without anybody's number."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable, truth

from demo.expected import Row
from demo.insights import insights
from demo.page import page
from demo.streams import PROVIDERS
from sandbox import Sandbox

pytestmark = pytest.mark.slow

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class _Report:
    """A report, and the calls it was made of."""

    html: str
    calls: list[Row]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> _Report:
    one = OneTable(tmp_path_factory.mktemp("report"))
    one.load(truth(Sandbox()))
    one.run()
    return _Report(page(insights(one.file)), one.calls())


def test_every_chart_shows_the_calls_of_the_table(report: _Report) -> None:
    figures, calls = _figures(report.html), report.calls
    started = [row for row in calls if row["started_at"]]
    lasting = [
        row["duration_seconds"]
        for row in calls
        if row["status"] == "answered" and row["duration_seconds"] is not None
    ]
    assert list(figures) == ["days", "outcomes", "lengths", "hours", "costs"]
    assert _sum(figures["days"], "y") == len(started)
    assert _sum(figures["outcomes"], "customdata") == len(calls)
    assert _sum(figures["lengths"], "customdata") == len(lasting)
    shortest = sum(trace["customdata"][0] for trace in figures["lengths"]["data"])
    assert shortest == sum(seconds < 15 for seconds in lasting) > 0
    (heat,) = figures["hours"]["data"]
    mondays = [row for row in started if _weekday(row) == 0]
    on_average = len(mondays) / len({row["started_at"][:10] for row in mondays})
    assert sum(heat["z"][0]) == pytest.approx(on_average, abs=24 * 0.05)
    assert [any(day) for day in heat["z"]] == [
        any(_weekday(row) == number for row in started) for number in range(7)
    ]
    cost = sum(row["cost"] for row in started if row["cost"] is not None)
    assert _sum(figures["costs"], "y") == pytest.approx(float(cost), abs=0.1)
    names = [trace["name"] for trace in figures["days"]["data"]]
    assert names == list(PROVIDERS.values())
    assert f"<b>{len(calls):,}</b><span>calls</span>" in report.html


def test_the_page_needs_nothing_else_and_names_nobody(report: _Report) -> None:
    own = re.sub(r"<script>.*?</script>", "", report.html, flags=re.DOTALL)
    assert '<script id="figures"' in own
    assert not re.search(r"\ssrc=|<link|@import|url\(|https?:", own)
    people = {
        value
        for row in report.calls
        for name in ("agent", "customer_number", "from_number", "to_number", "recording")
        if (value := row[name])
    }
    assert people
    assert [value for value in people if value in own] == []


def test_a_browser_draws_every_chart(report: _Report, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to look with: {', '.join(_BROWSERS)}")
    file = tmp_path / "report.html"
    file.write_text(report.html, encoding="utf-8")

    drawn = _drawn(browser, file)

    for chart in _figures(report.html):
        part = drawn.split(f'id="{chart}"', 1)[1].split("</section>", 1)[0]
        assert 'class="main-svg"' in part, f"{chart} is empty"
        assert "<path" in part, f"{chart} shows nothing"


def _drawn(browser: str, file: Path) -> str:
    """The page's elements as a browser without a network has them in the end."""
    alone = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    profile = f"--user-data-dir={file.parent / 'browser'}"
    command = [browser, *alone, profile, "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def _figures(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="figures" type="application/json">(.*?)</script>', html)
    assert found
    return dict(json.loads(found.group(1)))


def _weekday(row: Row) -> int:
    return date.fromisoformat(row["started_at"][:10]).weekday()


def _sum(figure: dict[str, Any], axis: str) -> float:
    return float(sum(value for trace in figure["data"] for value in trace[axis]))
