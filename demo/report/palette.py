"""The colours of the report. A test holds their contrast, and that they are told apart."""

from __future__ import annotations

import itertools

from ..streams import PROVIDERS

#: Two surfaces and two colours of text, by the reader's choice of light or dark.
THEMES = {
    "light": {"page": "#ffffff", "panel": "#f6f7f9", "text": "#1b1f27", "quiet": "#566072"},
    "dark": {"page": "#12151b", "panel": "#1b2029", "text": "#e8ebf0", "quiet": "#a9b2c0"},
}
#: The box that tells about a bar under the pointer, in both themes.
HOVER, HOVER_TEXT = "#2b3140", "#ffffff"

#: Each is seen on every surface.
SERIES = ("#2f80ed", "#d9730d", "#12946a", "#a05ad6", "#e2609a", "#6b7d1f")
PROVIDER_COLOURS = dict(zip(PROVIDERS, itertools.cycle(SERIES), strict=False))
#: What statuses are called, and their colours.
STATUSES = {
    "answered": ("answered", "#2b979d"),
    "ongoing": ("ongoing", "#5f698a"),
    "abandoned": ("given up", "#946c00"),
    "no_answer": ("not answered", "#e0651a"),
    "failed": ("failed", "#cc355c"),
    "other": ("other", "#b06bd6"),
}
DIRECTIONS = {
    "inbound": ("inbound", SERIES[0]),
    "outbound": ("outbound", SERIES[1]),
    "": ("not known", "#5f698a"),
}


def provider_title(provider: str) -> str:
    """A provider's name for people."""
    return PROVIDERS.get(provider, provider)


def provider_colour(provider: str) -> str:
    """A provider's colour, the same in every chart."""
    return PROVIDER_COLOURS.get(provider, SERIES[-1])
