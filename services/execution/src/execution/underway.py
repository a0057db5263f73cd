"""A question that is asked again while the first one is being answered: one answer serves both."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Underway(Generic[K, T]):
    """What this process is at, so that a repetition costs nothing: under load it would make the load worse."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self.answers: dict[K, asyncio.Future[T]] = {}

    async def once(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` answers, or raises; who comes while it is at work hears the same."""
        if (first := self.answers.get(key)) is not None:
            return await asyncio.shield(first)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.answers[key] = answer
        try:
            answer.set_result(await work())
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:
            answer.set_exception(error)
            answer.exception()  # There may be nobody else to hear it.
            raise
        finally:
            del self.answers[key]
        return answer.result()
