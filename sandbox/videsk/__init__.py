"""Videsk: capped exports by POST, columns under labels, times in the zone that was asked for."""

from .api import VideskApi, VideskOptions

__all__ = ["VideskApi", "VideskOptions"]
