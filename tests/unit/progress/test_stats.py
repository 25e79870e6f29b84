"""The numbers behind bars, lines and summaries."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from seam import fake_clock

from tap_callexports.progress.stats import FAILED, Stats
from tap_callexports.records.timestamps import UTC
from tap_callexports.windows import Window

START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPAN = Window(START, START + 10 * DAY)


@fake_clock(monotonic=lambda: 15.5)
def test_its_fields_are_all_that_was_counted() -> None:
    stats = Stats(
        "test_calls", "form_id 7", bookmark=START + 4 * DAY, next_from=START + 3 * DAY, rows=50,
        windows=4, duplicates=3, outside=2, not_found=1, skipped=["call 1", "call 2"],
        invalid_values=Counter({"notes": 5, "duration": 1}), outcome=FAILED, began=10.0,
        ended=12.34567,
    )  # fmt: skip
    for again in (False, True, False):
        stats.traffic.sent(again=again)
    assert stats.fields() == {
        "outcome": "failed", "rows": 50, "windows": 4, "requests": 3, "retries": 1,
        "duplicates": 3, "rows_outside": 2, "not_found": 1, "skipped": 2, "invalid": 6,
        "repaired": 0, "bookmark": "2024-05-05T00:00:00.000000Z",
        "next_from": "2024-05-04T00:00:00.000000Z", "seconds": 2.346,
    }  # fmt: skip
    fields = Stats("test_calls", began=10.0).fields()
    assert (fields["bookmark"], fields["next_from"], fields["seconds"]) == (None, None, 5.5)
