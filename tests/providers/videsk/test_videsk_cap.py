"""What is believed of Videsk's cap: an answer that was cut never counts as whole."""

from __future__ import annotations

from batch_of import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_callexports.providers.videsk.cap import TRUSTED_ROWS, Answer, Cap

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)


@PROPERTY
@given(
    st.lists(st.integers(0, 4000), max_size=12),
    st.integers(1, 2500),
    st.sampled_from(["named", "assumed", "named too high"]),
)
def test_an_answer_that_was_cut_never_counts_as_whole(
    matches: list[int], real: int, told: str
) -> None:
    if told == "named too high":
        # A proxy may cut lower than the provider says, though not below this.
        real = max(real, TRUSTED_ROWS)
    cap = Cap(real if told == "assumed" else 5000)
    limit = {"named": real, "assumed": None, "named too high": 100_000}[told]
    for count in matches:
        answer = Answer(batch_of([{"id": 1}] * min(count, real)), limit)
        if count > real:
            assert cap.may_be_cut(answer)


def test_short_answers_count_as_whole_and_longer_ones_once_the_named_cap_was_seen() -> None:
    cap = Cap(5000)
    lengths: list[tuple[int, int | None, bool]] = [
        (999, 100_000, False),
        (1000, 100_000, True),
        (4999, 5000, True),
        (5000, 5000, True),
        (4999, 5000, False),
        (4999, None, True),
        # Longer than the cap it names: that is not the cap.
        (60, 10, False),
        (1200, 10, True),
    ]
    for rows, limit, may_be_cut in lengths:
        assert cap.may_be_cut(Answer(batch_of([{"id": 1}] * rows), limit)) is may_be_cut, (
            rows,
            limit,
        )
