"""Which streams are exported together, by one run of the tap."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrate.streams import STREAMS, Stream

#: What a job's streams are, ranged and per call, by what follows the provider in its name.
_KINDS = {"": (True, False), "_details": (True, True), "_whole": (False, False)}


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Attributes:
        name: The provider, and a word on the streams where they are not its usual ones.
        provider: Its name.
        streams: What a run exports.
    """

    name: str
    provider: str
    streams: tuple[Stream, ...]

    @property
    def ranged(self) -> bool:
        """Whether a run exports a range; if not, it exports everything there is."""
        return self.streams[0].ranged


def jobs_of(provider: str) -> list[Job]:
    """The jobs of a provider."""
    found = []
    for suffix, kind in _KINDS.items():
        streams = tuple(each for each in STREAMS[provider] if (each.ranged, each.per_call) == kind)
        if streams:
            found.append(Job(provider + suffix, provider, streams))
    return found
