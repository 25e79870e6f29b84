"""Anunzi: Retell's API, with filters in the dialect that Anunzi documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .compat import override
from .retell import RetellApi, RetellOptions

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from .filters import Dialect


@dataclass
class AnunziOptions(RetellOptions):
    """The ways in which the real server may behave; the defaults are the documented ones."""

    dialect: Dialect = "anunzi"
    api_key: str = "anunzi_canary_key_77b0e3"


class AnunziApi(RetellApi):
    """Anunzi on localhost."""

    name = "anunzi"
    keys: ClassVar = {
        "anunzi_calls": ("call_id",),
        "anunzi_unstarted_calls": ("call_id",),
        "anunzi_call_details": ("call_id",),
    }
    call_streams = ("anunzi_calls", "anunzi_call_details", "anunzi_unstarted_calls")
    new_options = AnunziOptions

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `anunzi` object."""
        config = super().config()
        if self.options.dialect == "retell":
            config["filter_dialect"] = "retell"
        return config

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run of these streams must survive."""
        settings, options = super().vary(dice, streams), self.options
        dialects: list[Dialect] = ["anunzi", "retell", "both"]
        options.dialect = dice.choice(dialects)
        known = "retell" if options.dialect == "retell" else "anunzi"
        wrong = options.dialect != "both" and self.streams[2] not in streams
        if wrong and options.cursor_ttl_pages is None and dice.random() < 0.15:
            options.wrong_dialect = "ignore"
            known = "anunzi" if known == "retell" else "retell"
        return {**settings, "filter_dialect": known}
