"""Run the sandbox from the command line: `python -m sandbox`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

from .box import Sandbox
from .instants import UTC, floor, parse


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = _options()
    end: datetime = options.end or floor(datetime.now(UTC), timedelta(hours=1))
    start = end - timedelta(days=options.days)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    box = Sandbox(
        options.seed,
        options.rows,
        start,
        end,
        host=options.host,
        port=options.port,
        own_clock=options.end is not None,
    )
    with box:
        if options.write_config:
            config = {"start_date": start.strftime("%Y-%m-%dT%H:%M:%SZ"), **box.config()}
            options.write_config.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        sys.stdout.write(f"sandbox ready on {box.url}\n")
        sys.stdout.flush()
        stopped.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=int, default=400, help="calls per provider")
    parser.add_argument("--days", type=int, default=14, help="days of calls before the end")
    parser.add_argument(
        "--end",
        type=parse,
        help="end of the calls, ISO 8601 (default: this hour); the APIs' clock stands there, too",
    )
    parser.add_argument("--write-config", type=Path, help="write the tap's configuration here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
