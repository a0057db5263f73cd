"""A key's mailbox: who lines up, who takes, and that nothing is handed out twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import new_id
from contracts import instance_events as facts
from contracts.refusal import Conflict
from contracts.steering import MAX_SIGNALS_KEPT
from execution.domain.visits import Visit
from execution.steering.mailbox import Address, Mailbox, owner_of
from execution.steering.open_waits import has_room_for, open_waits
from tests.support.builders import a_graph, a_node, an_id
from tests.support.story import NOON, Story

ADDRESS = Address(an_id(1), "team:mill", "paid", "order 7")
ONE, TWO, THREE = an_id(11), an_id(12), an_id(13)
HERE = Visit("wait", 1)


def lined_up(*instances: UUID) -> Mailbox:
    """A mailbox with these in its line."""
    mailbox = Mailbox(ADDRESS)
    for instance_id in instances:
        mailbox.apply(mailbox.line_up(instance_id, HERE, "", NOON))
    return mailbox


class TestAMailbox:
    def test_is_one_for_each_blueprint_owner_name_and_key(self) -> None:
        others = [
            ADDRESS._replace(blueprint_id=an_id(2)),
            ADDRESS._replace(owner=owner_of("mill", None)),
            ADDRESS._replace(name="sent"),
            ADDRESS._replace(key="order 8"),
        ]
        assert len({address.stream_id for address in (ADDRESS, *others)}) == 5

    def test_keeps_signals_in_order_until_each_is_taken(self) -> None:
        mailbox, first, second = Mailbox(ADDRESS), new_id(), new_id()
        for signal_id in (first, second):
            mailbox.apply(mailbox.post(signal_id, None, "alice", NOON))
        mailbox.apply(mailbox.hand_to(ONE, first, NOON))
        assert (list(mailbox.posted), mailbox.taken[first]) == ([second], ONE)
        assert mailbox.knows(first)
        assert not mailbox.knows(new_id())

    def test_asks_the_first_in_the_line_first_and_each_once(self) -> None:
        assert list(lined_up(ONE, TWO, ONE, THREE).line) == [ONE, TWO, THREE]

    def test_forgets_those_who_were_passed_over(self) -> None:
        mailbox = lined_up(ONE, TWO, THREE)
        mailbox.apply(mailbox.hand_to(TWO, new_id(), NOON))
        assert list(mailbox.line) == [THREE]

    def test_forgets_the_whole_line_when_nobody_in_it_waits_any_more(self) -> None:
        mailbox = lined_up(ONE, TWO)
        mailbox.apply(mailbox.post(new_id(), None, "alice", NOON))
        assert list(mailbox.line) == []

    def test_takes_no_more_than_its_limit(self) -> None:
        mailbox = Mailbox(ADDRESS)
        for _ in range(MAX_SIGNALS_KEPT):
            mailbox.apply(mailbox.post(new_id(), None, "alice", NOON))
        with pytest.raises(Conflict) as refused:
            mailbox.post(new_id(), None, "alice", NOON)
        assert refused.value.code == "too_many_signals"

    def test_hears_a_fact_once(self) -> None:
        mailbox = lined_up(ONE)
        again = mailbox.copy()
        again.apply(Mailbox(ADDRESS).line_up(TWO, HERE, "", NOON))
        assert again == mailbox


def waiting(*nodes: Any) -> Story:
    """A run that waits at all of these nodes at once."""
    return Story(a_graph(*(f"start -> {node.id}" for node in nodes), *nodes))


def keyed(key: str = "order 7") -> facts.SignalReceived:
    """A signal with a key, not yet recorded."""
    place: dict[str, Any] = {"originator_id": ONE, "originator_version": 1, "timestamp": NOON}
    return facts.SignalReceived(**place, signal_id=new_id(), name="paid", key=key, payload=1, by="alice")


WAIT = a_node("wait", "signal", name="paid", key="order 7")


class TestRoomForASignal:
    def test_is_where_a_visit_waits_for_its_name_and_key(self) -> None:
        story = waiting(WAIT)
        assert has_room_for(story.instance, keyed(), NOON)
        assert not has_room_for(story.instance, keyed("order 8"), NOON)

    def test_is_gone_when_one_is_there_that_only_has_to_be_noticed(self) -> None:
        story = waiting(WAIT)
        story.instance.signals.append(keyed())
        assert not has_room_for(story.instance, keyed(), NOON)

    def test_is_left_where_two_wait_and_one_signal_is_there(self) -> None:
        story = waiting(WAIT, a_node("other", "signal", name="paid", key="order 7"))
        story.instance.signals.append(keyed())
        assert has_room_for(story.instance, keyed(), NOON)
        assert {awaited.visit.node_id for awaited in open_waits(story.instance, NOON)} == {"other"}

    def test_is_gone_when_the_race_is_over_by_the_clock(self) -> None:
        race = a_node("wait", "race", waits={"a": {"signal": "paid", "key": "order 7"}, "b": {"seconds": 60}})
        story = waiting(race)
        assert has_room_for(story.instance, keyed(), NOON + timedelta(seconds=59))
        assert not has_room_for(story.instance, keyed(), NOON + timedelta(seconds=60))

    @pytest.mark.parametrize("member", ["cancel_requested_by", "terminate_requested_by"])
    def test_is_gone_when_the_run_is_about_to_end(self, member: str) -> None:
        story = waiting(WAIT)
        setattr(story.instance, member, "alice")
        assert not has_room_for(story.instance, keyed(), NOON)

    def test_is_gone_when_the_run_has_had_its_time(self) -> None:
        story = Story(a_graph("start -> wait", WAIT), timeout_seconds=10)
        assert has_room_for(story.instance, keyed(), NOON + timedelta(seconds=9))
        assert not has_room_for(story.instance, keyed(), NOON + timedelta(seconds=10))

    def test_is_there_in_a_paused_run(self) -> None:
        story = waiting(WAIT)
        story.hears(facts.InstancePauseRequested, by="alice")
        assert has_room_for(story.instance, keyed(), NOON)
