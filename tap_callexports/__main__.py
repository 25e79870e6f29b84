"""The entry point of `tap-callexports` and `python -m tap_callexports`."""

from __future__ import annotations

import gc
import signal

#: Responses are many objects, and no garbage in cycles: it is looked for after so many new ones.
_OBJECTS = 20_000


def main() -> None:
    """Run the tap's command line.

    Until the tap has its own handlers, Ctrl-C ends the process without a traceback: loading the
    SDK takes a moment. What is loaded stays, so that looking for garbage in it is lost time.

    Raises:
        SystemExit: Always, by `run_command`.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    from tap_callexports.cli import run_command  # noqa: PLC0415 - see above

    gc.freeze()
    gc.set_threshold(_OBJECTS)
    gc.enable()
    run_command()


if __name__ == "__main__":
    main()
