"""Renews tap-callexports.yml: `python -m hub`."""

from hub.definition import FILE, written

FILE.write_text(written(), encoding="utf-8")
