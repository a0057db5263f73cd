"""The post as a service: commands, queries and a read model, as a table and as a process.

`python -m tests.chassis.delivery.post` runs it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from uuid import UUID

import orjson
from pydantic import BaseModel

from chassis import telemetry
from chassis.ids import new_id
from chassis.ledger import Append
from chassis.projection_runner import ProjectionRunner
from chassis.runtime import Runtime
from chassis.service import Service, main
from contracts.message import Caller, Command, Query
from contracts.refusal import Conflict
from tests.chassis.delivery.office import MIGRATIONS, SERVICE, Stops, move
from tests.chassis.parcels import ParcelDelivered, ParcelMoved

ANNE = Caller(user_id="anne")


class Receipt(BaseModel):
    """What a command answers."""

    position: int


class MoveParcel(Command):
    """Move a new parcel to a place."""

    SERVICE: ClassVar[str] = SERVICE
    ANSWER: ClassVar[Any] = Receipt

    place: str


class ListPlaces(Query):
    """Every place there is."""

    SERVICE: ClassVar[str] = SERVICE
    ANSWER: ClassVar[Any] = list[str]

    wait_seconds: float = 0


class Post:
    """What the handlers need."""

    def __init__(self, runtime: Runtime, stops: ProjectionRunner) -> None:
        self.runtime = runtime
        self.stops = stops
        self.asked = 0
        self.traces: list[str | None] = []


async def move_parcel(command: MoveParcel, post: Post) -> Receipt:
    """Record the move of a new parcel."""
    if command.place == "here":
        raise Conflict("already_here", "It is here.")
    if command.place == "fire":
        raise RuntimeError("the house burns")
    parcel: UUID = new_id()
    return Receipt(position=await post.runtime.store.append(Append(parcel, (move(parcel, 1, command.place),))))


async def list_places(query: ListPlaces, post: Post) -> Any:
    """Read every place, after a while if asked to."""
    post.asked += 1
    post.traces.append(telemetry.current_traceparent())
    await asyncio.sleep(query.wait_seconds)
    await post.stops.caught_up()
    places = [row[0] for row in await post.runtime.pool.fetch("SELECT place FROM stops ORDER BY place")]
    return orjson.dumps(places) if query.wait_seconds else places


@asynccontextmanager
async def start(runtime: Runtime) -> AsyncIterator[Post]:
    """Keep the stops."""
    yield Post(runtime, runtime.run(Stops()))


POST = Service(
    name=SERVICE,
    says=(ParcelMoved, ParcelDelivered),
    hears=(("customs", (ParcelDelivered,)),),
    answers={MoveParcel: move_parcel, ListPlaces: list_places},
    migrations=MIGRATIONS,
    start=start,
)

if __name__ == "__main__":
    main(POST)
