"""A position that moves, and waiting for it to move."""

import asyncio


class Progress:
    """Starts at 0. Many tasks may wait; each waiter looks again after every move."""

    def __init__(self) -> None:
        self.position = 0
        self._moved = asyncio.Event()

    def move(self, position: int) -> None:
        """Set the position and wake whoever waits."""
        if position != self.position:
            self.position = position
            self._moved.set()
            self._moved = asyncio.Event()

    async def beyond(self, seen: int, timeout: float) -> bool:
        """Whether the position is beyond `seen`, as soon as it is, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.position <= seen:
                    await self._moved.wait()
        except TimeoutError:
            return self.position > seen
        return True
