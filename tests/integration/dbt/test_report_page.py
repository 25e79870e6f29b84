"""The report leaves out what it has no values for; its colours can be read and told apart."""

from __future__ import annotations

import itertools
import math
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from calls_table import write_calls

from demo.expected import Row
from demo.report.insights import Insights, insights
from demo.report.page import page
from demo.report.palette import DIRECTIONS, HOVER, HOVER_TEXT, SERIES, STATUSES, THEMES

_NAMED = {colour for _, colour in (*STATUSES.values(), *DIRECTIONS.values())}
#: What a person sees who does not see green light (Machado 2009), in linear light.
_DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)


def _call(day: int = 0, **values: object) -> Row:
    start = datetime(2024, 6, 3, 9) + timedelta(days=day)
    return {"provider": "videsk", "status": "answered", "started_at": start.isoformat(), **values}


def _seen(folder: Path, *rows: Row, columns: tuple[str, ...] = ()) -> Insights:
    names = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    return insights(write_calls(folder, rows, names), "analytics")


def _parts(html: str) -> list[str]:
    return re.findall(r"<section class='(\w+)'>", html)


def test_parts_without_values_are_left_out(tmp_path: Path) -> None:
    html = page(_seen(tmp_path, _call()))
    assert _parts(html) == ["days", "outcomes", "hours"]
    assert re.findall(r"</b>(.*?)<small>", html) == ["calls", "answered", "failed"]


def test_calls_that_never_started_are_counted_and_have_no_day(tmp_path: Path) -> None:
    html = page(_seen(tmp_path, _call(started_at=None), _call(started_at=None)))
    assert _parts(html) == ["outcomes"]
    assert "2 calls never started and have no day." in html


def test_a_failed_inbound_call_is_neither_missed_nor_answered(tmp_path: Path) -> None:
    statuses = ("answered", "abandoned", "no_answer", "failed", "ongoing")
    calls = [_call(status=status, direction="inbound") for status in statuses]
    totals = _seen(tmp_path, *calls, _call(status="no_answer", direction="outbound")).totals
    assert (totals.missed, totals.inbound) == (2, 3)
    assert (totals.connected, totals.outbound) == (0, 1)
    assert (totals.failed, totals.over) == (1, 5)


def test_two_whole_weeks_are_compared(tmp_path: Path) -> None:
    calls = [_call(day, status="failed") for day in range(8)]
    calls += [_call(day) for day in range(8, 16)] * 2
    html = page(_seen(tmp_path, *calls))
    assert "last 7 days <strong>14, +100.0\N{NO-BREAK SPACE}%</strong>" in html
    assert "<strong>0.0\N{NO-BREAK SPACE}%, -100.0\N{NO-BREAK SPACE}points</strong>" in html


def test_a_share_is_compared_with_none_in_points(tmp_path: Path) -> None:
    calls = [_call(day, status="failed" if day > 8 else "answered") for day in range(16)]
    html = page(_seen(tmp_path, *calls))
    assert "<strong>85.7\N{NO-BREAK SPACE}%, +85.7\N{NO-BREAK SPACE}points</strong>" in html


def test_less_than_two_whole_weeks_are_not_compared(tmp_path: Path) -> None:
    html = page(_seen(tmp_path, *(_call(day) for day in range(15))))
    assert "last 7" not in html


def test_a_long_period_is_shown_by_weeks_from_monday(tmp_path: Path) -> None:
    html = page(_seen(tmp_path, _call(2), _call(6), _call(7), _call(100)))
    [counts] = re.findall(r'"name":"Videsk".*?"y":\[(.*?)\]', html)
    assert counts == "2,1,0,0,0,0,0,0,0,0,0,0,0,0,1"


def test_an_average_counts_days_without_calls(tmp_path: Path) -> None:
    monday, wednesday = _call(0), _call(9)
    assert _seen(tmp_path, monday, wednesday).parts["hours"] == [(0, 9, 0.5), (2, 9, 0.5)]


def test_a_cost_per_minute_leaves_out_calls_whose_length_or_cost_is_unknown(
    tmp_path: Path,
) -> None:
    known = _call(cost=3, duration_seconds=90, currency="USD")
    unknown = [_call(cost=5, currency="USD"), _call(duration_seconds=60, currency="USD")]
    assert _seen(tmp_path, known, *unknown).parts["costs"] == [("videsk", "USD", 3, 2)]


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    html = page(_seen(tmp_path, _call(agent="<b>&", provider="</script><b>")))
    assert "<li><span>&lt;b&gt;&amp;" in html
    assert "</script><b>" not in html


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_can_be_read(theme: str) -> None:
    surfaces = [THEMES[theme][name] for name in ("page", "panel")]
    texts = [THEMES[theme][name] for name in ("text", "quiet")]
    for text, surface in [*itertools.product(texts, surfaces), (HOVER_TEXT, HOVER)]:
        assert _contrast(text, surface) >= 4.5, f"{text} on {surface}"


@pytest.mark.parametrize("theme", THEMES)
def test_every_bar_can_be_seen(theme: str) -> None:
    for colour in {*SERIES, *_NAMED}:
        assert _contrast(colour, THEMES[theme]["panel"]) >= 3, colour


@pytest.mark.parametrize(
    "colours", [SERIES, [colour for _, colour in STATUSES.values()]], ids=["series", "statuses"]
)
def test_colours_of_one_chart_are_told_apart(colours: list[str]) -> None:
    for one, other in itertools.combinations(colours, 2):
        assert _distance(_light(one), _light(other)) >= 12, f"{one} {other}"
        assert _distance(_dim(one), _dim(other)) >= 12, f"{one} {other} without green"


def test_the_page_uses_no_other_colour(tmp_path: Path) -> None:
    call = _call(direction="inbound", waited_seconds=3, duration_seconds=9, agent="A", cost=1)
    html = page(
        _seen(tmp_path, {**call, "disconnection_reason": "x"}, {**call, "status": "abandoned"})
    )
    own = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    themes = {colour for theme in THEMES.values() for colour in theme.values()}
    assert {*re.findall(r"#[0-9a-f]{6}\b", own)} <= {*themes, HOVER, HOVER_TEXT, *SERIES, *_NAMED}


def _light(colour: str) -> list[float]:
    """Red, green and blue in linear light (sRGB)."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _dim(colour: str) -> list[float]:
    light = _light(colour)
    rows = (sum(w * p for w, p in zip(row, light, strict=True)) for row in _DEUTERANOPIA)
    return [min(1.0, max(0.0, part)) for part in rows]


def _luminance(light: list[float]) -> float:
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), light, strict=True))


def _contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2 defines it."""
    low, high = sorted(_luminance(_light(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _distance(one: list[float], other: list[float]) -> float:
    """Difference of two colours in CIELAB (1976)."""
    return math.dist(_lab(one), _lab(other))


def _lab(light: list[float]) -> tuple[float, float, float]:
    red, green, blue = light
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    roots = [
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, _luminance(light), z)
    ]
    return 116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])
