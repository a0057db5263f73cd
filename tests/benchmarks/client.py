"""The load client: a process of its own that asks the gateway and says what it saw, a JSON line in, a JSON line out."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from time import perf_counter, process_time, time
from typing import Any

import uvloop

from tests.benchmarks.http_load import Connection, request
from tests.benchmarks.telling import tell

OPEN_CONNECTIONS = 64
"""What an open load has at hand: more are made when all of them wait."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask, and how much of it: `in_flight` at all times, or at a `rate`, or when it is due."""

    url: str
    path: str
    token: str
    body: str
    seconds: float
    bodies: tuple[str, ...] = ()
    """One for each request in turn, instead of `body`; the load ends with the last of them."""
    due_seconds: tuple[float, ...] = ()
    """When each of `bodies` is asked, counted from the beginning; instead of `rate`."""
    expect: tuple[str, ...] = ()
    """What every answer's body must contain."""
    method: str = "POST"
    status: int = 200
    in_flight: int = 0
    rate: float = 0.0
    warm_up_seconds: float = 0.0
    most: int = 0
    """Stop after so many answers; 0 is no limit."""


@dataclass(slots=True)
class Seen:
    """What came of it, within the counted seconds."""

    latencies_ms: list[float] = field(default_factory=list)
    began_at: float = 0.0
    """When counting began (Unix time)."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers that were not as expected, the first few of them."""


class Client:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        """Nothing is asked yet."""
        self.order = order
        headers = {"Authorization": f"Bearer {order.token}"}
        bodies = order.bodies or (order.body,)
        self.requests = [request(order.method, order.path, headers, body.encode()) for body in bodies]
        self.most = len(order.bodies) or order.most
        self.expected = [text.encode() for text in order.expect]
        self.seen = Seen()
        self.counted_from = 0.0
        self.until = 0.0
        self.asked = 0

    async def run(self) -> Seen:
        """Connect, warm up, then count."""
        connections = [
            await Connection.connect(self.order.url) for _ in range(self.order.in_flight or OPEN_CONNECTIONS)
        ]
        self.counted_from = perf_counter() + self.order.warm_up_seconds
        self.until = self.counted_from + self.order.seconds
        self.seen.began_at = time() + self.order.warm_up_seconds
        cpu = process_time()
        watching = asyncio.create_task(self._measure())
        is_open = self.order.rate or self.order.due_seconds
        await (self._open_load(connections) if is_open else self._closed_load(connections))
        if self.most:
            watching.cancel()
            self.seen.seconds = perf_counter() - self.counted_from
            self.seen.cpu_seconds = process_time() - cpu
        else:
            await watching
        return self.seen

    async def _measure(self) -> None:
        await asyncio.sleep(self.counted_from - perf_counter())
        cpu = process_time()
        began = perf_counter()
        await asyncio.sleep(self.until - perf_counter())
        self.seen.cpu_seconds = process_time() - cpu
        self.seen.seconds = perf_counter() - began

    async def _closed_load(self, connections: list[Connection]) -> None:
        await asyncio.gather(*(self._keep_asking(connection) for connection in connections))
        for connection in connections:
            connection.close()

    async def _keep_asking(self, connection: Connection) -> None:
        while perf_counter() < self.until and (not self.most or self.asked < self.most):
            await self._ask(connection, perf_counter())

    async def _open_load(self, idle: list[Connection]) -> None:
        asking: set[asyncio.Task[None]] = set()
        for due in self._due_times():
            await asyncio.sleep(max(0.0, due - perf_counter()))
            task = asyncio.create_task(self._ask_on_any(idle, due))
            asking.add(task)
            task.add_done_callback(asking.discard)
        await asyncio.gather(*asking)

    def _due_times(self) -> Iterator[float]:
        began = perf_counter()
        if self.order.due_seconds:
            yield from (began + seconds for seconds in self.order.due_seconds)
            return
        while began < self.until:
            yield began
            began += 1 / self.order.rate

    async def _ask_on_any(self, idle: list[Connection], due: float) -> None:
        connection = idle.pop() if idle else await Connection.connect(self.order.url)
        await self._ask(connection, due)
        idle.append(connection)

    async def _ask(self, connection: Connection, due: float) -> None:
        """The latency counts from when the request was due, so that a stall is not hidden by asking later."""
        asked = self.requests[self.asked % len(self.requests)]
        self.asked += 1
        status, body = await connection.ask(asked)
        now = perf_counter()
        if status != self.order.status or not all(text in body for text in self.expected):
            self._note_wrong(status, body)
        elif self.most or self.counted_from <= now < self.until:
            self.seen.latencies_ms.append((now - due) * 1000)

    def _note_wrong(self, status: int, body: bytes) -> None:
        self.seen.refused += 1
        if len(self.seen.wrong) < 3:
            self.seen.wrong.append(f"{status}: {body[:500].decode(errors='replace')}")


async def answer_orders(carry_out: Callable[[Order], Awaitable[Seen]]) -> None:
    """Carry out the order on stdin, and say on stdout what was seen."""
    raw: dict[str, Any] = json.loads(sys.stdin.readline())
    raw |= {name: tuple(raw.get(name, ())) for name in ("expect", "bodies", "due_seconds")}
    tell(asdict(await carry_out(Order(**raw))))


if __name__ == "__main__":
    uvloop.run(answer_orders(lambda order: Client(order).run()))
