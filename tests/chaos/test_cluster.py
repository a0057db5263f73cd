"""With three copies of each stream, one server of a NATS cluster may die and nothing that it held is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from nats.errors import Error
from nats.js.api import StreamInfo
from nats.js.errors import APIError, ServiceUnavailableError

from chassis.bus import Bus
from headrace.embedded.secrets import Secrets
from headrace.permissions import OPERATOR
from tests.chaos.servers import CLUSTER_NODES, NAMESPACE, ChaosServers
from tests.support.eventually import eventually

CLUSTER_SECONDS = 60.0
ANSWER_SECONDS = 2.0


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[ChaosServers]:
    """Three NATS servers that know each other."""
    servers = ChaosServers(tmp_path, Secrets(), print, CLUSTER_NODES)
    servers.configure_nats()
    for node in servers.nodes:
        node.process.start()
    yield servers
    await asyncio.gather(*(node.process.stop(1.0) for node in servers.nodes))


async def connected(servers: ChaosServers) -> Bus:
    """Once one of them answers."""

    async def connect() -> list[Bus]:
        with suppress(Error, OSError):
            return [await Bus.connect(",".join(servers.nats_direct()), NAMESPACE, OPERATOR, replicas=CLUSTER_NODES)]
        return []

    [bus] = await eventually(connect, CLUSTER_SECONDS)
    return bus


async def test_a_stream_outlives_the_server_that_leads_it(servers: ChaosServers) -> None:
    bus = await connected(servers)

    async def made() -> list[StreamInfo]:
        with suppress(APIError, ServiceUnavailableError, Error):
            return [await bus.ensure_stream("post")]
        return []

    [info] = await eventually(made, CLUSTER_SECONDS)
    assert info.config.num_replicas == CLUSTER_NODES
    subject = bus.subject("post", "Moved", "1")
    await bus.js.publish(subject, b"before", timeout=ANSWER_SECONDS)
    assert info.cluster is not None
    leader = next(node for node in servers.nodes if node.name == info.cluster.leader)
    dead = leader.process.pid

    await leader.process.stop(0.0)

    async def published() -> bool:
        with suppress(APIError, ServiceUnavailableError, Error):
            await bus.js.publish(subject, b"after", headers={"Nats-Msg-Id": "after"}, timeout=ANSWER_SECONDS)
            return True
        return False

    assert dead is not None
    assert await eventually(published, CLUSTER_SECONDS)
    found = [(await bus.js.get_msg(bus.stream("post"), sequence)).data for sequence in (1, 2)]
    await bus.close()
    assert found == [b"before", b"after"]
