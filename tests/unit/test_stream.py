"""A stream notices a server that does not apply the time range, and allows for rounded times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fake_calls import DAY, SECOND, START, FakeCalls

from tap_callexports.errors import FilterIgnored, StreamFailed
from tap_callexports.http.paginators import Page
from tap_callexports.records.timestamps import format_instant
from tap_callexports.windows import Window

WINDOW = Window(START, START + DAY)


def check(off: timedelta, window: Window = WINDOW, **attributes: Any) -> None:
    """Check a page of the window with a row so long after its start."""
    calls = type("Declared", (FakeCalls,), attributes)()
    batch = calls.batch([{"id": 1, "at": format_instant(START + off)}])
    calls.check_page(Page(batch), window)


@pytest.mark.parametrize(
    ("off", "ignored"),
    [
        (timedelta(), False),
        (-2 * SECOND, False),
        (DAY + SECOND, False),
        (-3 * SECOND, True),
        (DAY + 3 * SECOND, True),
    ],
)
def test_a_row_outside_of_its_window_by_over_two_seconds_says_that_the_filter_is_ignored(
    off: timedelta, *, ignored: bool
) -> None:
    if ignored:
        with pytest.raises(FilterIgnored, match=r"^Test \(test_calls\): the server does not apply"):
            check(off)
        with pytest.raises(StreamFailed, match="and this list cannot be read as a whole"):
            check(off, can_scan=False)
    else:
        check(off)
    check(off, replace(WINDOW, scan=True))
    check(off, strict_filter=False)
    check(off, filter_field=None)
