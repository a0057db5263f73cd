"""The shared memory of answers: who works one out, who waits for it, and what is kept."""

import asyncio
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from chassis.ids import new_id
from execution.memory.answers import PostgresAnswers
from execution.middleware.contract import Awaited, Question, Remembered

BLUEPRINT = UUID(int=7)
ANSWER = Remembered({"label": "refund"}, UUID(int=8), 12.5, 340, Decimal("0.004"))


@pytest.fixture
def answers(pool: asyncpg.Pool) -> PostgresAnswers:
    return PostgresAnswers(pool)


def asking(key: str = "k", *, node_id: str | None = None, lease_seconds: float = 60.0) -> Question:
    """Somebody new asks."""
    return Question(key, new_id(), BLUEPRINT, node_id, lease_seconds)


class TestOneWorksItOut:
    async def test_whoever_asks_first_works_it_out_and_the_others_wait(self, answers: PostgresAnswers) -> None:
        found = await asyncio.gather(*(answers.recall(asking()) for _ in range(20)))
        assert sum(answer is None for answer in found) == 1
        assert sum(isinstance(answer, Awaited) for answer in found) == 19

    async def test_what_was_worked_out_is_everybodys(self, answers: PostgresAnswers) -> None:
        first = asking()
        await answers.recall(first)
        await answers.remember(first, ANSWER, 60)
        assert await answers.recall(asking()) == ANSWER

    async def test_whoever_works_it_out_may_ask_again(self, answers: PostgresAnswers) -> None:
        first = asking()
        assert [await answers.recall(first) for _ in range(2)] == [None, None]

    async def test_one_that_gives_up_lets_the_next_one_try(self, answers: PostgresAnswers) -> None:
        first, second = asking(), asking()
        await answers.recall(first)
        assert isinstance(await answers.recall(second), Awaited)
        await answers.give_up(first.key, first.filler)
        assert await answers.recall(second) is None

    async def test_one_that_is_never_heard_of_again_blocks_nobody_for_long(self, answers: PostgresAnswers) -> None:
        await answers.recall(asking(lease_seconds=0.0))
        assert await answers.recall(asking()) is None

    async def test_one_whose_turn_has_passed_stores_nothing(self, answers: PostgresAnswers) -> None:
        slow, quick = asking(lease_seconds=0.0), asking()
        await answers.recall(slow)
        await answers.recall(quick)
        await answers.remember(slow, ANSWER, 60)
        assert isinstance(await answers.recall(asking()), Awaited)


class TestForgetting:
    async def known(self, answers: PostgresAnswers, key: str, node_id: str | None = None, ttl: float = 60) -> None:
        question = asking(key, node_id=node_id)
        await answers.recall(question)
        await answers.remember(question, ANSWER, ttl)

    async def test_an_answer_that_has_expired_is_worked_out_again(self, answers: PostgresAnswers) -> None:
        await self.known(answers, "k", ttl=0)
        assert await answers.recall(asking()) is None
        await answers.forget_expired()
        assert await answers.pool.fetchval("SELECT count(*) FROM cache_entries") == 0

    async def test_a_blueprints_memory_is_cleared(self, answers: PostgresAnswers) -> None:
        for key, node_id in (("run", None), ("a", "a"), ("b", "b")):
            await self.known(answers, key, node_id)
        assert await answers.clear(BLUEPRINT, None) == 3
        assert await answers.recall(asking("a")) is None

    async def test_or_only_one_nodes(self, answers: PostgresAnswers) -> None:
        for key, node_id in (("run", None), ("a", "a"), ("b", "b")):
            await self.known(answers, key, node_id)
        assert await answers.clear(BLUEPRINT, "a") == 1
        assert await answers.recall(asking("b")) == ANSWER

    async def test_what_was_being_worked_out_meanwhile_is_not_kept(self, answers: PostgresAnswers) -> None:
        early = asking()
        await answers.recall(early)
        await answers.clear(BLUEPRINT, None)
        await answers.remember(early, ANSWER, 60)
        assert await answers.recall(asking()) is None

    async def test_other_blueprints_keep_theirs(self, answers: PostgresAnswers) -> None:
        await self.known(answers, "k")
        assert await answers.clear(UUID(int=9), None) == 0
        assert await answers.recall(asking()) == ANSWER
