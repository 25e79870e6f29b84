"""Videsk: capped exports by POST, columns under labels, times in the zone that was asked for."""

from __future__ import annotations

from .api import VideskApi, VideskOptions

__all__ = ["VideskApi", "VideskOptions"]
