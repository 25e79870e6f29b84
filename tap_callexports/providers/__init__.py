"""The registry: a provider is a folder here and a line in this list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_callexports.providers.anunzi import Anunzi
from tap_callexports.providers.burki import Burki
from tap_callexports.providers.twin24 import Twin24
from tap_callexports.providers.videsk import Videsk

if TYPE_CHECKING:
    from tap_callexports.core.provider import Provider

PROVIDERS: tuple[type[Provider], ...] = (Videsk, Anunzi, Twin24, Burki)
