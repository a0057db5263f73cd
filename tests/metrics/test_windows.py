"""Which rollups answer a window: every execution once, none twice, whatever the window."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.message import Caller
from contracts.metrics import GetUsage
from contracts.refusal import Malformed
from metrics.domain import Execution, Part, Rollup, Span, Tally, Window, settle
from metrics.queries import window_of
from tests.metrics.facts import NOON, figures

BLUEPRINT = UUID(int=1)
MINUTE = timedelta(minutes=1)
moments = st.integers(0, 4 * 24 * 60 * 60).map(lambda seconds: NOON + timedelta(seconds=seconds))


def rollups(span: Span, ended: Iterable[datetime]) -> list[Rollup]:
    """What the projection would have made of these endings."""
    tallies: dict[datetime, Tally] = defaultdict(Tally)
    for moment in ended:
        tallies[span.begin(moment)].add(Tally.of(Execution(BLUEPRINT, "ada", "completed", moment, figures())))
    return [Rollup(BLUEPRINT, span, starts_at, tally) for starts_at, tally in tallies.items()]


def lying_in(part: Part, ended: Iterable[datetime]) -> list[datetime]:
    return [moment for moment in ended if part.window.since <= moment < part.window.until]


@given(st.lists(moments, max_size=60), moments, moments)
def test_rollups_and_single_executions_cover_each_moment_of_a_window_once(
    ended: list[datetime], one: datetime, other: datetime
) -> None:
    window = Window(*sorted((one, other)))
    counted, parts = 0, [Part(BLUEPRINT, window)]
    for span in Span:
        touching = [
            rollup
            for part in parts
            for rollup in rollups(span, ended)
            if span.begin(part.window.since) <= rollup.starts_at < part.window.until
        ]
        whole, parts = settle(window, touching)
        counted += sum(rollup.tally.total for rollup in whole)
        assert len(parts) <= 2
    counted += sum(len(lying_in(part, ended)) for part in parts)
    assert counted == len(lying_in(Part(BLUEPRINT, window), ended))


@given(moments, st.sampled_from(Span))
def test_every_moment_belongs_to_the_stretch_of_time_that_begins_before_it(moment: datetime, span: Span) -> None:
    begin = span.begin(moment + timedelta(microseconds=1))
    assert begin <= moment < begin + span.length
    assert span.begin(begin) == begin


def test_the_day_that_is_running_now_needs_no_closer_look() -> None:
    window = Window(NOON - timedelta(days=30), NOON)
    whole, parts = settle(window, rollups(Span.DAY, [NOON - MINUTE]))
    assert len(whole) == 1
    assert parts == []


def test_the_end_of_a_window_is_outside_it() -> None:
    whole, parts = settle(Window(NOON, NOON + MINUTE), rollups(Span.HOUR, [NOON, NOON + MINUTE]))
    assert whole == []
    assert parts == [Part(BLUEPRINT, Window(NOON, NOON + MINUTE))]


@pytest.mark.parametrize(("completed", "failed", "rate"), [(3, 1, 0.75), (0, 2, 0.0), (5, 0, 1.0), (0, 0, None)])
def test_the_success_rate_leaves_out_what_was_cancelled(completed: int, failed: int, rate: float | None) -> None:
    assert Tally(completed=completed, failed=failed, cancelled=7).success_rate == rate


def test_nothing_counted_has_no_average() -> None:
    assert Tally().mean_ms is None


def asked(since: datetime, until: datetime) -> Window:
    return window_of(GetUsage(caller=Caller(user_id="ada"), since=since, until=until))


def test_a_window_without_a_zone_is_in_utc() -> None:
    assert asked(NOON.replace(tzinfo=None), NOON + MINUTE) == Window(NOON, NOON + MINUTE)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Malformed, match="ends before it begins"):
        asked(NOON, NOON - MINUTE)


def test_a_window_beyond_the_years_of_utc_is_refused() -> None:
    with pytest.raises(Malformed, match="years 1 to 9999"):
        asked(datetime.fromisoformat("0001-01-01T00:00:00+05:00"), NOON)
