"""Durations in logarithmic buckets: close percentiles from few numbers."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.histogram import LAST_BUCKET, Histogram, bucket_of, exact_ms, value_of
from tests.metrics.naive import close_to, percentile

YEAR_MS = 365 * 86_400_000.0
durations = st.floats(min_value=0, max_value=YEAR_MS)
lists_of_durations = st.lists(durations, min_size=1, max_size=60)


def histogram(times: list[float]) -> Histogram:
    made = Histogram()
    made.record(times)
    return made


@given(durations)
def test_a_bucket_stands_for_its_durations_within_five_per_cent(ms: float) -> None:
    assert close_to(value_of(bucket_of(ms)), ms)


@given(durations, durations)
def test_longer_durations_never_fall_into_lower_buckets(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert bucket_of(shorter) <= bucket_of(longer)


@given(lists_of_durations, st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_any_percentile_of_any_durations_is_within_five_per_cent(times: list[float], share: float) -> None:
    answered = histogram(times).percentile(share)
    assert answered is not None
    assert close_to(answered, percentile(times, share))


@given(lists_of_durations, lists_of_durations)
def test_adding_histograms_is_recording_all_durations(some: list[float], more: list[float]) -> None:
    added, together = histogram(some), histogram(some + more)
    other = histogram(more)
    added.add(other.first, other.counts)
    assert (added.first, added.counts) == (together.first, together.counts)
    assert added.total == len(some) + len(more)


def test_nothing_recorded_has_no_percentile() -> None:
    assert Histogram().percentile(0.5) is None


def test_adding_an_empty_histogram_changes_nothing() -> None:
    made = histogram([5.0, 7.0])
    made.add(0, ())
    assert made.total == 2


@pytest.mark.parametrize("nothing", [0.0, -3.0, 0.001])
def test_what_no_clock_resolves_reads_as_nothing(nothing: float) -> None:
    assert value_of(bucket_of(nothing)) == 0.0


def test_no_duration_is_too_long_to_be_counted() -> None:
    assert bucket_of(1e300) == LAST_BUCKET


def test_the_median_of_two_lies_between_them() -> None:
    answered = histogram([10.0, 1_000.0]).percentile(0.5)
    assert answered is not None
    assert close_to(answered, median([10.0, 1_000.0]))


def test_durations_are_kept_to_the_microsecond_and_never_negative() -> None:
    assert str(exact_ms(12.3456789)) == "12.346"
    assert exact_ms(-1.0) == 0
