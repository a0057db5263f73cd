"""Questions that come at the same moment are asked together: one way to Postgres for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Asks for many keys at once, and never answers from before the question.

    The first question is asked at once. What comes while it is under way is the next one, in which each key stands
    once however many asked for it.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], most: int = 500) -> None:
        """`ask` answers for every key it is given, at most `most` of them."""
        self._ask = ask
        self._most = most
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V:
        """The answer for one key; raises what asking raised."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._keep_asking())
        # Whoever stops waiting leaves the others their answer.
        return await asyncio.shield(answer)

    async def _keep_asking(self) -> None:
        while self._waiting:
            asked = {key: self._waiting.pop(key) for key in list(self._waiting)[: self._most]}
            try:
                answers = await self._ask(tuple(asked))
                for key, answer in asked.items():
                    answer.set_result(answers[key])
            except BaseException as error:
                for answer in asked.values():
                    if not answer.done():
                        answer.set_exception(error if isinstance(error, Exception) else ConnectionError("interrupted"))
                        answer.exception()  # Perhaps nobody waits any more.
                if not isinstance(error, Exception):
                    raise
