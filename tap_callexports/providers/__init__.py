"""The registry of providers."""

from __future__ import annotations

from tap_callexports.provider import Provider
from tap_callexports.providers.anunzi.provider import Anunzi
from tap_callexports.providers.burki.provider import Burki
from tap_callexports.providers.elevenlabs.provider import ElevenLabs
from tap_callexports.providers.retell.provider import Retell
from tap_callexports.providers.twin24.provider import Twin24
from tap_callexports.providers.vapi.provider import Vapi
from tap_callexports.providers.videsk.provider import Videsk

#: All providers, in the order of settings and messages.
PROVIDERS: tuple[type[Provider], ...] = (Videsk, Anunzi, Retell, Twin24, Burki, Vapi, ElevenLabs)
