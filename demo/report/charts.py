"""The report's charts. The page's style gives their texts the colours of its theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import plotly.graph_objects as go

from .insights import LENGTHS
from .palette import (
    DIRECTIONS,
    HOVER,
    HOVER_TEXT,
    SERIES,
    STATUSES,
    provider_colour,
    provider_title,
)

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS_OF_DAY = [f"{hour:02d}" for hour in range(24)]
_GRID = "rgba(125, 133, 149, 0.25)"
_SHOWN_DAYS = 62
_Rows = Sequence[tuple[Any, ...]]


def _days(rows: _Rows) -> go.Figure:
    """Calls per day, or per week from Monday where the period is long, by provider."""
    dates = [day for _, day, _ in rows]
    length, first = (max(dates) - min(dates)).days + 1, min(dates)
    step = 1 if length <= _SHOWN_DAYS else 7
    first -= timedelta(days=first.weekday() if step > 1 else 0)
    counts: Counter[tuple[str, int]] = Counter()
    for provider, day, calls in rows:
        counts[provider, (day - first).days // step] += calls
    places = range(max(place for _, place in counts) + 1)
    form = "%a<br>%d<br>%b" if step == 1 else "%d<br>%b<br>%Y"
    axis = [(first + timedelta(days=step * place)).strftime(form) for place in places]
    figure = go.Figure()
    for provider in dict.fromkeys(provider for provider, *_ in rows):
        heights = [counts[provider, place] for place in places]
        figure.add_bar(**_provider(provider), x=axis, y=heights, hovertemplate="%{y:,} calls")
    ticks = {"type": "category", "nticks": 8, "tickangle": 0}
    return _styled(figure.update_layout(barmode="stack", xaxis=ticks))


def _lengths(rows: _Rows) -> go.Figure:
    """How long answered calls were, as shares of each provider's."""
    figure = go.Figure()
    for provider in dict.fromkeys(provider for provider, *_ in rows):
        found = {length: calls for name, length, calls in rows if name == provider}
        counts = [found.get(length, 0) for length in LENGTHS.values()]
        figure.add_bar(
            **_provider(provider),
            x=list(LENGTHS.values()),
            y=[count / sum(counts) for count in counts],
            customdata=counts,
            hovertemplate="%{customdata:,} calls, %{y:.1%}",
        )
    return _styled(figure.update_layout(barmode="group", yaxis={"tickformat": ".0%"}))


def _missed(rows: _Rows) -> go.Figure:
    """Inbound calls that were missed, by the hour."""
    figure = go.Figure()
    found = {hour: calls for hour, *calls in rows}
    counts = [found.get(hour, [0, 0, 0]) for hour in range(24)]
    for place, status in enumerate(("abandoned", "no_answer")):
        name, colour = STATUSES[status]
        figure.add_bar(
            name=name,
            x=_HOURS_OF_DAY,
            y=[calls[place] for calls in counts],
            customdata=[calls[2] for calls in counts],
            marker_color=colour,
            hovertemplate="%{x}:00 UTC: %{y:,} of %{customdata:,} inbound calls",
        )
    ticks = {"type": "category", "dtick": 3}
    return _styled(figure.update_layout(barmode="stack", xaxis=ticks))


def _hours(rows: _Rows) -> go.Figure:
    """Calls by weekday and hour, on average."""
    means = {(day, hour): round(calls, 1) for day, hour, calls in rows}
    figure = go.Figure(
        go.Heatmap(
            x=_HOURS_OF_DAY,
            y=_WEEKDAYS,
            z=[[means.get((day, hour), 0) for hour in range(24)] for day in range(7)],
            colorscale=[[0, "rgba(47, 128, 237, 0.06)"], [1, SERIES[0]]],
            xgap=2,
            ygap=2,
            colorbar={"outlinewidth": 0, "thickness": 10},
            hovertemplate="%{y} %{x}:00 UTC: %{z:,.1f} calls<extra></extra>",
        )
    )
    ticks = {"type": "category", "dtick": 3}
    figure.update_layout(xaxis=ticks, yaxis={"autorange": "reversed"})
    return _styled(figure, height=300).update_yaxes(showgrid=False)


def _shares(kinds: Mapping[str, tuple[str, str]], rows: _Rows) -> go.Figure:
    """One bar for each provider, in parts that add up to all its calls."""
    providers = list(dict.fromkeys(provider for provider, _, _ in rows))
    sums = {
        provider: sum(calls for name, _, calls in rows if name == provider)
        for provider in providers
    }
    figure = go.Figure()
    for kind, (label, colour) in kinds.items():
        counts = {name: calls for name, found, calls in rows if found == kind}
        if counts:
            figure.add_bar(
                name=label,
                y=[provider_title(provider) for provider in providers],
                x=[counts.get(provider, 0) / sums[provider] for provider in providers],
                customdata=[counts.get(provider, 0) for provider in providers],
                orientation="h",
                marker_color=colour,
                hovertemplate="%{y}: %{customdata:,} calls, %{x:.1%}",
            )
    figure.update_layout(
        barmode="stack",
        xaxis={"tickformat": ".0%", "range": [0, 1.001], "dtick": 0.25},
        yaxis={"autorange": "reversed"},
    )
    _styled(figure, height=110 + 40 * len(providers))
    return figure.update_xaxes(showgrid=True).update_yaxes(showgrid=False)


def _provider(provider: str) -> dict[str, str]:
    return {"name": provider_title(provider), "marker_color": provider_colour(provider)}


def _styled(figure: go.Figure, *, height: int = 320) -> go.Figure:
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 8, "r": 20, "t": 8, "b": 8},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        showlegend=True,
        bargap=0.25,
        hoverlabel={"bgcolor": HOVER, "bordercolor": HOVER, "font": {"color": HOVER_TEXT}},
        dragmode=False,
    )
    both = {"automargin": True, "gridcolor": _GRID, "zeroline": False, "ticklabelstandoff": 6}
    both |= {"tickfont": {"size": 11}, "ticks": ""}
    figure.update_xaxes(showgrid=False, **both)
    figure.update_yaxes(**both)
    return figure


#: Parts of the page that are charts, and how they are drawn of their rows in `Insights`.
CHARTS: dict[str, Callable[[_Rows], go.Figure]] = {
    "days": _days,
    "outcomes": partial(_shares, STATUSES),
    "directions": partial(_shares, DIRECTIONS),
    "missed": _missed,
    "lengths": _lengths,
    "hours": _hours,
}
