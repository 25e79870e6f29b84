"""dlt's REST source on the paged workload: `dlt_source.py FILE [duckdb]`.

Without a destination the pipeline only extracts: it requests, decodes, and writes its own files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def main() -> None:
    """Extract, or load into a DuckDB file of the working directory."""
    file, *load = sys.argv[1:]
    config = json.loads(Path(file).read_text("utf-8"))
    settings: RESTAPIConfig = {
        "client": {"base_url": config["api_url"]},
        "resources": [
            {
                "name": "calls",
                "primary_key": "call_id",
                "endpoint": {
                    "path": "v3/list-calls",
                    "method": "POST",
                    "json": {"limit": 1000, "sort_order": "ascending"},
                    "data_selector": "items",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "pagination_key",
                        "cursor_body_path": "pagination_key",
                    },
                },
            }
        ],
    }
    pipeline = dlt.pipeline(
        "calls",
        pipelines_dir=str(Path.cwd() / "pipelines"),
        destination=dlt.destinations.duckdb("calls.duckdb"),
        dataset_name="raw_calls",
    )
    source = rest_api_source(settings)
    if load:
        pipeline.run(source)
    else:
        pipeline.extract(source)


if __name__ == "__main__":
    main()
