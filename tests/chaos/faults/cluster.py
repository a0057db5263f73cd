"""One of three NATS servers dies, or hands its leadership on."""

from random import Random

from tests.chaos.world import CannotInject, World

STEP_DOWN = "$JS.API.STREAM.LEADER.STEPDOWN."
ANSWER_SECONDS = 3.0


async def a_node_killed(world: World, chance: Random) -> None:
    """Kill -9 of a node; the other two go on."""
    await world.kill(chance.choice(world.stack.servers.nodes).name)


async def the_leader_moved(world: World, chance: Random) -> None:
    """Every stream gets another leader."""
    async with world.bus() as (client, stream):
        moved = 0
        for info in await stream.streams_info():
            answer = await client.request(STEP_DOWN + str(info.config.name), b"", timeout=ANSWER_SECONDS)
            moved += b'"success":true' in answer.data
    if not moved:
        raise CannotInject("no stream had a leader to move")


async def the_leader_killed(world: World, chance: Random) -> None:
    """The server that leads the stream of execution dies."""
    async with world.bus() as (_, stream):
        info = await stream.stream_info("HEADRACE_EXECUTION")
    leader = info.cluster.leader if info.cluster else None
    if leader is None:
        raise CannotInject("the stream had no leader at that moment")
    await world.kill(str(leader))
