"""Providers' spellings become column names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.records.naming import snake_case

#: Names as providers write them, and as nobody does.
NAMES = st.text("aBcDE09 _-.ñ€") | st.text()


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


@given(NAMES)
def test_any_name_is_words_of_small_letters_and_digits(name: str) -> None:
    column = snake_case(name)
    assert snake_case(column) == column
    assert re.fullmatch(r"([a-z0-9]+(_[a-z0-9]+)*)?", column)
    assert column.replace("_", "") == re.sub(r"[^a-z0-9]", "", ascii_lower(name))


def ascii_lower(name: str) -> str:
    """Small letters for those of ASCII only: some other letters become one of them."""
    return "".join(char.lower() for char in name if char.isascii())
