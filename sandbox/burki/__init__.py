"""Burki: one file per request, CSV or JSON, with times in UTC that do not say so."""

from __future__ import annotations

from .api import BurkiApi, BurkiOptions

__all__ = ["BurkiApi", "BurkiOptions"]
