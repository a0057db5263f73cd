"""Holds the evidence against every invariant: a pure function, which can fail."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.evidence import Evidence
from tests.chaos.invariants import delivery, effects, promises, recovery, runs

Invariant = Callable[[Evidence], Iterator[str]]

INVARIANTS: tuple[Invariant, ...] = (
    runs.every_accepted_run_is_recorded,
    runs.every_accepted_run_ends_or_waits_for_something_real,
    runs.a_run_ends_once,
    runs.a_history_has_no_gap,
    runs.no_completed_node_ran_again,
    effects.an_effect_is_repeated_only_with_the_same_key,
    effects.an_effect_is_repeated_only_by_a_new_owner,
    effects.what_completed_has_happened,
    promises.an_id_that_was_answered_once_answers_for_ever,
    promises.what_was_told_is_what_is_recorded,
    promises.what_was_refused_left_nothing,
    promises.accepted_orders_are_recorded,
    promises.a_stream_tells_a_history_from_its_beginning,
    delivery.facts_are_on_the_bus_once_and_in_order,
    delivery.what_is_on_the_bus_is_in_the_ledger,
    delivery.the_bus_brings_everything,
    delivery.instances_are_shown_as_recorded,
    delivery.every_end_is_counted_once,
    delivery.only_what_nobody_can_read_is_put_aside,
    delivery.a_rebuilt_read_model_equals_the_live_one,
    delivery.there_are_no_orphans,
    recovery.throughput_is_back_without_a_hand,
    recovery.every_worker_is_taken_for_alive,
    recovery.no_process_grows,
    recovery.no_connection_is_left_behind,
    recovery.no_consumer_is_left_behind,
)
LOST = frozenset({"every_accepted_run_is_recorded", "every_accepted_run_ends_or_waits_for_something_real"})
REPEATED = frozenset({"no_completed_node_ran_again", "an_effect_is_repeated_only_by_a_new_owner"})


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be."""

    invariant: str
    sentence: str

    def __str__(self) -> str:
        """As the report says it."""
        return f"{self.invariant}: {self.sentence}"


def violations(evidence: Evidence) -> list[Violation]:
    """Everything that is not as it must be."""
    return [Violation(invariant.__name__, sentence) for invariant in INVARIANTS for sentence in invariant(evidence)]
