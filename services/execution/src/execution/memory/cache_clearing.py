"""Commands in: forget what a blueprint answered."""

from collections.abc import Mapping

from chassis.answering import Answerer
from contracts.caching import CacheView, InvalidateCache
from contracts.message import Request
from execution.domain.permissions import check_cleared
from execution.handlers import Collaborators


async def invalidate_cache(command: InvalidateCache, at: Collaborators) -> CacheView:
    """Clear the memory of a blueprint, or of one of its nodes, in all scopes; asking again changes nothing."""
    blueprint = command.blueprint
    check_cleared(blueprint, command.caller)
    forgotten = await at.pipeline.around.answers.clear(blueprint.id, command.node_id)
    return CacheView(blueprint_id=blueprint.id, node_id=command.node_id, forgotten=forgotten)


COMMANDS: Mapping[type[Request], Answerer] = {InvalidateCache: invalidate_cache}
"""What the service does about its memory when told to."""
