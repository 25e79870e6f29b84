"""The registry: a provider is a folder here and a name in this list, and knows no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_callexports.providers.anunzi import Anunzi
from tap_callexports.providers.burki import Burki
from tap_callexports.providers.twin24 import Twin24
from tap_callexports.providers.videsk import Videsk

if TYPE_CHECKING:
    from tap_callexports.provider import Provider

#: All there are, in the order of settings and messages.
PROVIDERS: tuple[type[Provider], ...] = (Videsk, Anunzi, Twin24, Burki)
