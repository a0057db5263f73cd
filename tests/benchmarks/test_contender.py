"""What a benchmark says of its figures is what they are."""

import math

import pytest

from tests.benchmarks.contender import Outcome, percentile


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.01, 10.0), (0.25, 10.0), (0.26, 20.0), (0.5, 20.0), (0.75, 30.0), (0.99, 40.0), (1.0, 40.0)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, expected: float):
    assert percentile([40.0, 10.0, 30.0, 20.0], share) == expected


def test_every_percentile_of_one_value_is_that_value():
    assert {percentile([7.0], share) for share in (0.001, 0.5, 0.99, 1.0)} == {7.0}


def test_a_share_of_a_hundred_values_counts_them():
    values = [float(value) for value in range(1, 101)]

    assert [percentile(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50.0, 90.0, 99.0, 100.0]


def test_of_no_value_there_is_no_percentile():
    assert math.isnan(percentile([], 0.5))


def test_an_outcome_counts_steps_in_each_second():
    outcome = Outcome(runs=30, seconds=2.0, latencies_ms=[1.0] * 30, client_cpu_seconds=0.5, steps=4)

    assert outcome.steps_per_second == 60.0


def test_an_outcome_without_runs_has_done_no_step_and_knows_no_latency():
    outcome = Outcome(runs=0, seconds=2.0, latencies_ms=[], client_cpu_seconds=0.1)

    assert outcome.steps_per_second == 0.0
    assert math.isnan(outcome.latency_ms(0.99))


def test_an_outcome_knows_the_latency_that_a_share_of_its_runs_kept():
    outcome = Outcome(runs=3, seconds=1.0, latencies_ms=[9.0, 1.0, 5.0], client_cpu_seconds=0.0)

    assert [outcome.latency_ms(share) for share in (0.3, 0.5, 0.99)] == [1.0, 5.0, 9.0]
