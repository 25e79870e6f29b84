"""The report: one HTML page that holds all it needs, and asks no network for anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from . import charts
from .insights import Insights, Totals
from .palette import HOVER_TEXT, STATUSES, THEMES, provider_colour, provider_title

_Rows = list[tuple[Any, ...]]
_PAGE = Path(__file__).with_name("page.html")
_SPACE = "\N{NO-BREAK SPACE}"
#: Each part of the page: its heading, and what is said under it.
PARTS = {
    "days": ("Calls over time", "By the day on which they started, or by week in a long period."),
    "outcomes": ("How calls went", "Share of each provider's calls."),
    "directions": ("Inbound and outbound", "Share of the calls of each provider that tells it."),
    "missed": ("Missed calls by hour", "Inbound calls that were given up or that nobody took."),
    "lengths": ("How long calls were", "Share of each provider's answered calls."),
    "waits": ("Waiting time", "In the queue, of inbound calls. Full bar: median; pale: 90 %."),
    "costs": ("Cost per minute", "Cost by minutes, of the calls of which both are known."),
    "agents": ("Top agents", "People, voice agents and bots by the calls that they answered."),
    "reasons": ("Why calls ended", "In the provider's words. Share of its calls with a reason."),
    "hours": ("Busiest hours", "Calls an hour by weekday, on average over the period."),
}


def page(seen: Insights, note: str = "") -> str:
    """Draw the whole page as HTML; `note` says more about the calls."""
    shown = {name: rows for name, rows in seen.parts.items() if rows}
    if not seen.totals.missed:
        shown.pop("missed", None)
    figures = {
        name: json.loads(draw(shown[name]).to_json())
        for name, draw in charts.CHARTS.items()
        if name in shown
    }
    lists = {name: _LISTS[name](shown[name]) for name in _LISTS if name in shown}
    drawn = lists | {
        name: f"<div class='chart' id='{name}' role='img' aria-label='{PARTS[name][0]}'></div>"
        for name in figures
    }
    providers = dict.fromkeys(provider_title(row[0]) for row in seen.parts["outcomes"])
    return Template(_PAGE.read_text("utf-8")).substitute(
        light=_variables("light"),
        dark=_variables("dark"),
        hover_text=HOVER_TEXT,
        about=escape(f"{', '.join(providers)} in one table. {note}{_period(seen)}"),
        cards="".join(_cards(seen)),
        sections="".join(_section(name, drawn[name]) for name in PARTS if name in drawn),
        figures=_as_script(figures),
        plotly=get_plotlyjs(),
    )


def _period(seen: Insights) -> str:
    dates = [day for _, day, _ in seen.parts["days"]]
    undated = seen.totals.calls - sum(calls for *_, calls in seen.parts["days"])
    return (
        (f" {min(dates)} to {max(dates)}. All times are UTC." if dates else "")
        + (f" {undated:,} calls never started and have no day." if undated else "")
        + (" Changes are those of the last 7 whole days to the 7 before." if seen.weeks else "")
    )


def _percent(value: float) -> str:
    return f"{value * 100:.1f}{_SPACE}%"


def _time(seconds: float) -> str:
    return "{}:{:02d}{}min".format(*divmod(round(seconds), 60), _SPACE)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _headlines(t: Totals) -> list[tuple[str, float | None, Callable[[float], str], str]]:
    """What each card is about, its value, how it is shown, and what it is the value of."""
    over = f"of {t.over:,} calls that are over"
    inbound = f"{t.missed:,} of {t.inbound:,} were given up, or nobody took them"
    outbound = f"{t.connected:,} of {t.outbound:,} were answered"
    wait = f"in the queue; 90{_SPACE}% within {_time(t.long_wait or 0)}"
    return [
        ("calls", t.calls, "{:,}".format, f"{t.answered:,} were answered"),
        ("answered", _share(t.answered, t.over), _percent, over),
        ("of inbound calls missed", _share(t.missed, t.inbound), _percent, inbound),
        ("of outbound calls connected", _share(t.connected, t.outbound), _percent, outbound),
        ("failed", _share(t.failed, t.over), _percent, f"{t.failed:,} {over}"),
        ("talked", t.hours, f"{{:,.1f}}{_SPACE}h".format, "the sum of all lengths"),
        ("median length", t.median_seconds, _time, "of answered calls"),
        ("median wait", t.median_wait, _time, wait),
    ]


def _cards(seen: Insights) -> Iterable[str]:
    weeks = [[value for _, value, *_ in _headlines(week)] for week in seen.weeks]
    for place, (label, value, shown, note) in enumerate(_headlines(seen.totals)):
        if value is not None:
            change = _change(shown, *(week[place] for week in weeks))
            yield (
                f"<div class='card'><b>{shown(value)}</b>{label}<small>{note}</small>{change}"
                "</div>\n"
            )


def _change(
    shown: Callable[[float], str], now: float | None = None, before: float | None = None
) -> str:
    """A week beside the one before: points for shares, otherwise percent."""
    if now is None or before is None or (shown is not _percent and not before):
        return ""
    change = 100 * (now - before) if shown is _percent else 100 * (now / before - 1)
    unit = "points" if shown is _percent else "%"
    return f"<small>last 7 days <strong>{shown(now)}, {change:+.1f}{_SPACE}{unit}</strong></small>"


def _bars(lines: Iterable[tuple[str, str, str, tuple[float, ...]]]) -> str:
    """Lines with provider, label, text, and a bar of these shares of its length, longest first."""
    items = "".join(
        f"<li><span>{escape(label)} <small>{escape(provider_title(provider))}</small></span>"
        f"<span>{escape(text)}</span><div style='color:{provider_colour(provider)}'>"
        + "".join(f"<i style='width:{share:.2%}'></i>" for share in shares)
        + "</div></li>\n"
        for provider, label, text, shares in lines
    )
    return f"<ul>{items}</ul>"


def _waits(rows: _Rows) -> str:
    longest = max(high for *_, high in rows) or 1
    return _bars(
        (
            name,
            STATUSES[status][0],
            f"median {_time(middle)}, 90{_SPACE}% within {_time(high)}",
            (high / longest, middle / longest),
        )
        for name, status, middle, high in rows
    )


def _agents(rows: _Rows) -> str:
    return _bars(
        (
            name,
            agent,
            f"{calls:,} calls" + ("" if hours is None else f", {hours:,.1f}{_SPACE}h"),
            (calls / rows[0][2],),
        )
        for name, agent, calls, hours in rows
    )


def _reasons(rows: _Rows) -> str:
    return _bars(
        (name, reason, f"{calls:,}, {_percent(calls / known)}", (calls / known,))
        for name, reason, calls, known in rows
    )


def _costs(rows: _Rows) -> str:
    return _bars(
        (name, currency or "currency not said", f"{rate:,.4f} a minute, {cost:,.2f} in all", ())
        for name, currency, cost, rate in rows
    )


#: Parts that are lists, and how their lines are made of rows.
_LISTS: dict[str, Callable[[_Rows], str]] = {
    "waits": _waits,
    "agents": _agents,
    "reasons": _reasons,
    "costs": _costs,
}


def _section(name: str, content: str) -> str:
    title, caption = PARTS[name]
    return f"<section class='{name}'><h2>{title}</h2><p>{caption}</p>{content}</section>\n"


def _as_script(value: object) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")


def _variables(theme: str) -> str:
    return "".join(f"--{name}: {colour}; " for name, colour in THEMES[theme].items())
