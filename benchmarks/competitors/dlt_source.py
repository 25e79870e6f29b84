"""dlt's REST source on the paged workload: `dlt_source.py FILE [KIND --address=… --files=…]`.

Without a destination the pipeline only extracts: it asks, decodes, and writes its own files.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def main() -> None:
    """Extract, or load: into an address, or a DuckDB file of the working directory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("kind", nargs="?")
    parser.add_argument("--address", default="calls.duckdb")
    parser.add_argument("--files", help="kind of the files it makes on the way")
    options = parser.parse_args()
    config = json.loads(options.file.read_text("utf-8"))
    destination = getattr(dlt.destinations, options.kind or "duckdb")
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
        destination=destination(options.address),
        dataset_name="raw_calls",
    )
    source = rest_api_source(settings)
    if options.kind:
        pipeline.run(source, loader_file_format=options.files)
    else:
        pipeline.extract(source)


if __name__ == "__main__":
    main()
