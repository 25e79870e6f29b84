"""Renews tap-callexports.yml: `python -m hub`."""

from __future__ import annotations

from hub.definition import FILE, written

FILE.write_text(written(), encoding="utf-8")
