"""The registry: a provider is a folder here and a line in this list."""

from __future__ import annotations

from tap_callexports.core.provider import Provider
from tap_callexports.providers.anunzi import Anunzi
from tap_callexports.providers.burki import Burki
from tap_callexports.providers.twin24 import Twin24
from tap_callexports.providers.videsk import Videsk

PROVIDERS: tuple[type[Provider], ...] = (Videsk, Anunzi, Twin24, Burki)
