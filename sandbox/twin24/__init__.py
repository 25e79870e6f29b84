"""Twin24: a login, then pages by offset with a count, and only the fields one asks for."""

from __future__ import annotations

from .api import Twin24Api, Twin24Options

__all__ = ["Twin24Api", "Twin24Options"]
