"""Airbyte's low-code CDK on the paged workload, through its own entry point."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)


def manifest(config: dict[str, Any]) -> dict[str, Any]:
    """The connector: one stream with a cursor."""
    schema = json.loads(Path(config["schema"]).read_text("utf-8"))
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["calls"]},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "calls",
                "primary_key": ["call_id"],
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {
                        "type": "HttpRequester",
                        "url_base": config["api_url"],
                        "path": "/v3/list-calls",
                        "http_method": "POST",
                        "request_body_json": {"sort_order": "ascending"},
                    },
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": ["items"]},
                    },
                    "paginator": {
                        "type": "DefaultPaginator",
                        "page_size_option": {
                            "type": "RequestOption",
                            "inject_into": "body_json",
                            "field_name": "limit",
                        },
                        "page_token_option": {
                            "type": "RequestOption",
                            "inject_into": "body_json",
                            "field_name": "pagination_key",
                        },
                        "pagination_strategy": {
                            "type": "CursorPagination",
                            "page_size": 1000,
                            "cursor_value": "{{ response.pagination_key }}",
                            "stop_condition": "{{ not response.has_more }}",
                        },
                    },
                },
                "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
            }
        ],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {}},
        },
    }


def main() -> None:
    """Read the stream, as the platform would have it read."""
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    stream = {
        "stream": {"name": "calls", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
        "sync_mode": "full_refresh",
        "destination_sync_mode": "append",
    }
    Path("airbyte.json").write_text("{}", "utf-8")
    Path("configured.json").write_text(json.dumps({"streams": [stream]}), "utf-8")
    source = ConcurrentDeclarativeSource(
        catalog=None, config={}, state=None, source_config=manifest(config)
    )
    launch(source, ["read", "--config", "airbyte.json", "--catalog", "configured.json"])


if __name__ == "__main__":
    main()
