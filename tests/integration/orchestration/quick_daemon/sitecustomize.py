"""On the path of Dagster's daemon it looks for work every two seconds; there is no setting."""

from __future__ import annotations

import os
import sys

if any(word.endswith("dagster-daemon") for word in sys.orig_argv):
    os.environ["DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS"] = "1"
    from dagster._daemon import controller

    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
