"""Calls of nodes as the engine makes them, for tests of single node types."""

from typing import Any
from uuid import UUID

import pytest

from execution.nodes.action import NodeAction, NodeCall, NodeFailure

INSTANCE = UUID("01900000-0000-7000-8000-000000000001")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def node_call(config: dict[str, Any], **members: Any) -> NodeCall:
    """A first attempt with this configuration."""
    told = {"node_type": "tool", "visit": 1, "attempt": 1, "idempotency_key": "key-1", **members}
    return NodeCall(instance_id=INSTANCE, node_id="work", config=config, **told)


async def failure_of(action: NodeAction, call: NodeCall) -> NodeFailure:
    """How the attempt fails."""
    with pytest.raises(NodeFailure) as failed:
        await action.run(call)
    return failed.value
