"""`tap-callexports` and `python -m tap_callexports`."""

from __future__ import annotations

from tap_callexports.core.tap import run_command
from tap_callexports.tap import TapCallExports


def main() -> None:
    """Run the tap's command line."""
    run_command(TapCallExports)


if __name__ == "__main__":
    main()
