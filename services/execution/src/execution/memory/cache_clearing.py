"""Commands in: forget what a blueprint answered."""

from collections.abc import Mapping

from chassis.answering import Answerer
from contracts.caching import CacheView, InvalidateCache
from contracts.message import Request
from contracts.refusal import Forbidden, Missing
from execution.handlers import Collaborators


async def invalidate_cache(command: InvalidateCache, at: Collaborators) -> CacheView:
    """Clear the memory of a blueprint, or of one of its nodes, in all scopes; asking again changes nothing."""
    blueprint, caller = command.blueprint, command.caller
    if not blueprint.visible_to(caller):
        raise Missing("blueprint_not_found", f"There is no blueprint {blueprint.id}.")
    if caller.user_id != blueprint.owner_id and blueprint.team_id not in caller.teams:
        raise Forbidden("not_the_owner", "Only the owner of a blueprint and its team may clear its cache.")
    forgotten = await at.pipeline.around.answers.clear(blueprint.id, command.node_id)
    return CacheView(blueprint_id=blueprint.id, node_id=command.node_id, forgotten=forgotten)


COMMANDS: Mapping[type[Request], Answerer] = {InvalidateCache: invalidate_cache}
"""What the service does about its memory when told to."""
