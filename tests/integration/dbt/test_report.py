"""The report shows what the mock APIs hold, by itself, and no customer's number."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from calls_table import write_calls
from one_table import truth

from demo.expected import Row, expected
from demo.report.insights import insights
from demo.report.page import PARTS, page
from demo.streams import PROVIDERS
from sandbox import Sandbox

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
#: One without a network, that tells which elements the page has in the end.
_HEADLESS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
    *("--virtual-time-budget=10000", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
_MISSED = ("abandoned", "no_answer")


@pytest.fixture(scope="module")
def calls() -> list[Row]:
    """The calls that the records of the mock APIs tell of."""
    return list(expected(truth(Sandbox())).values())


@pytest.fixture(scope="module")
def html(calls: list[Row], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page about them."""
    return page(insights(write_calls(tmp_path_factory.mktemp("report"), calls), "analytics"))


def test_every_part_is_there(html: str) -> None:
    assert re.findall(r"<section class='(\w+)'>", html) == list(PARTS)
    assert "All times are UTC." in html


def test_every_card_shows_the_share_of_what_it_names(html: str, calls: list[Row]) -> None:
    status = Counter(row["status"] for row in calls)
    over = len(calls) - status["ongoing"] - status["other"]
    ways = Counter((row["direction"], row["status"]) for row in calls)
    missed = sum(ways["inbound", each] for each in _MISSED)
    inbound = missed + ways["inbound", "answered"]
    outbound = sum(ways["outbound", each] for each in (*_MISSED, "answered", "failed"))
    came = [row for row in calls if row["direction"] == "inbound"]
    waits = [row["waited_seconds"] for row in came if row["status"] in ("answered", *_MISSED)]
    answered = [row["duration_seconds"] for row in calls if row["status"] == "answered"]
    talked = sum(row["duration_seconds"] or 0 for row in calls)
    assert _cards(html) == {
        "calls": f"{len(calls):,}",
        "answered": f"{status['answered'] / over:.1%}",
        "of inbound calls missed": f"{missed / inbound:.1%}",
        "of outbound calls connected": f"{ways['outbound', 'answered'] / outbound:.1%}",
        "failed": f"{status['failed'] / over:.1%}",
        "talked": f"{talked / 3600:,.1f}h",
        "median length": _minutes(_percentile(answered, 0.5)),
        "median wait": _minutes(_percentile(waits, 0.5)),
    }


def test_every_chart_shows_the_calls_of_the_table(html: str, calls: list[Row]) -> None:
    figures = _figures(html)
    started = [row for row in calls if row["started_at"]]
    lasting = [row for row in calls if row["status"] == "answered" and row["duration_seconds"]]
    telling = {row["provider"] for row in calls if row["direction"]}
    missed = [row for row in started if row["direction"] == "inbound" and row["status"] in _MISSED]
    assert _sum(figures["days"], "y") == len(started)
    assert _sum(figures["outcomes"], "customdata") == len(calls)
    assert _sum(figures["directions"], "customdata") == sum(r["provider"] in telling for r in calls)
    assert _sum(figures["lengths"], "customdata") == len(lasting)
    per_hour = Counter(int(row["started_at"][11:13]) for row in missed)
    stacks = zip(*(trace["y"] for trace in figures["missed"]["data"]), strict=True)
    assert [sum(stack) for stack in stacks] == [per_hour[hour] for hour in range(24)]


def test_every_list_shows_the_calls_of_the_table(html: str, calls: list[Row]) -> None:
    agents = Counter(
        (row["agent"], row["provider"])
        for row in calls
        if row["status"] == "answered" and row["agent"]
    )
    reasons = Counter((row["disconnection_reason"], row["provider"]) for row in calls)
    known = Counter(row["provider"] for row in calls if row["disconnection_reason"])
    assert [(label, text.split(" calls")[0]) for label, _, text in _lines(html, "agents")] == [
        (agent, f"{count:,}")
        for (agent, provider), count in sorted(
            agents.items(), key=lambda item: (-item[1], item[0][1], item[0][0])
        )[:10]
    ]
    names = {title: name for name, title in PROVIDERS.items()}
    for label, title, text in _lines(html, "reasons"):
        count = reasons[label, names[title]]
        assert text == f"{count:,}, {count / known[names[title]]:.1%}"
    for label, title, text in _lines(html, "costs"):
        of = [r for r in calls if r["provider"] == names[title] and r["cost"] is not None]
        of = [row for row in of if row["duration_seconds"] is not None]
        cost, minutes = sum(r["cost"] for r in of), sum(r["duration_seconds"] for r in of) / 60
        assert text == f"{cost / minutes:,.4f} a minute, {cost:,.2f} in all"
        assert {row["currency"] for row in of} == {None if " not " in label else label}
    waited = [row for row in calls if row["waited_seconds"] is not None]
    for label, title, text in _lines(html, "waits"):
        status = {"given up": "abandoned", "not answered": "no_answer"}.get(label, label)
        of = [row for row in waited if row["provider"] == names[title]]
        of = [row["waited_seconds"] for row in of if row["status"] == status]
        median, long = (_minutes(_percentile(of, share)) for share in (0.5, 0.9))
        assert text == f"median {median}, 90% within {long}"


def test_the_page_needs_nothing_else_and_names_no_customer(html: str, calls: list[Row]) -> None:
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert '<script id="figures"' in own
    assert not re.search(r"\ssrc=|<link|@import|url\(|https?:", own)
    personal = ("customer_number", "from_number", "to_number", "recording")
    people = {row[name] for row in calls for name in personal if row[name]}
    assert people
    assert [value for value in people if value in own] == []


@pytest.mark.slow
def test_a_browser_draws_every_chart(html: str, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser to look with: {', '.join(_BROWSERS)}")
    file = tmp_path / "report.html"
    file.write_text(html, encoding="utf-8")
    command = [browser, *_HEADLESS, f"--user-data-dir={tmp_path / 'browser'}"]
    drawn = subprocess.check_output([*command, file.as_uri()], text=True, timeout=120)
    for chart in _figures(html):
        part = drawn.split(f'id="{chart}"', 1)[1].split("</section>", 1)[0]
        assert 'class="main-svg"' in part, f"{chart} is empty"
        assert "<path" in part, f"{chart} shows nothing"


def _figures(html: str) -> dict[str, Any]:
    [figures] = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', html)
    return dict(json.loads(figures))


def _cards(html: str) -> dict[str, str]:
    found = re.findall(r"<div class='card'><b>(.*?)</b>(.*?)<small>", html)
    return {label: _tight(value) for value, label in found}


def _lines(html: str, part: str) -> list[tuple[str, str, str]]:
    """Label, provider and text of each line of a list."""
    [section] = re.findall(f"<section class='{part}'>(.*?)</section>", html, flags=re.DOTALL)
    line = r"<li><span>(.*?) <small>(.*?)</small></span><span>(.*?)</span>"
    lines = [(label, provider, _tight(text)) for label, provider, text in re.findall(line, section)]
    assert lines
    return lines


def _tight(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", "")


def _sum(figure: dict[str, Any], axis: str) -> float:
    return float(sum(value for trace in figure["data"] for value in trace[axis]))


def _percentile(values: list[Any], share: float) -> float:
    """Between two values in proportion."""
    ordered = sorted(float(value) for value in values if value is not None)
    place = (len(ordered) - 1) * share
    low = ordered[int(place)]
    return low + (ordered[min(int(place) + 1, len(ordered) - 1)] - low) * (place % 1)


def _minutes(seconds: float) -> str:
    return "{}:{:02d}min".format(*divmod(round(seconds), 60))
