"""The report of the demo shows what the tables hold, by itself and without anybody's number."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
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
#: One without a network, that tells which elements the page has in the end.
_HEADLESS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
    *("--virtual-time-budget=10000", "--host-resolver-rules=MAP * ~NOTFOUND"),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Row]]:
    """A report, and the calls it was made of."""
    one = OneTable(tmp_path_factory.mktemp("report"))
    one.load(truth(Sandbox()))
    one.run()
    return page(insights(one.file)), one.calls()


def test_every_chart_shows_the_calls_of_the_table(report: tuple[str, list[Row]]) -> None:
    html, calls = report
    figures = _figures(html)
    started = [row for row in calls if row["started_at"]]
    answered = [row["duration_seconds"] for row in calls if row["status"] == "answered"]
    lasting = [seconds for seconds in answered if seconds is not None]
    assert list(figures) == ["days", "outcomes", "lengths", "hours", "costs"]
    assert _sum(figures["days"], "y") == len(started)
    assert _sum(figures["outcomes"], "customdata") == len(calls)
    assert _sum(figures["lengths"], "customdata") == len(lasting)
    cost = sum(row["cost"] for row in started if row["cost"] is not None)
    assert _sum(figures["costs"], "y") == pytest.approx(float(cost), abs=0.1)
    assert [trace["name"] for trace in figures["days"]["data"]] == list(PROVIDERS.values())
    assert f"<b>{len(calls):,}</b><span>calls</span>" in html


def test_the_page_needs_nothing_else_and_names_nobody(report: tuple[str, list[Row]]) -> None:
    html, calls = report
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert '<script id="figures"' in own
    assert not re.search(r"\ssrc=|<link|@import|url\(|https?:", own)
    personal = ("agent", "customer_number", "from_number", "to_number", "recording")
    people = {row[name] for row in calls for name in personal if row[name]}
    assert people
    assert [value for value in people if value in own] == []


def test_a_browser_draws_every_chart(report: tuple[str, list[Row]], tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to look with: {', '.join(_BROWSERS)}")
    file = tmp_path / "report.html"
    file.write_text(report[0], encoding="utf-8")
    command = [browser, *_HEADLESS, f"--user-data-dir={tmp_path / 'browser'}"]
    drawn = subprocess.check_output([*command, file.as_uri()], text=True, timeout=120)
    for chart in _figures(report[0]):
        part = drawn.split(f'id="{chart}"', 1)[1].split("</section>", 1)[0]
        assert 'class="main-svg"' in part, f"{chart} is empty"
        assert "<path" in part, f"{chart} shows nothing"


def _figures(html: str) -> dict[str, Any]:
    [figures] = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', html)
    return dict(json.loads(figures))


def _sum(figure: dict[str, Any], axis: str) -> float:
    return float(sum(value for trace in figure["data"] for value in trace[axis]))
