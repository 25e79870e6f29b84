"""Anunzi, and Retell: calls by POST with typed filters and an opaque cursor."""

from __future__ import annotations

from .api import AnunziApi, AnunziOptions

__all__ = ["AnunziApi", "AnunziOptions"]
