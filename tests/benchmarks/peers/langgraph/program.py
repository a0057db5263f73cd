"""Chains of no-op nodes on LangGraph, told and answered in JSON lines; runs in LangGraph's own environment.

Follows docs.langchain.com/oss/python/langgraph/durable-execution (durability "sync": a checkpoint is written before
the next step starts) and docs.langchain.com/oss/python/langgraph/persistence (AsyncPostgresSaver in production); its
connections are made as AsyncPostgresSaver.from_conn_string makes its one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypedDict
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from tests.benchmarks.peers.pacing import serve

RECORDED = """
    SELECT thread_id FROM checkpoints
    WHERE thread_id = ANY(%s) AND (metadata->>'step')::int BETWEEN 1 AND %s
    GROUP BY thread_id HAVING count(*) = %s
"""


class State(TypedDict):
    """What the nodes hand on."""

    done: int


async def step(state: State) -> State:
    """Count, and nothing else."""
    return {"done": state["done"] + 1}


def chain_of(steps: int, saver: AsyncPostgresSaver) -> CompiledStateGraph[State]:
    """A graph of so many nodes in a row."""
    graph = StateGraph(State)
    names = [f"step_{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, step)
    for one, other in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(one, other)
    return graph.compile(checkpointer=saver)


class Engine:
    """LangGraph at work in this process."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._idle: dict[int, list[CompiledStateGraph[State]]] = {}

    async def chain(self, steps: int) -> str:
        """Invoke a graph on a thread of its own."""
        # A saver holds a lock while it writes (langgraph issue 7259): runs at the same time want one each.
        idle = self._idle.setdefault(steps, [])
        graph = idle.pop() if idle else chain_of(steps, AsyncPostgresSaver(self._pool))
        thread = str(uuid4())
        state = await graph.ainvoke({"done": 0}, {"configurable": {"thread_id": thread}}, durability="sync")
        idle.append(graph)
        if state["done"] != steps:
            raise RuntimeError(f"Thread {thread} ended with {state}, not after {steps} steps.")
        return thread

    async def recorded(self, runs: Sequence[str], steps: int) -> set[str]:
        """Those that have a checkpoint after each node."""
        async with self._pool.connection() as connection:
            rows = await connection.execute(RECORDED, [list(runs), steps, steps])
            return {row["thread_id"] async for row in rows}


@asynccontextmanager
async def opened(settings: Mapping[str, Any]) -> AsyncIterator[Engine]:
    """LangGraph with its checkpoints in the database of the settings."""
    connections = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    size = settings["pool_size"]
    async with AsyncConnectionPool(
        settings["dsn"], min_size=size, max_size=size, kwargs=connections, open=False
    ) as pool:
        await AsyncPostgresSaver(pool).setup()
        yield Engine(pool)


if __name__ == "__main__":
    serve(opened)
