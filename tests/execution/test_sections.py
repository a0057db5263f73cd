"""The arbiter of critical sections: who is inside, who is next, and that asking twice changes nothing."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from chassis.ids import new_id
from execution.memory.sections import PostgresSections
from execution.middleware.contract import Ticket, place_id


@pytest.fixture
def sections(pool: asyncpg.Pool) -> PostgresSections:
    return PostgresSections(pool)


def a_ticket(owner: str = "alice", *, key: str = "till", places: int = 1) -> Ticket:
    instance_id = new_id()
    return Ticket(place_id(instance_id, "a", 1, ""), key, places, owner, instance_id, "a", 1, "")


def ids(tickets: Sequence[Ticket]) -> list[UUID]:
    return [ticket.id for ticket in tickets]


class TestWhoIsInside:
    async def test_no_more_than_the_section_has_places(self, sections: PostgresSections) -> None:
        tickets = [a_ticket(places=2) for _ in range(4)]
        assert [await sections.enter(ticket) for ticket in tickets] == [True, True, False, False]

    async def test_sections_are_strangers(self, sections: PostgresSections) -> None:
        assert await sections.enter(a_ticket(key="till"))
        assert await sections.enter(a_ticket(key="safe"))

    async def test_asking_again_changes_nothing(self, sections: PostgresSections) -> None:
        inside, queueing = a_ticket(), a_ticket()
        assert [await sections.enter(inside) for _ in range(3)] == [True] * 3
        assert [await sections.enter(queueing) for _ in range(3)] == [False] * 3
        assert ids(await sections.leave(inside.id)) == [queueing.id]
        assert await sections.enter(queueing)

    async def test_leaving_twice_lets_only_one_in(self, sections: PostgresSections) -> None:
        first, second, third = (a_ticket() for _ in range(3))
        for ticket in (first, second, third):
            await sections.enter(ticket)
        assert ids(await sections.leave(first.id)) == [second.id]
        assert ids(await sections.leave(first.id)) == []

    async def test_who_gives_up_queueing_holds_nobody_back(self, sections: PostgresSections) -> None:
        first, second, third = (a_ticket() for _ in range(3))
        for ticket in (first, second, third):
            await sections.enter(ticket)
        assert ids(await sections.leave(second.id)) == []
        assert ids(await sections.leave(first.id)) == [third.id]

    async def test_a_section_that_nobody_needs_leaves_nothing_behind(
        self, sections: PostgresSections, pool: asyncpg.Pool
    ) -> None:
        ticket = a_ticket()
        await sections.enter(ticket)
        await sections.leave(ticket.id)
        for table in ("sections", "section_owners", "section_tickets"):
            assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0


class TestWhoIsNext:
    async def order(self, sections: PostgresSections, tickets: Sequence[Ticket]) -> list[str]:
        """Let everybody queue, and then each leave as soon as it is inside."""
        for ticket in tickets:
            await sections.enter(ticket)
        inside, order = list(tickets[:1]), []
        while inside:
            ticket = inside.pop(0)
            order.append(f"{ticket.owner}{tickets.index(ticket)}")
            found = await sections.leave(ticket.id)
            inside += [next(other for other in tickets if other.id == next_one.id) for next_one in found]
        return order

    async def test_first_come_first_served_within_an_owner(self, sections: PostgresSections) -> None:
        assert await self.order(sections, [a_ticket("a") for _ in range(4)]) == ["a0", "a1", "a2", "a3"]

    async def test_owners_take_turns_however_much_one_asks_for(self, sections: PostgresSections) -> None:
        tickets = [*(a_ticket("a") for _ in range(4)), *(a_ticket("b") for _ in range(2)), a_ticket("c")]
        assert await self.order(sections, tickets) == ["a0", "b4", "c6", "a1", "b5", "a2", "a3"]

    async def test_coming_back_does_not_jump_the_queue(self, sections: PostgresSections) -> None:
        first, waiting, again = a_ticket("a"), a_ticket("b"), a_ticket("a")
        for ticket in (first, waiting, again):
            await sections.enter(ticket)
        assert ids(await sections.leave(first.id)) == [waiting.id]
        third = a_ticket("b")
        await sections.enter(third)
        assert ids(await sections.leave(waiting.id)) == [again.id]


class TestUnderLoad:
    async def test_hundreds_that_queue_for_one_place_all_get_it_one_at_a_time(self, sections: PostgresSections) -> None:
        tickets = {ticket.id: ticket for ticket in (a_ticket(f"user-{number % 7}") for number in range(300))}
        granted = await asyncio.gather(*(sections.enter(ticket) for ticket in tickets.values()))
        assert sum(granted) == 1
        inside = [ticket.id for ticket, has in zip(tickets.values(), granted, strict=True) if has]
        served: list[UUID] = []
        while inside:
            ticket_id = inside.pop()
            served.append(ticket_id)
            inside += ids(await sections.leave(ticket_id))
            assert len(inside) <= 1
        assert set(served) == set(tickets)
        assert len(served) == len(tickets)

    async def test_entering_and_leaving_at_once_never_lets_too_many_in_nor_locks_anybody_out(
        self, sections: PostgresSections
    ) -> None:
        places, inside, most = 3, 0, 0
        tickets = [a_ticket(places=places) for _ in range(120)]
        let_in = {ticket.id: asyncio.Event() for ticket in tickets}

        async def visit(ticket: Ticket) -> None:
            nonlocal inside, most
            if not await sections.enter(ticket):
                await let_in[ticket.id].wait()
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            for granted in await sections.leave(ticket.id):
                let_in[granted.id].set()

        await asyncio.gather(*(visit(ticket) for ticket in tickets))
        assert most <= places


class TestWhatACrashLeaves:
    async def test_an_entrance_that_was_not_told_is_found(self, sections: PostgresSections) -> None:
        first, second = a_ticket(), a_ticket()
        await sections.enter(first)
        await sections.enter(second)
        await sections.leave(first.id)
        assert ids(await sections.untold(0, 10)) == [second.id]
        await sections.told(second.id)
        assert await sections.untold(0, 10) == []

    async def test_every_ticket_is_looked_at_once_in_a_while(self, sections: PostgresSections) -> None:
        tickets = [a_ticket() for _ in range(3)]
        for ticket in tickets:
            await sections.enter(ticket)
        assert {*ids(await sections.to_look_at(0, 10))} == {*ids(tickets)}
        assert await sections.to_look_at(60, 10) == []

    async def test_an_instance_knows_its_tickets(self, sections: PostgresSections) -> None:
        ticket = a_ticket()
        await sections.enter(ticket)
        assert await sections.drawn_by(ticket.instance_id) == [ticket.id]
