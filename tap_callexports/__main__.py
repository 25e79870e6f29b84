"""The entry point of `tap-callexports` and `python -m tap_callexports`."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import signal

#: The garbage collector runs after so many new objects: responses are many, and hold no cycles.
_OBJECTS = 20_000
#: glibc's `M_MMAP_THRESHOLD` and its initial value in bytes.
_MMAP_THRESHOLD, _MMAP_BYTES = -3, 128 << 10


def main() -> None:
    """Run the tap's command line.

    Until the tap has its own handlers, Ctrl-C ends the process without a traceback. Loaded modules
    are frozen, so that the garbage collector does not scan them.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    _return_large_blocks()
    from tap_callexports.cli import run_command  # noqa: PLC0415 - see above

    gc.freeze()
    gc.set_threshold(_OBJECTS)
    gc.enable()
    run_command()


def _return_large_blocks() -> None:
    """Let glibc return large blocks to the system when they are freed.

    Otherwise it raises its threshold to 32 MiB, and threads keep the memory of large responses.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)


if __name__ == "__main__":
    main()
