"""Anunzi, whose API is Retell AI's, https://doc.anunzi.net/api-calls/listar-llamadas"""

from __future__ import annotations

from tap_callexports.config import text
from tap_callexports.providers.retell.provider import Retell, settings_of
from tap_callexports.providers.retell.streams import ANUNZI, RETELL


class Anunzi(Retell):
    """A workspace at Anunzi, or at Retell AI by another `api_url`."""

    name = "anunzi"
    title = "Anunzi"
    properties = settings_of(
        title,
        "https://calls.anunzi.net",
        text(
            "filter_dialect",
            "Filter dialect",
            "How filters are written: as Anunzi documents them, or as Retell AI does.",
            default=ANUNZI,
            choices=[ANUNZI, RETELL],
        ),
    )
