"""One run of dlt's REST source on Vapi's call list, as its documentation shows: `FILE`.

Prints the rows that it extracted, and loads them into a DuckDB file of the working directory, where
the incremental state stays, too.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def main() -> None:
    """Extract with the paginator and the cursor of the config, print, and load."""
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    cursor, paginator = config["cursor"], config["paginator"]
    if paginator == "offset":
        # A list without a total needs an end: here it is further than the list is long.
        end = {"total_path": None, "maximum_offset": 20 * config["limit"]}
        paginator = {"type": "offset", "limit": config["limit"], **end}
    settings: RESTAPIConfig = {
        "client": {
            "base_url": config["api_url"],
            "auth": {"type": "bearer", "token": config["api_key"]},
        },
        "resources": [
            {
                "name": "calls",
                "primary_key": "id",
                "write_disposition": "merge",
                "max_table_nesting": 0,
                "endpoint": {
                    "path": "call",
                    "paginator": paginator,
                    "params": {
                        "limit": config["limit"],
                        f"{cursor}Ge": "{incremental.start_value}",
                    },
                    "incremental": {
                        "cursor_path": cursor,
                        "initial_value": config["start_date"],
                    },
                },
            }
        ],
    }
    folder = Path.cwd() / "pipelines"
    store = dlt.destinations.duckdb("calls.duckdb")
    pipeline = dlt.pipeline("calls", pipelines_dir=str(folder), destination=store)
    pipeline.extract(rest_api_source(settings))
    for file in sorted(folder.rglob("calls.*.typed-jsonl*")):
        raw = file.read_bytes()
        text = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
        sys.stdout.buffer.write(text)
    pipeline.normalize()
    pipeline.load()


if __name__ == "__main__":
    main()
