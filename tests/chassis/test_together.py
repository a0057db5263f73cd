"""Questions at the same moment are one question, and no answer is older than its question."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chassis.together import Together


class Library:
    """Answers when it is let; remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.edition = 1

    async def look_up(self, words: Sequence[str]) -> Mapping[str, str]:
        self.asked.append(tuple(words))
        edition = self.edition
        await self.open.wait()
        if "fire" in words:
            raise LookupError("burnt")
        return {word: f"{word} {edition}" for word in words}


@pytest.fixture
async def library() -> Library:
    return Library()


async def test_a_single_question_is_asked_at_once(library: Library) -> None:
    assert await Together(library.look_up).get("water") == "water 1"
    assert library.asked == [("water",)]


async def test_what_comes_meanwhile_is_asked_together_each_key_once(library: Library) -> None:
    together = Together(library.look_up)
    library.open.clear()
    first = asyncio.create_task(together.get("water"))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(together.get(word)) for word in ("wheel", "mill", "wheel")]
    await asyncio.sleep(0.01)
    library.open.set()

    assert await asyncio.gather(first, *others) == ["water 1", "wheel 1", "mill 1", "wheel 1"]
    assert library.asked == [("water",), ("wheel", "mill")]


async def test_a_question_is_not_answered_by_one_that_began_before_it(library: Library) -> None:
    together = Together(library.look_up)
    library.open.clear()
    before = asyncio.create_task(together.get("water"))
    await asyncio.sleep(0.01)
    library.edition = 2
    after = asyncio.create_task(together.get("water"))
    await asyncio.sleep(0.01)
    library.open.set()

    assert (await before, await after) == ("water 1", "water 2")


async def test_no_more_are_asked_together_than_allowed(library: Library) -> None:
    together = Together(library.look_up, most=2)

    await asyncio.gather(*(together.get(word) for word in "abcde"))

    assert [len(asked) for asked in library.asked] == [2, 2, 1]


async def test_a_failure_is_told_to_all_who_asked_and_to_nobody_after_them(library: Library) -> None:
    together = Together(library.look_up)

    failed = await asyncio.gather(together.get("fire"), together.get("water"), return_exceptions=True)

    assert [type(error) for error in failed] == [LookupError, LookupError]
    assert await together.get("water") == "water 1"


async def test_who_stops_waiting_leaves_the_others_their_answer(library: Library) -> None:
    together = Together(library.look_up)
    library.open.clear()
    impatient, patient = (asyncio.create_task(together.get("water")) for _ in range(2))
    await asyncio.sleep(0.01)
    impatient.cancel()
    library.open.set()

    assert await patient == "water 1"
