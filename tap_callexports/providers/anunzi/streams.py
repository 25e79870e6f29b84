"""The streams of Retell AI's API at Anunzi, https://doc.anunzi.net/api-calls/listar-llamadas"""

from __future__ import annotations

from tap_callexports.providers.retell import streams, unstarted


class Calls(streams.Calls):
    """Calls that started."""

    name = "anunzi_calls"


class UnstartedCalls(unstarted.UnstartedCalls):
    """Calls that never started."""

    name = "anunzi_unstarted_calls"


class CallDetails(streams.CallDetails):
    """Calls with their transcripts."""

    name = "anunzi_call_details"
    calls = Calls
