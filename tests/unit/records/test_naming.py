"""Providers' spellings become column names."""

from __future__ import annotations

import pytest

from tap_callexports.records.naming import snake_case


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("callId", "call_id"), ("aiCallLlmTotalCost", "ai_call_llm_total_cost"),
        ("call_id", "call_id"), ("Effective Duration", "effective_duration"),
        ("Rescheduled Appointment ID", "rescheduled_appointment_id"), ("IP", "ip"),
        ("GPS accuracy", "gps_accuracy"), ("e2e_latency", "e2e_latency"), ("id", "id"),
        # An acronym is a word.
        ("HTTPStatus", "http_status"), ("aiURLPath2", "ai_url_path2"), ("IPType", "ip_type"),
        # What is no ASCII letter and no digit parts words.
        ("Duración", "duraci_n"), ("__call--id__", "call_id"), ("$%&", ""), ("é", ""),
    ],
)  # fmt: skip
def test_names_become_snake_case(name: str, column: str) -> None:
    assert snake_case(name) == column
